//! [`Channel`]: the way to one server.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::RecordBatch;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use tokio::sync::OnceCell;

use super::builder::{ChannelBuilder, Settings};
use super::call::MethodCall;
use super::capabilities::{self, ServerCapabilities};
use super::connect::Connection;
use super::exchange::ExchangeStream;
use super::producer::ProducerStream;
use super::service::HttpService;
use super::session::SessionState;
use super::zstd::Contexts;
use crate::generation::Generation;
use crate::headers::ARROW;
use crate::wire::{AnnotatedBatch, BufferPool, Limits, SchemaCache, WireSchema};
use crate::{Result, RpcError};

/// The way to one server, over any service `S` of HTTP requests. Clones share everything.
///
/// ```no_run
/// # async fn call() -> Result<(), tower_vgi::RpcError> {
/// use tower_vgi::client::Channel;
///
/// let channel = Channel::builder()
///     .prefix("/vgi")
///     .on_log(|log| eprintln!("{}: {}", log.level.as_str(), log.message))
///     .connect("http://localhost:8080")?;
/// let capabilities = channel.capabilities().await?;
/// # let _ = capabilities;
/// # Ok(())
/// # }
/// ```
pub struct Channel<S = Connection> {
    pub(crate) service: S,
    pub(crate) shared: Arc<Shared>,
    pub(crate) session: Option<Arc<SessionState>>,
}

/// What all clones of a channel have in common.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    scheme: Option<Scheme>,
    authority: Option<Authority>,
    /// The headers of every RPC request.
    pub(crate) headers: HeaderMap,
    pub(crate) pool: Arc<BufferPool>,
    pub(crate) schemas: Arc<SchemaCache>,
    pub(crate) limits: Limits,
    pub(crate) zstd: Arc<Contexts>,
    pub(crate) takes_zstd: AtomicU8,
    generation: OnceCell<Generation>,
    pub(crate) capabilities: Mutex<Option<Arc<ServerCapabilities>>>,
    /// The schema of the last batch that was sent by name: the next one is probably of the same.
    last_schema: Mutex<Option<Arc<WireSchema>>>,
}

/// Who calls, unless the application says so itself.
const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("tower-vgi/", env!("CARGO_PKG_VERSION")));

/// Whether the server takes zstd.
pub(crate) const UNKNOWN: u8 = 0;
pub(crate) const YES: u8 = 1;
pub(crate) const NO: u8 = 2;

impl Channel {
    /// A channel over a pool of connections to `url`, with default settings; see [`ChannelBuilder::connect`].
    ///
    /// # Errors
    ///
    /// A `ValueError` for a URL that cannot be used.
    pub fn connect(url: &str) -> Result<Self, RpcError> {
        ChannelBuilder::default().connect(url)
    }

    /// Begins the description of a channel.
    pub fn builder() -> ChannelBuilder {
        ChannelBuilder::default()
    }
}

impl<S: HttpService> Channel<S> {
    /// A channel to a server in the same process: the full HTTP path, without a socket and without compression.
    pub fn in_process(service: S) -> Self {
        let builder = ChannelBuilder::default().accept_compressed(false).compression_level(None);
        Self::of(service, Uri::from_static("/"), builder.settings)
    }

