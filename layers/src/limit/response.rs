//! Response limits: said here, kept by the service inside.

use std::task::{Context, Poll};

use http::{HeaderName, Request};
use tower_layer::Layer;
use tower_service::Service;
use tower_vgi::{Advertise, Capabilities, ResponseBudget};

use super::{InvalidLimit, advertise};

/// Tells the service inside how large responses may become. See the [module](super).
#[derive(Clone, Copy, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct ResponseLimitLayer {
    max: Option<u64>,
    preferred: Option<u64>,
}

impl ResponseLimitLayer {
    /// Responses have at most `max` bytes of Arrow, before compression.
    ///
    /// Callers of the namespaced generation understand no limit under 65,536 bytes.
    ///
    /// # Errors
    ///
    /// When `max` is 0 or larger than [`MAX_LIMIT`](super::MAX_LIMIT).
    pub fn new(max: u64) -> Result<Self, InvalidLimit> {
        Ok(Self { max: Some(InvalidLimit::check("the response limit", max)?), preferred: None })
    }

    /// Responses may have any size; for a server that only prefers one.
    pub fn unlimited() -> Self {
        Self { max: None, preferred: None }
    }

    /// The size that suits the server best, as a hint for methods; at most the limit.
    pub fn preferred(mut self, bytes: u64) -> Self {
        self.preferred = smallest(self.max, Some(bytes));
        self
    }

    /// This limit and one that was set before, perhaps by a layer outside.
    fn tighten(self, budget: ResponseBudget) -> ResponseBudget {
        let max = smallest(budget.max_response_bytes, self.max);
        let preferred = smallest(budget.preferred_response_bytes, self.preferred);
        ResponseBudget {
            max_response_bytes: max,
            preferred_response_bytes: preferred.map(|bytes| max.map_or(bytes, |max| bytes.min(max))),
        }
    }
}

fn smallest(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.into_iter().chain(other).min()
}

impl<S> Layer<S> for ResponseLimitLayer {
    type Service = ResponseLimit<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ResponseLimit { inner, limit: *self }
    }
}

impl Advertise for ResponseLimitLayer {
    fn advertise(&self, capabilities: &mut Capabilities) {
        if let Some(max) = self.max {
            advertise(capabilities, HeaderName::from_static("vgi-max-response-bytes"), max);
        }
    }
}

/// The service that [`ResponseLimitLayer`] makes.
#[derive(Clone, Copy, Debug)]
pub struct ResponseLimit<S> {
    inner: S,
    limit: ResponseLimitLayer,
}

impl<S> ResponseLimit<S> {
    inner_service_accessors!();
}

impl<S, B> Service<Request<B>> for ResponseLimit<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        let budget = request.extensions().get::<ResponseBudget>().copied().unwrap_or_default();
        request.extensions_mut().insert(self.limit.tighten(budget));
        self.inner.call(request)
    }
}

#[cfg(test)]
mod tests {
    use super::super::MAX_LIMIT;
    use super::*;
    use http::Response;
    use std::convert::Infallible;
    use tower::{ServiceBuilder, ServiceExt, service_fn};
    use tower_vgi::Body;

    #[tokio::test]
    async fn the_tightest_of_several_limits_counts() {
        let outer = ResponseLimitLayer::new(1000).unwrap().preferred(5000);
        let inner = ResponseLimitLayer::new(800).unwrap();
        let service =
            ServiceBuilder::new().layer(outer).layer(inner).service(service_fn(async |request: Request<Body>| {
                Ok::<_, Infallible>(Response::new(*request.extensions().get::<ResponseBudget>().unwrap()))
            }));
        let budget = service.oneshot(Request::new(Body::empty())).await.unwrap().into_body();
        assert_eq!(budget.max_response_bytes, Some(800));
        assert_eq!(budget.preferred_response_bytes, Some(800));

        let capabilities = Capabilities::new().with(&inner).with(&outer);
        assert_eq!(capabilities.headers().len(), 1);
        assert_eq!(capabilities.headers()[0].1, "800");
    }

    #[tokio::test]
    async fn a_size_may_be_preferred_without_a_limit() {
        let layer = ResponseLimitLayer::unlimited().preferred(500);
        let service = layer.layer(service_fn(async |request: Request<Body>| {
            Ok::<_, Infallible>(Response::new(*request.extensions().get::<ResponseBudget>().unwrap()))
        }));
        let budget = service.oneshot(Request::new(Body::empty())).await.unwrap().into_body();
        assert_eq!((budget.max_response_bytes, budget.preferred_response_bytes), (None, Some(500)));
        assert!(Capabilities::new().with(&layer).headers().is_empty());
    }

    #[test]
    fn limits_that_cannot_be_told_are_refused() {
        assert!(ResponseLimitLayer::new(0).is_err());
        assert!(ResponseLimitLayer::new(MAX_LIMIT).is_ok());
        let error = ResponseLimitLayer::new(MAX_LIMIT + 1).unwrap_err();
        assert!(error.to_string().contains("9007199254740991"), "{error}");
    }

    #[tokio::test]
    async fn keeps_the_layer_contract() {
        let layer = ResponseLimitLayer::new(10).unwrap();
        crate::testing::check(&layer, || Request::new(Body::empty())).await;
    }
}
