//! [`StackBuilder`]: what to put into a stack.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use http::HeaderMap;
use tower_vgi::rpc::RpcService;
use tower_vgi::{Advertise, BoxError, Capabilities};

use super::Stack;
use super::error::{Mistakes, StackError};
use super::layer::{HttpLayer, SharedHttpLayer};
use super::place::Place;
use super::slot::{Change, Here};
use crate::access_log::AccessLogLayer;
use crate::auth::AuthLayer;
use crate::auth::oauth::ResourceMetadata;
use crate::body_timeout::RequestBodyTimeoutLayer;
use crate::compression::CompressionLayer;
use crate::cors::{AllowOrigin, ResourcePolicy};
#[cfg(feature = "otel")]
use crate::otel::OtelLayer;
use crate::pages::PagesLayer;
use crate::readiness::Readiness;
use crate::start_hook::StartHookLayer;
/// In its place where there is none.
#[cfg(not(feature = "otel"))]
use tower_layer::Identity as OtelLayer;

/// Describes a stack; see [`Stack::builder`]. Nothing is checked before [`build`](Self::build).
#[must_use = "a builder does nothing until `build` is called"]
pub struct StackBuilder {
    pub(super) service: RpcService,
    pub(super) prefix: String,
    pub(super) health: bool,
    pub(super) readiness: Readiness,
    pub(super) limits: LimitSettings,
    pub(super) compression: CompressionLayer,
    pub(super) compression_level: Option<i32>,
    pub(super) auth: Option<AuthLayer>,
    pub(super) oauth: Option<ResourceMetadata>,
    pub(super) body_timeout: RequestBodyTimeoutLayer,
    pub(super) cors: CorsSettings,
    pub(super) pages: PagesLayer,
    pub(super) sticky: StickySettings,
    pub(super) repository: Option<String>,
    pub(super) access_log: Option<AccessLogLayer>,
    pub(super) otel: Option<OtelLayer>,
    pub(super) start_hook: Option<StartHookLayer>,
    #[cfg(feature = "local-storage")]
    pub(super) local_storage: Option<crate::local_storage::LocalStorage>,
    pub(super) advertised: Capabilities,
    changes: BTreeMap<Place, Change>,
    /// What was found to be wrong before the stack is built.
    pub(super) mistakes: Mistakes,
}

/// The limits, as they were given.
#[derive(Debug, Default)]
pub(super) struct LimitSettings {
    pub(super) max_request_bytes: Option<u64>,
    pub(super) hosting_max_request_bytes: Option<u64>,
    pub(super) max_response_bytes: Option<u64>,
    pub(super) hosting_max_response_bytes: Option<u64>,
    pub(super) preferred_response_bytes: Option<u64>,
    pub(super) max_request_memory: Option<u64>,
}

/// Which pages may call; nobody's where there are no origins.
#[derive(Debug, Default)]
pub(super) struct CorsSettings {
    pub(super) origins: Option<AllowOrigin>,
    pub(super) max_age: Option<Option<Duration>>,
    pub(super) resource_policy: Option<Option<ResourcePolicy>>,
}

/// Whether callers come back to sessions, and how.
#[derive(Debug, Default)]
pub(super) struct StickySettings {
    pub(super) enabled: bool,
    pub(super) default_time_to_live: Option<Duration>,
    pub(super) echo_headers: HeaderMap,
}

impl StackBuilder {
    pub(super) fn new(service: RpcService) -> Self {
        Self {
            prefix: String::new(),
            health: true,
            readiness: Readiness::new(),
            limits: LimitSettings::default(),
            compression: CompressionLayer::new(),
            compression_level: None,
            auth: None,
            oauth: None,
            body_timeout: RequestBodyTimeoutLayer::new(),
            cors: CorsSettings::default(),
            pages: PagesLayer::new(service.info()),
            sticky: StickySettings::default(),
            repository: None,
            access_log: None,
            otel: None,
            start_hook: None,
            #[cfg(feature = "local-storage")]
            local_storage: None,
            advertised: Capabilities::new(),
            changes: BTreeMap::new(),
            mistakes: Mistakes::default(),
            service,
        }
    }

    /// Serves everything under a path such as `/vgi`. Default: none.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Whether `/health` and `/health/ready` are answered. Default: yes. Published clients discover the server there.
    pub fn health(mut self, health: bool) -> Self {
        self.health = health;
        self
    }

    /// Asks this when `/health/ready` is asked. Default: one of the stack's own, see [`Stack::readiness`].
    pub fn readiness(mut self, readiness: Readiness) -> Self {
        self.readiness = readiness;
        self
    }

    /// How large a request body may be, as it is sent and once it is decoded; advertised. Default: none as it is sent,
    /// and [the core's own](tower_vgi::rpc::RpcServiceBuilder::max_request_bytes) once it is decoded.
    pub fn max_request_bytes(mut self, bytes: u64) -> Self {
        self.limits.max_request_bytes = Some(bytes);
        self
    }

