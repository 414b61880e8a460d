//! A bound on the memory that the bodies of all requests in flight take together.
//!
//! A limit of one request's size does not bound a server: a hundred requests of that size may come at once. This
//! layer gives each request a share of one pool. Those for which there is nothing left are refused with 503,
//! `Retry-After` and a `RetryInfo`; one that announces more than the whole pool with 413, since trying
//! again cannot help it.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! use http::{Request, Response, StatusCode};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use tower_vgi::{Body, RequestMemory, RpcError};
//! use tower_vgi_layers::memory::RequestMemoryLayer;
//!
//! let layer = RequestMemoryLayer::new(1 << 30);
//! let pool = layer.pool().clone();
//! let service = ServiceBuilder::new().layer(layer).service(service_fn(|request: Request<Body>| async move {
//!     // Whoever allocates for a request says so before; the core and the compression layer do.
//!     if let Some(memory) = request.extensions().get::<RequestMemory>() {
//!         memory.reserve(1000)?;
//!     }
//!     Ok::<_, RpcError>(Response::new(Body::from("answer")))
//! }));
//!
//! let response = service.clone().oneshot(Request::new(Body::from("question"))).await?;
//! assert_eq!(pool.in_use(), 1000);
//! drop(response);
//! assert_eq!(pool.in_use(), 0);
//!
//! let request = Request::post("/").header("content-length", 2_u64 << 30).body(Body::empty())?;
//! assert_eq!(service.oneshot(request).await?.status(), StatusCode::PAYLOAD_TOO_LARGE);
//! # Ok(())
//! # }
//! ```
//!
//! # What is counted
//!
//! - **A plain body**, by the core: all of an announced size before the first byte is read, and otherwise each piece of
//!   growth before it is allocated.
//! - **A compressed body**, by [`compression`](crate::compression): what it becomes, as it grows, with the compressed
//!   bytes and the window that decoding needs as long as they are needed. The core takes over what was decoded
//!   and does not count it again; where it has to copy it into aligned memory, both are there for a moment.
//! - **Compressed buffers within Arrow**, by the core, once they are decoded.
//!
//! Not counted are the buffers of connections (64 KiB each with [`serve`](mod@crate::serve)), large buffers that the
//! core keeps for the next bodies (64 MiB in all), what a growing body is copied from, and what methods make of what they
//! were sent. A method may count for itself: the share is in the extensions of its context.
//!
//! A share is given back when the response has ended or was dropped, and everything else that keeps a clone of it: the
//! arrays of an answer may be those of the question.
//!
//! # Order
//!
//! Inside of authentication, so that strangers get none of it, and outside of compression.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use pin_project::pin_project;
use tower_layer::Layer;
use tower_service::Service;
use tower_vgi::{Advertise, Body, BoxError, Capabilities, RequestMemory, RequestMemoryPool, rpc};

use crate::response;

/// Gives requests shares of a pool of memory. See the [module](self).
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct RequestMemoryLayer {
    pool: RequestMemoryPool,
}

impl RequestMemoryLayer {
    /// The bodies of all requests in flight together take at most `max_bytes`. Clones of the layer share them.
    pub fn new(max_bytes: u64) -> Self {
        Self { pool: RequestMemoryPool::new(max_bytes) }
    }

    /// The pool, for metrics: how much of it is in use.
    pub fn pool(&self) -> &RequestMemoryPool {
        &self.pool
    }
}

impl<S> Layer<S> for RequestMemoryLayer {
    type Service = LimitRequestMemory<S>;

    fn layer(&self, inner: S) -> Self::Service {
        LimitRequestMemory { inner, pool: self.pool.clone() }
    }
}

impl Advertise for RequestMemoryLayer {
    fn advertise(&self, _capabilities: &mut Capabilities) {}
}

/// The service that [`RequestMemoryLayer`] makes.
#[derive(Clone, Debug)]
pub struct LimitRequestMemory<S> {
    inner: S,
    pool: RequestMemoryPool,
}

impl<S> LimitRequestMemory<S> {
    inner_service_accessors!();
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for LimitRequestMemory<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ReqBody: HttpBody,
    ResBody: HttpBody<Data = Bytes>,
    ResBody::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        if let Err(error) = self.pool.check(announced(&request)) {
            let refused = rpc::error_response(&error, request.headers());
            return ResponseFuture { future: response::ResponseFuture::refuse(request, refused), memory: None };
        }
        let memory = self.pool.request();
        request.extensions_mut().insert(memory.clone());
        ResponseFuture { future: response::ResponseFuture::inner(self.inner.call(request)), memory: Some(memory) }
    }
}

fn announced<B: HttpBody>(request: &Request<B>) -> u64 {
    let header = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    header.unwrap_or(0).max(request.body().size_hint().lower())
}

/// The future of [`LimitRequestMemory`].
#[pin_project]
pub struct ResponseFuture<F, B> {
    #[pin]
    future: response::ResponseFuture<F, B>,
    memory: Option<RequestMemory>,
}

impl<F, B> fmt::Debug for ResponseFuture<F, B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ResponseFuture").field("memory", &self.memory).finish_non_exhaustive()
    }
}

