//! [`RpcServiceBuilder`]: describes a server and builds it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::build_error::BuildError;
use super::dispatcher::{Dispatcher, Runtime};
use super::generation::{Generation, Generations};
use super::identity::new_server_id;
use super::info::ServiceInfo;
use super::introspection::describe::{self, DESCRIBE};
use super::introspection::reflection::{self, Catalog};
use super::method::{Method, Protocol};
use super::request::RequestDecoder;
use super::service::{Inner, RpcService};
use super::stack::{self, CallLayer, SharedLayer};
use super::token::{TokenKeys, Tokens};
use crate::session::Sessions;

/// How large a decoded request may be unless the server says otherwise: 64 MiB.
pub const DEFAULT_MAX_REQUEST_BYTES: usize = 64 << 20;

/// How long a stream's tokens are good unless the server says otherwise: an hour.
pub const DEFAULT_TOKEN_TIME_TO_LIVE: Duration = Duration::from_secs(3600);

/// Describes a server; see [`RpcService::builder`].
#[must_use = "a builder does nothing until `build` is called"]
#[derive(Debug)]
pub struct RpcServiceBuilder {
    protocols: Vec<Protocol>,
    flat: Option<Protocol>,
    layers: Vec<SharedLayer>,
    server_id: Option<String>,
    server_version: String,
    describe: bool,
    generations: Generations,
    token_keys: Option<TokenKeys>,
    token_time_to_live: Option<Duration>,
    sessions: Sessions,
    max_request_bytes: usize,
    tracebacks: bool,
}

impl RpcServiceBuilder {
    pub(super) fn new() -> Self {
        Self {
            protocols: Vec::new(),
            flat: None,
            layers: Vec::new(),
            server_id: None,
            server_version: String::new(),
            describe: true,
            generations: Generations::Both,
            token_keys: None,
            token_time_to_live: Some(DEFAULT_TOKEN_TIME_TO_LIVE),
            sessions: Sessions::new(),
            max_request_bytes: DEFAULT_MAX_REQUEST_BYTES,
            tracebacks: true,
        }
    }

    /// Hosts a protocol. The first is the primary: the flat routes lead to it, and pages and health show its name.
    pub fn protocol(mut self, protocol: impl Into<Protocol>) -> Self {
        self.protocols.push(protocol.into());
        self
    }

    /// Puts another protocol than the primary behind the flat routes, for services whose methods have changed since.
    pub fn flat_protocol(mut self, protocol: impl Into<Protocol>) -> Self {
        self.flat = Some(protocol.into());
        self
    }

    /// Puts a layer around all calls. The first one added is the outermost.
    ///
    /// ```
    /// # use tower_vgi::rpc::{Method, Protocol, RpcService};
    /// # use std::time::Duration;
    /// # let greeter = Protocol::new("Greeter");
    /// let service = RpcService::builder()
    ///     .protocol(greeter)
    ///     .layer(tower::timeout::TimeoutLayer::new(Duration::from_secs(30)))
    ///     .build()?;
    /// # Ok::<(), tower_vgi::rpc::BuildError>(())
    /// ```
    pub fn layer(mut self, layer: impl CallLayer) -> Self {
        self.layers.push(SharedLayer::new(layer));
        self
    }

    /// Sets the id that responses, tokens and logs carry. Default: 12 random hexadecimal digits.
    pub fn server_id(mut self, id: impl Into<String>) -> Self {
        self.server_id = Some(id.into());
        self
    }

    /// Sets the version of the server that introspection shows. Default: empty.
    pub fn server_version(mut self, version: impl Into<String>) -> Self {
        self.server_version = version.into();
        self
    }

    /// Whether callers may ask what the server hosts (`__describe__` and `vgi_rpc.Reflection.v1`). Default: yes.
    pub fn describe(mut self, describe: bool) -> Self {
        self.describe = describe;
        self
    }