    pub(crate) fn new(service: S, base: Uri, settings: Settings) -> Result<Self, RpcError> {
        if base.query().is_some() {
            return Err(RpcError::value_error("the URL of a server has no query"));
        }
        if base.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(RpcError::value_error(
                "credentials in the URL of a server are not sent: give them as a header, with `ChannelBuilder::header`",
            ));
        }
        if settings.prefix.contains(['?', '#']) {
            return Err(RpcError::value_error(format!("the prefix '{}' is no path", settings.prefix)));
        }
        let bytes = settings.max_response_bytes.unwrap_or(u64::MAX);
        if bytes < 65_536 {
            return Err(RpcError::value_error(format!(
                "max_response_bytes is {bytes}; servers are told at least 65536, so that every error fits"
            )));
        }
        Ok(Self::of(service, base, settings))
    }

    fn of(service: S, base: Uri, mut settings: Settings) -> Self {
        if settings.prefix.is_empty() {
            base.path().clone_into(&mut settings.prefix);
        }
        #[cfg(feature = "external")]
        {
            settings.external.allow_nulls = !settings.strict;
            if let (Some(scheme), Some(authority), Some(fetcher)) =
                (base.scheme(), base.authority(), &settings.external.fetcher)
            {
                // What cannot be allowed is not read.
                let own = fetcher.allow_origin(&format!("{scheme}://{authority}"));
                settings.external.fetcher = own.ok().or_else(|| settings.external.fetcher.clone());
            }
        }
        let trimmed = settings.prefix.trim_matches('/');
        settings.prefix = if trimmed.is_empty() { String::new() } else { format!("/{trimmed}") };
        let mut headers = settings.headers.clone();
        headers.insert(header::CONTENT_TYPE, ARROW);
        headers.insert(header::ACCEPT, ARROW);
        headers.entry(header::USER_AGENT).or_insert(USER_AGENT);
        if settings.accept_compressed {
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("zstd"));
        }
        let largest = settings.max_response_bytes.and_then(|bytes| usize::try_from(bytes).ok());
        let limits = Limits::default().with_max_decoded_bytes(largest.unwrap_or(usize::MAX / 2));
        let parts = base.into_parts();
        let generation = settings.generation.map_or_else(OnceCell::new, |told| OnceCell::new_with(Some(told)));
        let shared = Shared {
            scheme: parts.scheme,
            authority: parts.authority,
            headers,
            pool: BufferPool::new(),
            schemas: Arc::default(),
            limits,
            zstd: Arc::default(),
            takes_zstd: AtomicU8::new(UNKNOWN),
            generation,
            capabilities: Mutex::new(None),
            last_schema: Mutex::new(None),
            settings,
        };
        Self { service, shared: Arc::new(shared), session: None }
    }

    /// Begins a call of a method by its names on the wire.
    pub fn method(&self, protocol: &str, method: &str) -> MethodCall<'_, S> {
        MethodCall::new(self, protocol, method)
    }

    /// Calls a unary method by name. The batch has one row, a column for each parameter.
    ///
    /// # Errors
    ///
    /// What the server answers, or why it could not be asked.
    pub async fn unary(
        &self,
        protocol: &str,
        method: &str,
        parameters: RecordBatch,
    ) -> Result<AnnotatedBatch, RpcError> {
        self.method(protocol, method).unary(parameters).await
    }

    /// Opens a producer without a header by name; with one, use [`Channel::method`].
    ///
    /// # Errors
    ///
    /// As [`Channel::unary`].
    pub async fn producer(
        &self,
        protocol: &str,
        method: &str,
        parameters: RecordBatch,
    ) -> Result<ProducerStream<S, Option<AnnotatedBatch>>, RpcError> {
        self.method(protocol, method).producer(parameters).await
    }

    /// Opens an exchange without a header by name; with one, use [`Channel::method`].
    ///
    /// # Errors
    ///
    /// As [`Channel::unary`].
    pub async fn exchange(
        &self,
        protocol: &str,
        method: &str,
        parameters: RecordBatch,
    ) -> Result<ExchangeStream<S, Option<AnnotatedBatch>>, RpcError> {
        self.method(protocol, method).exchange(parameters).await
    }

    /// What the server says it can do, asked unless it is known and still holds.
    ///
    /// # Errors
    ///
    /// Why the server could not be asked.
    pub async fn capabilities(&self) -> Result<Arc<ServerCapabilities>, RpcError> {
        let known = lock(&self.shared.capabilities).clone().filter(|known| !known.is_expired());
        match known {
            Some(known) => Ok(known),
            None => self.ask_capabilities().await,
        }
    }

    /// Which form of the wire the server speaks; asked once a channel.
    ///
    /// # Errors
    ///
    /// Why the server could not be asked. The next call asks again.
    pub async fn generation(&self) -> Result<Generation, RpcError> {
        if let Some(known) = self.shared.generation.get() {
            return Ok(*known);
        }
        let found = self.shared.generation.get_or_try_init(|| async {
            let capabilities = self.ask_capabilities().await?;
            Ok(if capabilities.response_budgets { Generation::Namespaced } else { Generation::Flat })
        });
        found.await.copied()
    }

    async fn ask_capabilities(&self) -> Result<Arc<ServerCapabilities>, RpcError> {
        let capabilities = Arc::new(capabilities::ask(self).await?);
        let zstd = if capabilities.supported_encodings.iter().any(|name| name == "zstd") { YES } else { NO };
        self.shared.takes_zstd.store(zstd, Ordering::Relaxed);
        *lock(&self.shared.capabilities) = Some(capabilities.clone());
        Ok(capabilities)
    }
}

impl<S> Channel<S> {
    /// The service that requests go through.
    pub fn get_ref(&self) -> &S {
        &self.service
    }

    pub(crate) fn uri(&self, path: &str) -> Result<Uri, RpcError> {
        let invalid =
            |error: http::Error| RpcError::value_error(format!("the path {path} cannot be requested: {error}"));
        let path_and_query = PathAndQuery::try_from(format!("{}{path}", self.shared.settings.prefix))
            .map_err(|error| invalid(error.into()))?;
        let mut parts = http::uri::Parts::default();
        parts.scheme.clone_from(&self.shared.scheme);
        parts.authority.clone_from(&self.shared.authority);
        parts.path_and_query = Some(path_and_query);
        Uri::from_parts(parts).map_err(|error| invalid(error.into()))
    }

    /// The schema with its message; made once where calls repeat.
    pub(crate) fn wire_schema(&self, batch: &RecordBatch) -> Result<Arc<WireSchema>, RpcError> {
        let mut last = lock(&self.shared.last_schema);
        match &*last {
            Some(last) if Arc::ptr_eq(last.schema(), batch.schema_ref()) => Ok(last.clone()),
            Some(last) if last.schema() == batch.schema_ref() => Ok(last.clone()),
            _ => {
                let schema = WireSchema::new(batch.schema())
                    .map_err(|error| RpcError::value_error(format!("the batch cannot be sent: {error}")))?;
                *last = Some(schema.clone());
                Ok(schema)
            }
        }
    }

    /// Requests of RPC methods are `POST`, of discovery `OPTIONS`.
    pub(crate) fn health(&self) -> Result<(Method, Uri), RpcError> {
        Ok((Method::OPTIONS, self.uri("/health")?))
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Clone> Clone for Channel<S> {
    fn clone(&self) -> Self {
        Self { service: self.service.clone(), shared: self.shared.clone(), session: self.session.clone() }
    }
}

impl<S> fmt::Debug for Channel<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Channel")
            // Not the authority as it is: before the host, credentials may be written.
            .field("host", &self.shared.authority.as_ref().map(Authority::host))
            .field("settings", &self.shared.settings)
            .finish_non_exhaustive()
    }
}