    /// The limit of whoever hosts the application, such as a gateway's; the smaller one counts. Default: none.
    pub fn hosting_max_request_bytes(mut self, bytes: u64) -> Self {
        self.limits.hosting_max_request_bytes = Some(bytes);
        self
    }

    /// How large a response may be, in bytes of Arrow before compression; advertised. Default: none.
    ///
    /// Callers of the namespaced generation understand no limit under 65,536 bytes, so that a smaller one is a mistake
    /// where they are served.
    pub fn max_response_bytes(mut self, bytes: u64) -> Self {
        self.limits.max_response_bytes = Some(bytes);
        self
    }

    /// The limit of whoever hosts the application; the smaller one counts. Default: none.
    pub fn hosting_max_response_bytes(mut self, bytes: u64) -> Self {
        self.limits.hosting_max_response_bytes = Some(bytes);
        self
    }

    /// The size of responses that suits the server best, as a hint for methods. Default: none.
    pub fn preferred_response_bytes(mut self, bytes: u64) -> Self {
        self.limits.preferred_response_bytes = Some(bytes);
        self
    }

    /// How much memory the bodies of all requests may take together. Default: no bound.
    pub fn max_request_memory(mut self, bytes: u64) -> Self {
        self.limits.max_request_memory = Some(bytes);
        self
    }

    /// How requests are decoded and responses compressed. Default: [`CompressionLayer::new`]. Its limit of decoded bytes
    /// is set to the stack's.
    pub fn compression(mut self, compression: CompressionLayer) -> Self {
        self.compression = compression;
        self
    }

    /// The level of zstd, 1 to 22; see [`CompressionLayer::zstd_level`].
    pub fn compression_level(mut self, level: i32) -> Self {
        self.compression_level = Some(level);
        self
    }

    /// How slowly a request body may come. Default: [`RequestBodyTimeoutLayer::new`].
    pub fn body_timeout(mut self, timeout: RequestBodyTimeoutLayer) -> Self {
        self.body_timeout = timeout;
        self
    }

    /// Which other origins' pages may call. Default: none, and no header that speaks of it. Pages may read every header
    /// that the stack sends.
    pub fn cors(mut self, origins: AllowOrigin) -> Self {
        self.cors.origins = Some(origins);
        self
    }

    /// How long browsers may keep the answer of a preflight; see [`CorsLayer::max_age`](crate::cors::CorsLayer::max_age).
    pub fn cors_max_age(mut self, max_age: impl Into<Option<Duration>>) -> Self {
        self.cors.max_age = Some(max_age.into());
        self
    }

    /// Whose pages may embed responses; see
    /// [`CorsLayer::resource_policy`](crate::cors::CorsLayer::resource_policy).
    pub fn cors_resource_policy(mut self, policy: impl Into<Option<ResourcePolicy>>) -> Self {
        self.cors.resource_policy = Some(policy.into());
        self
    }

    /// Whether `GET /` is answered with a page. Default: yes.
    pub fn landing_page(mut self, show: bool) -> Self {
        self.pages = self.pages.landing(show);
        self
    }

    /// Whether `GET /describe` is answered with a page about the methods, where
    /// [the core describes itself](tower_vgi::rpc::RpcServiceBuilder::describe). Default: yes.
    pub fn describe_page(mut self, show: bool) -> Self {
        self.pages = self.pages.describe(show);
        self
    }

    /// Whether people get a page where nothing is to be found. Default: yes.
    pub fn not_found_page(mut self, show: bool) -> Self {
        self.pages = self.pages.not_found(show);
        self
    }

    /// Writes a line for every call. Default: none.
    pub fn access_log(mut self, log: AccessLogLayer) -> Self {
        self.access_log = Some(log);
        self
    }

    /// Makes spans and metrics of OpenTelemetry, here and around the calls. Default: none.
    #[cfg(feature = "otel")]
    pub fn otel(mut self, layer: OtelLayer) -> Self {
        let sessions = self.service.sessions().clone();
        self.otel = Some(layer.counting_sessions(move || sessions.len() as u64));
        self
    }

    /// Reports errors of methods to Sentry. Default: none.
    #[cfg(feature = "sentry")]
    pub fn sentry(self, layer: crate::sentry::SentryLayer) -> Self {
        self.outside(Place::Trace, layer)
    }

    /// Measures calls for Prometheus, which reads the measures at `/metrics`. Default: none.
    #[cfg(feature = "prometheus")]
    pub fn prometheus(self, layer: crate::prometheus::PrometheusLayer) -> Self {
        let sessions = self.service.sessions().clone();
        self.outside(Place::Trace, layer.active_sessions(move || sessions.len() as u64))
    }

    /// Does something before the first request, such as opening a pool of connections; see
    /// [`StartHookLayer`]. Where it fails, that request is answered with 500, and the next one runs it again.
    /// Default: nothing.
    pub fn on_serve_start<F, Fut, E>(mut self, hook: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        self.start_hook = Some(StartHookLayer::new(hook));
        self
    }

    /// Where the service's source is, for a link on the pages. Default: no link.
    pub fn repository(mut self, url: impl Into<String>) -> Self {
        self.repository = Some(url.into());
        self
    }

