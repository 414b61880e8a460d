//! Puts the headers that say what a server can do on every response, errors included.
//!
//! Clients read them from whichever answer they get first: from `OPTIONS /health`, from a 413 or
//! a 415. What they say is collected once, when the stack is built:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! use http::{HeaderName, HeaderValue, Request, Response};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use tower_vgi::{Advertise, Body, Capabilities};
//! use tower_vgi_layers::capabilities::CapabilitiesLayer;
//!
//! struct Uploads;
//!
//! impl Advertise for Uploads {
//!     fn advertise(&self, capabilities: &mut Capabilities) {
//!         let name = HeaderName::from_static("vgi-upload-url-support");
//!         capabilities.set(name, HeaderValue::from_static("true"));
//!     }
//! }
//!
//! let layer = CapabilitiesLayer::new(Capabilities::new().with(&Uploads));
//! let service = ServiceBuilder::new().layer(layer).service(service_fn(|_request: Request<Body>| async {
//!     Ok::<_, std::convert::Infallible>(Response::new(Body::empty()))
//! }));
//! let response = service.oneshot(Request::new(Body::empty())).await?;
//! assert_eq!(response.headers()["vgi-upload-url-support"], "true");
//! # Ok(())
//! # }
//! ```
//!
//! Each header appears exactly once, whatever the service inside set: clients refuse some that
//! appear twice. Layers outside this one answer without these headers; keep only such there as never
//! answer a client of the service.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{HeaderMap, Request, Response};
use pin_project::pin_project;
use tower_layer::Layer;
use tower_service::Service;
use tower_vgi::Capabilities;

/// Puts capability headers on every response. See the [module](self).
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct CapabilitiesLayer {
    headers: Arc<HeaderMap>,
}

impl CapabilitiesLayer {
    /// Says what `capabilities` say, on every response.
    pub fn new(capabilities: Capabilities) -> Self {
        Self { headers: Arc::new(capabilities.headers().iter().cloned().collect()) }
    }
}

impl<S> Layer<S> for CapabilitiesLayer {
    type Service = WithCapabilities<S>;

    fn layer(&self, inner: S) -> Self::Service {
        WithCapabilities { inner, headers: self.headers.clone() }
    }
}

/// The service that [`CapabilitiesLayer`] makes.
#[derive(Clone, Debug)]
pub struct WithCapabilities<S> {
    inner: S,
    headers: Arc<HeaderMap>,
}

impl<S> WithCapabilities<S> {
    inner_service_accessors!();
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for WithCapabilities<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        ResponseFuture { future: self.inner.call(request), headers: self.headers.clone() }
    }
}

/// The future of [`WithCapabilities`].
#[pin_project]
pub struct ResponseFuture<F> {
    #[pin]
    future: F,
    headers: Arc<HeaderMap>,
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.future.poll(cx))?;
        put(this.headers, response.headers_mut());
        Poll::Ready(Ok(response))
    }
}

/// Adds `capabilities` to `headers`, in place of what is there under the same names.
///
fn put(capabilities: &HeaderMap, headers: &mut HeaderMap) {
    for (name, value) in capabilities {
        headers.insert(name, value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue, StatusCode};
    use std::convert::Infallible;
    use tower::{ServiceExt, service_fn};
    use tower_vgi::Body;

    fn layer(pairs: &[(&'static str, &'static str)]) -> CapabilitiesLayer {
        let mut capabilities = Capabilities::new();
        for (name, value) in pairs {
            capabilities.set(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        CapabilitiesLayer::new(capabilities)
    }

    #[tokio::test]
    async fn every_response_has_each_header_exactly_once_and_keeps_its_own() {
        let layer = layer(&[("vgi-a", "1"), ("vgi-b", "zstd, gzip")]);
        let service = layer.layer(service_fn(async |_: Request<Body>| {
            let mut response = Response::new(Body::from("no"));
            *response.status_mut() = StatusCode::NOT_FOUND;
            let headers = response.headers_mut();
            headers.append("vgi-a", HeaderValue::from_static("inner"));
            headers.append("vgi-a", HeaderValue::from_static("twice"));
            headers.append("set-cookie", HeaderValue::from_static("a=1"));
            headers.append("set-cookie", HeaderValue::from_static("b=2"));
            headers.append("content-type", HeaderValue::from_static("text/plain"));
            Ok::<_, Infallible>(response)
        }));
        let response = service.oneshot(Request::new(Body::empty())).await.unwrap();
        let values = |name: &str| -> Vec<_> { response.headers().get_all(name).iter().cloned().collect() };
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(values("vgi-a"), ["1"]);
        assert_eq!(values("vgi-b"), ["zstd, gzip"]);
        assert_eq!(values("set-cookie"), ["a=1", "b=2"]);
        assert_eq!(values("content-type"), ["text/plain"]);
        assert_eq!(response.headers().len(), 5);
    }

    #[tokio::test]
    async fn an_empty_value_is_sent_too() {
        let service = layer(&[("vgi-supported-encodings", "")])
            .layer(service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::empty()))));
        let response = service.oneshot(Request::new(Body::empty())).await.unwrap();
        assert_eq!(response.headers()["vgi-supported-encodings"], "");
    }

    #[tokio::test]
    async fn keeps_the_layer_contract() {
        crate::testing::check(&layer(&[("vgi-a", "1")]), || Request::new(Body::empty())).await;
    }
}
