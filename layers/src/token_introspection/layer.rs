use http::{HeaderName, HeaderValue};
use tower_layer::Layer;
use tower_vgi::identity::Introspection;
use tower_vgi::{Advertise, Capabilities};

use super::service::TokenIntrospection;

const ENABLED: HeaderName = HeaderName::from_static("vgi-token-introspection");

/// Answers whose credentials are. See the [module](super).
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct TokenIntrospectionLayer {
    introspection: Introspection,
}

impl TokenIntrospectionLayer {
    /// Answers with this.
    pub fn new(introspection: Introspection) -> Self {
        Self { introspection }
    }
}

impl<S> Layer<S> for TokenIntrospectionLayer {
    type Service = TokenIntrospection<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TokenIntrospection::new(inner, self.introspection.clone())
    }
}

/// Gateways look for it when they start.
impl Advertise for TokenIntrospectionLayer {
    fn advertise(&self, capabilities: &mut Capabilities) {
        capabilities.set(ENABLED, HeaderValue::from_static("true"));
    }
}