impl<F, ReqBody, B, E> Future for ResponseFuture<F, ReqBody>
where
    F: Future<Output = Result<Response<B>, E>>,
    ReqBody: HttpBody,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.future.poll(cx))?;
        // Nothing is counted where nobody has read the body, and so nothing has to be kept.
        let memory = this.memory.take().filter(|memory| memory.in_use() > 0);
        Poll::Ready(Ok(response.map(|body| ResponseBody { body, memory })))
    }
}

/// The body of a response, which may still refer to the request's memory.
#[pin_project]
pub struct ResponseBody<B> {
    #[pin]
    body: response::ResponseBody<B>,
    // After the body in the order in which they are dropped.
    memory: Option<RequestMemory>,
}

impl<B> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ResponseBody").field("body", &self.body).field("memory", &self.memory).finish()
    }
}

impl<B: Default> Default for ResponseBody<B> {
    fn default() -> Self {
        Self { body: response::ResponseBody::default(), memory: None }
    }
}

impl From<ResponseBody<Body>> for Body {
    /// Hangs the memory on the body inside, without a box around it.
    fn from(body: ResponseBody<Body>) -> Self {
        let mut inner = Self::from(body.body);
        if let Some(memory) = body.memory {
            inner.hold(memory);
        }
        inner
    }
}

impl<B> HttpBody for ResponseBody<B>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.project();
        let frame = this.body.poll_frame(cx);
        if matches!(frame, Poll::Ready(None)) {
            *this.memory = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::collect;
    use http::StatusCode;
    use std::convert::Infallible;
    use tower::{ServiceExt, service_fn};

    /// Takes as much as its caller says, and answers with what the refusal says.
    async fn take<B>(request: Request<B>) -> Result<Response<Body>, Infallible> {
        let memory = request.extensions().get::<RequestMemory>().unwrap();
        let wanted = request.uri().path()[1..].parse().unwrap();
        Ok(match memory.resize_body(wanted) {
            Ok(()) => Response::new(Body::from("taken")),
            Err(error) => rpc::error_response(&error, request.headers()),
        })
    }

    fn wanting(bytes: u64) -> Request<Body> {
        Request::post(format!("/{bytes}")).body(Body::from("some")).unwrap()
    }

    #[tokio::test]
    async fn a_share_lasts_as_long_as_the_response() {
        let layer = RequestMemoryLayer::new(100);
        let service = layer.layer(service_fn(take::<Body>));
        let response = service.clone().oneshot(wanting(60)).await.unwrap();
        assert_eq!(layer.pool().in_use(), 60);

        let refused = service.clone().oneshot(wanting(50)).await.unwrap();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.headers()["retry-after"], "1");
        let fits = service.clone().oneshot(wanting(40)).await.unwrap();
        assert_eq!((fits.status(), layer.pool().in_use()), (StatusCode::OK, 100));

        drop(response);
        assert_eq!(layer.pool().in_use(), 40);
        let mut body = Box::pin(fits.into_body());
        while std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await.is_some() {}
        assert_eq!(layer.pool().in_use(), 0, "at its end, though the body is still there");
    }

    #[tokio::test]
    async fn an_erased_body_keeps_the_share_too() {
        let layer = RequestMemoryLayer::new(100);
        let service = layer.layer(service_fn(take::<Body>));
        let body = Body::from(service.clone().oneshot(wanting(60)).await.unwrap().into_body());
        assert_eq!((layer.pool().in_use(), body.size_hint().exact()), (60, Some(5)));
        assert_eq!(collect(body).await.unwrap(), "taken");
        assert_eq!(layer.pool().in_use(), 0);
    }

    #[tokio::test]
    async fn a_request_that_is_abandoned_gives_its_share_back() {
        let layer = RequestMemoryLayer::new(100);
        let service = layer.layer(service_fn(async |request: Request<Body>| {
            take(request).await?;
            std::future::pending::<Result<Response<Body>, Infallible>>().await
        }));
        let mut call = Box::pin(service.oneshot(wanting(60)));
        assert!(call.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop())).is_pending());
        drop(call);
        assert_eq!(layer.pool().in_use(), 0);
    }

    #[tokio::test]
    async fn what_can_never_fit_is_refused_before_it_is_read() {
        let layer = RequestMemoryLayer::new(100);
        let service = layer.layer(service_fn(async |_: Request<Body>| -> Result<Response<Body>, Infallible> {
            panic!("the service was called")
        }));
        let mut announced = wanting(0);
        announced.headers_mut().insert(CONTENT_LENGTH, 101.into());
        for request in [announced, Request::new(Body::from(vec![0; 101]))] {
            let response = service.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
            assert!(!response.headers().contains_key("retry-after"));
            let text = String::from_utf8_lossy(&collect(response.into_body()).await.unwrap()).into_owned();
            assert!(text.contains("101") && text.contains("100") && text.contains("cannot help"), "{text}");
        }
    }

    #[tokio::test]
    async fn keeps_the_layer_contract() {
        crate::testing::check(&RequestMemoryLayer::new(100), || Request::new(Body::from("abc"))).await;
    }
}