    /// Whether methods can open sessions, to which callers come back. Default: no.
    pub fn sticky(mut self, sticky: bool) -> Self {
        self.sticky.enabled = sticky;
        self
    }

    /// How long a session lives unless its method says otherwise. Default:
    /// [`DEFAULT_TIME_TO_LIVE`](crate::sticky::DEFAULT_TIME_TO_LIVE).
    pub fn sticky_default_ttl(mut self, time_to_live: Duration) -> Self {
        self.sticky.default_time_to_live = Some(time_to_live);
        self
    }

    /// What callers are asked to send with every request of a session; see
    /// [`StickyLayer::echo_headers`](crate::sticky::StickyLayer::echo_headers). Default: nothing.
    pub fn sticky_echo_headers(mut self, headers: HeaderMap) -> Self {
        self.sticky.echo_headers = headers;
        self
    }

    /// Decides who may call. Default: none, everybody is anonymous. A layer of your own goes to
    /// [`Place::Auth`](Self::replace): it inserts an [`AuthContext`](tower_vgi::AuthContext) or refuses.
    pub fn auth(mut self, auth: AuthLayer) -> Self {
        self.auth = Some(auth);
        self
    }

    /// Serves the objects of a storage of the server's own. Default: none. See
    /// [`LocalStorage`](crate::local_storage::LocalStorage) for what else it takes.
    #[cfg(feature = "local-storage")]
    pub fn local_storage(mut self, storage: crate::local_storage::LocalStorage) -> Self {
        self.local_storage = Some(storage);
        self
    }

    /// Gives out URLs for uploads, and tells callers. Default: none.
    #[cfg(feature = "upload-url")]
    pub fn upload_urls<U: tower_vgi::external::UploadUrls>(self, layer: crate::upload_url::UploadUrlLayer<U>) -> Self {
        self.advertise(&layer).replace(Place::UploadUrls, layer)
    }

    /// Tells gateways of earlier releases whose credentials are; see [`token_introspection`](crate::token_introspection).
    /// On a server without flat routes it is a mistake. Default: not.
    #[cfg(feature = "token-introspection")]
    pub fn token_introspection(mut self, layer: crate::token_introspection::TokenIntrospectionLayer) -> Self {
        if self.service.info().flat.is_none() {
            self.mistakes.add(
                "token_introspection is a route of the flat generation, which this server does not serve; host the \
                 identity protocol instead, or serve the flat routes",
            );
        }
        self.advertise(&layer).replace(Place::TokenIntrospection, layer)
    }

    /// Tells clients where they get tokens: in the metadata document of RFC 9728, and with every 401 of
    /// [`auth`](Self::auth), whose challenge it is. Default: not.
    pub fn oauth(mut self, metadata: ResourceMetadata) -> Self {
        self.oauth = Some(metadata);
        self
    }

    /// Puts a layer right outside of a place. Of several at one place the first is the outermost.
    pub fn outside(mut self, place: Place, layer: impl HttpLayer) -> Self {
        self.change(place).outside.push(SharedHttpLayer::new(layer));
        self
    }

    /// Puts a layer of your own in place of the stack's, configured or not. What the new one offers to callers has to
    /// be said with [`advertise`](Self::advertise), and whether it is put together well is not asked: an `AuthLayer` belongs
    /// to [`auth`](Self::auth).
    pub fn replace(mut self, place: Place, layer: impl HttpLayer) -> Self {
        self.change(place).here = Here::Layer(SharedHttpLayer::new(layer));
        self
    }

    /// Leaves a place empty.
    pub fn without(mut self, place: Place) -> Self {
        self.change(place).here = Here::Nothing;
        self
    }

    /// Tells callers what a layer of your own offers, for all responses and for pages of other origins.
    pub fn advertise(mut self, part: &impl Advertise) -> Self {
        self.advertised = self.advertised.with(part);
        self
    }

    /// Assembles the stack.
    ///
    /// # Errors
    ///
    /// Every mistake of the configuration at once: a prefix, limit, level or URL that cannot be.
    pub fn build(self) -> Result<Stack, StackError> {
        super::assemble::assemble(self)
    }

    fn change(&mut self, place: Place) -> &mut Change {
        self.changes.entry(place).or_default()
    }

    /// What the user wants at a place.
    pub(super) fn take(&mut self, place: Place) -> Change {
        self.changes.remove(&place).unwrap_or_default()
    }

    /// Whether code of the user's runs outside of a place: layers, and what decides about origins.
    pub(super) fn has_guests_outside(&self, place: Place) -> bool {
        let here = self.changes.get(&place).is_some_and(|change| !change.outside.is_empty());
        here || self.changes.range(..place).next().is_some() || (place > Place::Cors && self.cors.origins.is_some())
    }

    /// Whether the stack's own layer is wanted at a place.
    pub(super) fn is_own(&self, place: Place) -> bool {
        self.changes.get(&place).is_none_or(|change| matches!(change.here, Here::Own))
    }
}

impl fmt::Debug for StackBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StackBuilder")
            .field("service", &self.service)
            .field("prefix", &self.prefix)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
