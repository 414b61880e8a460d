//! What can be configured.

use std::sync::Arc;
use std::time::Duration;

use http::header::WWW_AUTHENTICATE;
use http::{HeaderName, HeaderValue, Method};
use tower_layer::Layer;
use tower_vgi::{Advertise, Capabilities};

use super::settings::Settings;
use super::{AllowOrigin, Cors};

/// Headers of refusals. Whoever sends them need not be a layer that says so: it may be a proxy.
const ALWAYS_EXPOSED: [HeaderName; 4] = [
    WWW_AUTHENTICATE,
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("x-vgi-rpc-error"),
    HeaderName::from_static("vgi-auth-reason"),
];

/// Lets pages of other origins call. See the [module](super).
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct CorsLayer {
    origins: AllowOrigin,
    exposed: Vec<HeaderName>,
    methods: Vec<Method>,
    max_age: Option<Duration>,
    resource_policy: Option<ResourcePolicy>,
    private_network: bool,
}

impl CorsLayer {
    /// Lets pages of these origins call, and read what a stack with these capabilities sends.
    pub fn new(origins: AllowOrigin, capabilities: &Capabilities) -> Self {
        let layer = Self {
            origins,
            exposed: Vec::from(ALWAYS_EXPOSED),
            methods: vec![Method::GET, Method::HEAD, Method::POST, Method::DELETE, Method::OPTIONS],
            max_age: Some(Duration::from_secs(7200)),
            resource_policy: Some(ResourcePolicy::CrossOrigin),
            private_network: false,
        };
        layer.expose(capabilities.exposed().cloned())
    }

    /// Lets pages read these headers, too.
    pub fn expose(mut self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        for name in names {
            if !self.exposed.contains(&name) {
                self.exposed.push(name);
            }
        }
        self
    }

    /// The methods that pages may use. Default: `GET`, `HEAD`, `POST`, `DELETE` and `OPTIONS`.
    ///
    /// Calls are `POST`, pages and health `GET` and `HEAD`, discovery is `OPTIONS`, and `DELETE` ends a session.
    pub fn allow_methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.methods = methods.into_iter().collect();
        self
    }

    /// One more method that pages may use.
    pub fn allow_method(mut self, method: Method) -> Self {
        if !self.methods.contains(&method) {
            self.methods.push(method);
        }
        self
    }

    /// How long browsers may remember the answer to a preflight, in whole seconds; `None` leaves it to them.
    /// Default: 2 hours.
    pub fn max_age(mut self, max_age: impl Into<Option<Duration>>) -> Self {
        self.max_age = max_age.into();
        self
    }

    /// Which pages may embed responses; `None` says nothing about it. Default: [`ResourcePolicy::CrossOrigin`].
    ///
    /// A page that is isolated from other origins, as for `SharedArrayBuffer`, cannot read a response without it.
    pub fn resource_policy(mut self, policy: impl Into<Option<ResourcePolicy>>) -> Self {
        self.resource_policy = policy.into();
        self
    }

    /// Lets pages of the public internet call this server in a private network. Default: no.
    pub fn allow_private_network(mut self, allow: bool) -> Self {
        self.private_network = allow;
        self
    }

    fn settings(&self) -> Settings {
        Settings {
            origins: self.origins.clone(),
            exposed: list(&self.exposed),
            methods: list(&self.methods),
            max_age: self.max_age.map(|max_age| HeaderValue::from(max_age.as_secs())),
            resource_policy: self.resource_policy.map(ResourcePolicy::value),
            private_network: self.private_network,
        }
    }
}

impl<S> Layer<S> for CorsLayer {
    type Service = Cors<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Cors::new(inner, Arc::new(self.settings()))
    }
}

impl Advertise for CorsLayer {
    fn advertise(&self, _capabilities: &mut Capabilities) {}
}

/// Which pages may embed a response: the values of `Cross-Origin-Resource-Policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResourcePolicy {
    /// Pages of any origin.
    CrossOrigin,
    /// Pages of the same site, such as those of a proxy in front of this server.
    SameSite,
    /// Pages of the server itself.
    SameOrigin,
}

impl ResourcePolicy {
    fn value(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::CrossOrigin => "cross-origin",
            Self::SameSite => "same-site",
            Self::SameOrigin => "same-origin",
        })
    }
}

/// The items separated by commas; `None` where there are none.
fn list(items: &[impl AsRef<str>]) -> Option<HeaderValue> {
    if items.is_empty() {
        return None;
    }
    let items: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
    // Header names and methods are tokens, so this is always a header value.
    HeaderValue::try_from(items.join(", ")).ok()
}
