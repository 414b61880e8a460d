//! [`StickyLayer`] and what is configured with it.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tower_layer::Layer;
use tower_vgi::rpc::{RpcService, Sealer};
use tower_vgi::session::{DrainHandle, MAX_TIME_TO_LIVE, SESSION, SESSION_CLOSE, Sessions};
use tower_vgi::{Advertise, Capabilities};

use super::echo::EchoHeaders;
use super::service::Sticky;
use super::token::PURPOSE;
use crate::seconds::rounded_up;

/// How long a session lives unless server or method say otherwise.
pub const DEFAULT_TIME_TO_LIVE: Duration = Duration::from_secs(300);

const STICKY_ENABLED: HeaderName = HeaderName::from_static("vgi-sticky-enabled");
const STICKY_DEFAULT_TTL: HeaderName = HeaderName::from_static("vgi-sticky-default-ttl");
const STICKY_ECHO_HEADERS: HeaderName = HeaderName::from_static("vgi-sticky-echo-headers");

/// Lets callers come back to their sessions. See the [module](super).
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct StickyLayer {
    shared: Arc<Shared>,
}

#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) server_id: String,
    pub(super) sessions: Sessions,
    pub(super) sealer: Sealer,
    pub(super) time_to_live: Duration,
    pub(super) echo: EchoHeaders,
}

impl StickyLayer {
    /// For the sessions of a server.
    pub fn new(service: &RpcService) -> Self {
        Self::from_parts(service.info().server_id.as_str(), service.sessions(), service.sealer(PURPOSE))
    }

    /// For sessions around another service; `sealer` has a purpose that nothing else has.
    pub fn from_parts(server_id: impl Into<String>, sessions: &Sessions, sealer: Sealer) -> Self {
        Self {
            shared: Arc::new(Shared {
                server_id: server_id.into(),
                sessions: sessions.clone(),
                sealer,
                time_to_live: DEFAULT_TIME_TO_LIVE,
                echo: EchoHeaders::default(),
            }),
        }
    }

    /// How long a session lives unless its method says otherwise, counted from when it is opened; advertised, in whole
    /// seconds. Default: [`DEFAULT_TIME_TO_LIVE`]; at most [`MAX_TIME_TO_LIVE`].
    pub fn default_time_to_live(mut self, time_to_live: Duration) -> Self {
        Arc::make_mut(&mut self.shared).time_to_live = time_to_live.min(MAX_TIME_TO_LIVE);
        self
    }

    /// Headers that callers are asked to send with every later request of a session, so that it reaches this worker;
    /// their names are advertised. Default: none.
    pub fn echo_headers(mut self, headers: &HeaderMap) -> Self {
        Arc::make_mut(&mut self.shared).echo = EchoHeaders::new(headers);
        self
    }

    /// For whoever stops the server.
    pub fn drain_handle(&self) -> DrainHandle {
        self.shared.sessions.drain_handle()
    }
}

impl<S> Layer<S> for StickyLayer {
    type Service = Sticky<S>;

    fn layer(&self, inner: S) -> Sticky<S> {
        Sticky::new(inner, self.shared.clone())
    }
}

impl Advertise for StickyLayer {
    fn advertise(&self, capabilities: &mut Capabilities) {
        // Callers know whole seconds only, and none at all would look like no session.
        capabilities.set(STICKY_ENABLED, HeaderValue::from_static("true"));
        capabilities.set(STICKY_DEFAULT_TTL, rounded_up(self.shared.time_to_live).into());
        if let Some(names) = self.shared.echo.names() {
            capabilities.set(STICKY_ECHO_HEADERS, names.clone());
        }
        capabilities.expose(SESSION);
        capabilities.expose(SESSION_CLOSE);
        for name in self.shared.echo.said() {
            capabilities.expose(name.clone());
        }
    }
}