    /// Which wire generations are answered. Default: both.
    pub fn generations(mut self, generations: Generations) -> Self {
        self.generations = generations;
        self
    }

    /// Sets the keys that seal stream tokens. Default: a random one, so that tokens end with the process.
    pub fn token_keys(mut self, keys: TokenKeys) -> Self {
        self.token_keys = Some(keys);
        self
    }

    /// Sets how long a stream's tokens are good; zero means for ever. Default: [`DEFAULT_TOKEN_TIME_TO_LIVE`].
    pub fn token_time_to_live(mut self, time_to_live: Duration) -> Self {
        self.token_time_to_live = (!time_to_live.is_zero()).then_some(time_to_live);
        self
    }

    /// Sets where live objects are kept between calls. Default: [`Sessions::new`].
    pub fn sessions(mut self, sessions: Sessions) -> Self {
        self.sessions = sessions;
        self
    }

    /// Sets how many bytes of a decoded request body the core takes. Default: [`DEFAULT_MAX_REQUEST_BYTES`].
    ///
    /// This is the core's own safety net and is not advertised; a limiting layer advertises a lower one.
    pub fn max_request_bytes(mut self, bytes: usize) -> Self {
        self.max_request_bytes = bytes;
        self
    }

    /// Whether errors tell callers where they come from. Default: yes.
    pub fn tracebacks(mut self, tracebacks: bool) -> Self {
        self.tracebacks = tracebacks;
        self
    }

    /// Builds the server.
    ///
    /// # Errors
    ///
    /// Every mistake of the description at once: no protocol, names that collide or are malformed, versions that are not
    /// `MAJOR.MINOR.PATCH`, schemas that cannot be encoded.
    pub fn build(self) -> Result<RpcService, BuildError> {
        let Some(primary) = self.protocols.first().cloned() else {
            return Err(BuildError::new(vec!["a server needs at least one protocol".to_owned()]));
        };
        let server_id = self.server_id.unwrap_or_else(new_server_id);
        let mut info = ServiceInfo::new(server_id.as_str(), primary.name());
        info.server_version.clone_from(&self.server_version);
        info.describe = self.describe;
        let mut protocols = self.protocols;
        let mut flat = self.flat.unwrap_or(primary);
        if self.generations.contains(Generation::Namespaced) {
            info.protocols.clone_from(&protocols);
        }
        if self.generations.contains(Generation::Flat) {
            info.flat = Some(flat.clone());
        }
        let catalog = Arc::new(OnceLock::new());
        if self.describe {
            flat = with_describe(flat, &server_id)?;
            protocols.push(reflection::protocol(catalog.clone()));
        }
        let keys = self.token_keys.unwrap_or_else(TokenKeys::random);
        let runtime = Runtime { tokens: Tokens::new(keys, self.token_time_to_live), sessions: self.sessions };
        let dispatcher = Dispatcher::new(protocols, flat, runtime)?;
        let hosted = dispatcher.hosts().protocols.iter().map(|hosted| &*hosted.protocol);
        // Nobody has called yet, so nobody has filled it.
        let _ = catalog.set(Catalog::new(&server_id, &self.server_version, hosted));
        Ok(RpcService::new(Inner {
            stack: stack::wrap(dispatcher.clone(), &self.layers),
            dispatcher,
            info: Arc::new(info),
            server_id: server_id.into(),
            generations: self.generations,
            decoder: RequestDecoder::new(self.max_request_bytes),
            tracebacks: self.tracebacks,
        }))
    }
}

/// The protocol with the flat generation's description of it as one more method.
fn with_describe(protocol: Protocol, server_id: &str) -> Result<Protocol, BuildError> {
    let description = describe::describe(&protocol, server_id)
        .map_err(|error| BuildError::new(vec![format!("protocol '{}' cannot be described: {error}", protocol.name)]))?;
    Ok(protocol.method(Method::constant(DESCRIBE, description)))
}
