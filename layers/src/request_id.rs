//! Gives every request an id that the service, its logs and the caller share.
//!
//! The caller's `X-Request-ID` is kept if it is usable: visible ASCII, 1 to 128 characters. Any
//! other is replaced by 16 random hexadecimal digits, so that it can neither break a log line nor fill
//! it. The service inside finds the id in the request's header, and the response carries it.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! use http::{Request, Response};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use tower_vgi::Body;
//! use tower_vgi_layers::request_id::RequestIdLayer;
//!
//! let service = ServiceBuilder::new().layer(RequestIdLayer::new()).service(service_fn(
//!     |request: Request<Body>| async move {
//!         assert_eq!(request.headers()["x-request-id"].len(), 16);
//!         Ok::<_, std::convert::Infallible>(Response::new(Body::empty()))
//!     },
//! ));
//! let response = service.oneshot(Request::new(Body::empty())).await?;
//! assert_eq!(response.headers()["x-request-id"].len(), 16);
//! # Ok(())
//! # }
//! ```
//!
//! tower-http's `SetRequestIdLayer` and `PropagateRequestIdLayer` keep any id that a caller sends;
//! this is the pair of them with that check.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::header::Entry;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use pin_project::pin_project;
use tower_layer::Layer;
use tower_service::Service;
use tower_vgi::rpc::new_request_id;
use tower_vgi::{Advertise, Capabilities};

/// The header that carries the id, both ways.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives every request an id. See the [module](self).
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct RequestIdLayer;

impl RequestIdLayer {
    /// Keeps usable ids and makes the others.
    pub fn new() -> Self {
        Self
    }
}

impl<S> Layer<S> for RequestIdLayer {
    type Service = RequestId<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequestId { inner }
    }
}

impl Advertise for RequestIdLayer {
    fn advertise(&self, capabilities: &mut Capabilities) {
        capabilities.expose(X_REQUEST_ID);
    }
}

/// The service that [`RequestIdLayer`] makes.
#[derive(Clone, Copy, Debug)]
pub struct RequestId<S> {
    inner: S,
}

impl<S> RequestId<S> {
    inner_service_accessors!();
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for RequestId<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let id = identify(request.headers_mut());
        ResponseFuture { future: self.inner.call(request), id: Some(id) }
    }
}

/// The future of [`RequestId`].
#[pin_project]
pub struct ResponseFuture<F> {
    #[pin]
    future: F,
    id: Option<HeaderValue>,
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ResponseFuture").field("id", &self.id).finish_non_exhaustive()
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
        if let Some(id) = this.id.take() {
            response.headers_mut().insert(X_REQUEST_ID, id);
        }
        Poll::Ready(Ok(response))
    }
}

/// The id of the request with these headers, which carry exactly that one afterwards.
fn identify(headers: &mut HeaderMap) -> HeaderValue {
    match headers.entry(X_REQUEST_ID) {
        Entry::Occupied(mut present) => {
            let id = if is_usable(present.get().as_bytes()) { present.get().clone() } else { new_request_id() };
            present.insert(id.clone());
            id
        }
        Entry::Vacant(vacant) => vacant.insert(new_request_id()).clone(),
    }
}

fn is_usable(id: &[u8]) -> bool {
    (1..=128).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use tower::{ServiceExt, service_fn};
    use tower_vgi::Body;

    /// The ids that the service and the caller see.
    async fn ids(sent: &[&[u8]]) -> (Vec<HeaderValue>, Vec<HeaderValue>) {
        let service = RequestIdLayer::new().layer(service_fn(async |request: Request<Body>| {
            let seen: Vec<_> = request.headers().get_all(X_REQUEST_ID).iter().cloned().collect();
            let mut response = Response::new(Body::empty());
            response.headers_mut().insert(X_REQUEST_ID, HeaderValue::from_static("inner"));
            response.extensions_mut().insert(seen);
            Ok::<_, Infallible>(response)
        }));
        let mut request = Request::new(Body::empty());
        for id in sent {
            request.headers_mut().append(X_REQUEST_ID, HeaderValue::from_bytes(id).unwrap());
        }
        let response = service.oneshot(request).await.unwrap();
        let seen = response.extensions().get::<Vec<HeaderValue>>().unwrap().clone();
        (seen, response.headers().get_all(X_REQUEST_ID).iter().cloned().collect())
    }

    #[tokio::test]
    async fn a_usable_id_is_kept() {
        let long = [b'x'; 128];
        for id in [&b"abc-123"[..], &b"!~"[..], &long[..]] {
            let (seen, answered) = ids(&[id]).await;
            assert_eq!(seen, [id]);
            assert_eq!(answered, [id]);
        }
    }

    #[tokio::test]
    async fn any_other_id_is_replaced() {
        let too_long = [b'x'; 129];
        for id in [&b""[..], &b"a b"[..], &b"\xff"[..], &too_long[..]] {
            let (seen, answered) = ids(&[id]).await;
            assert_eq!(seen, answered);
            assert_eq!(answered.len(), 1);
            let id = answered[0].to_str().unwrap();
            assert!(id.len() == 16 && id.bytes().all(|byte| b"0123456789abcdef".contains(&byte)), "{id}");
        }
    }

    #[tokio::test]
    async fn of_several_ids_the_first_counts() {
        let (seen, answered) = ids(&[b"one", b"two"]).await;
        assert_eq!(seen, ["one"]);
        assert_eq!(answered, ["one"]);
    }

    #[tokio::test]
    async fn ids_differ() {
        assert_ne!(ids(&[]).await, ids(&[]).await);
    }

    #[tokio::test]
    async fn keeps_the_layer_contract() {
        crate::testing::check(&RequestIdLayer::new(), || Request::new(Body::empty())).await;
    }
}
