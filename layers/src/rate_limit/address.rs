//! [`RateLimitLayer`]: how often somebody may send a request, by where it comes from.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Body as HttpBody;
use tower_layer::Layer;
use tower_service::Service;
use tower_vgi::{Advertise, Body, BoxError, Capabilities, ErrorCode, ErrorDetail, PeerAddr, RpcError};

use super::limiter::{Limiter, Rate};
use super::network::network;
use crate::refusal::Refusals;
use crate::response::{ResponseBody, ResponseFuture};

/// Limits how often requests come from one place. See the [module](super).
///
/// Clones share one count.
#[derive(Clone)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct RateLimitLayer {
    rule: Arc<Rule>,
}

type KeyOf = dyn Fn(&Parts) -> Option<String> + Send + Sync;

enum Rule {
    Address(Limiter),
    Key(Limiter, Box<KeyOf>),
}

impl RateLimitLayer {
    /// By the address that the connection comes from; of IPv6 by the first 64 bits, which one customer of a provider
    /// has. Requests without an address, as over a Unix socket, pass. Behind a proxy all requests come from it: take
    /// [`by`](Self::by) there.
    pub fn per_address(rate: Rate) -> Self {
        Self { rule: Arc::new(Rule::Address(Limiter::new(rate))) }
    }

    /// By what a function finds in the head of a request, such as a header that your proxy has set; `None` passes.
    pub fn by(rate: Rate, key: impl Fn(&Parts) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { rule: Arc::new(Rule::Key(Limiter::new(rate), Box::new(key))) }
    }
}

impl Rule {
    fn check(&self, head: &Parts) -> Result<(), Duration> {
        match self {
            Self::Address(limiter) => match head.extensions.get::<PeerAddr>() {
                Some(peer) => limiter.check(network(peer.0.ip())),
                None => Ok(()),
            },
            Self::Key(limiter, key) => key(head).map_or(Ok(()), |key| limiter.check(key)),
        }
    }
}

impl<S> Layer<S> for RateLimitLayer {
    type Service = RateLimit<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RateLimit { inner, rule: self.rule.clone() }
    }
}

impl Advertise for RateLimitLayer {
    fn advertise(&self, capabilities: &mut Capabilities) {
        capabilities.expose(RETRY_AFTER);
    }
}

impl fmt::Debug for RateLimitLayer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RateLimitLayer").finish_non_exhaustive()
    }
}

/// The service that [`RateLimitLayer`] makes.
#[derive(Clone)]
pub struct RateLimit<S> {
    inner: S,
    rule: Arc<Rule>,
}

impl<S> RateLimit<S> {
    inner_service_accessors!();
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for RateLimit<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ReqBody: HttpBody,
    ResBody: HttpBody<Data = Bytes, Error: Into<BoxError>>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let (head, body) = request.into_parts();
        let checked = self.rule.check(&head);
        let request = Request::from_parts(head, body);
        match checked {
            Ok(()) => ResponseFuture::inner(self.inner.call(request)),
            Err(wait) => {
                let refused = too_many(&Refusals::new(request.headers()), wait);
                ResponseFuture::refuse_stranger(request, refused)
            }
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for RateLimit<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RateLimit").field("inner", &self.inner).finish_non_exhaustive()
    }
}

fn too_many(refusals: &Refusals, wait: Duration) -> Response<Body> {
    let seconds = wait.as_secs() + 1;
    let error = RpcError::runtime_error(format!("too many requests from this address; try again in {seconds} s"))
        .with_code(ErrorCode::ResourceExhausted)
        .with_detail(ErrorDetail::retry_info(Duration::from_secs(seconds)))
        .with_status(StatusCode::TOO_MANY_REQUESTS);
    let mut response = refusals.refuse(&error);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::net::SocketAddr;
    use tower::{ServiceExt, service_fn};

    async fn send(layer: &RateLimitLayer, from: Option<&str>) -> Response<ResponseBody<Body>> {
        let service =
            layer.layer(service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::empty()))));
        let mut request = Request::post("/x").header("x-from", from.unwrap_or("")).body(Body::from("a body")).unwrap();
        if let Some(address) = from {
            request.extensions_mut().insert(PeerAddr(SocketAddr::new(address.parse().unwrap(), 1)));
        }
        service.oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn each_address_has_its_own_count() {
        let layer = RateLimitLayer::per_address(Rate::per_minute(1));
        for address in ["10.0.0.1", "10.0.0.2", "2001:db8::1"] {
            assert_eq!(send(&layer, Some(address)).await.status(), StatusCode::OK);
        }
        for address in ["10.0.0.1", "::ffff:10.0.0.2", "2001:db8::2"] {
            let refused = send(&layer, Some(address)).await;
            assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
            let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((50..=60).contains(&wait), "{wait}");
            let text = crate::testing::collect(refused.into_body()).await.unwrap();
            assert!(String::from_utf8_lossy(&text).contains("too many requests"));
        }
        assert_eq!(send(&layer, Some("2001:db8:0:1::1")).await.status(), StatusCode::OK);
        for _ in 0..3 {
            assert_eq!(send(&layer, None).await.status(), StatusCode::OK);
        }
    }

    #[tokio::test]
    async fn a_key_of_yours_counts_as_well() {
        let layer = RateLimitLayer::by(Rate::per_minute(1), |head| {
            head.headers
                .get("x-from")
                .and_then(|from| from.to_str().ok())
                .filter(|from| !from.is_empty())
                .map(str::to_owned)
        });
        assert_eq!(send(&layer, Some("10.0.0.1")).await.status(), StatusCode::OK);
        assert_eq!(send(&layer, Some("10.0.0.1")).await.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(send(&layer, None).await.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn who_comes_too_often_is_not_heard_out_for_long() {
        let layer = RateLimitLayer::by(Rate::per_minute(1), |_| Some(String::new()));
        assert_eq!(send(&layer, None).await.status(), StatusCode::OK);
        assert_eq!(crate::testing::mebibytes_read(&layer).await, 16);
    }

    #[tokio::test]
    async fn keeps_the_layer_contract() {
        let layer = RateLimitLayer::per_address(Rate::per_second(1000));
        crate::testing::check(&layer, || Request::new(Body::empty())).await;
    }
}
