//! Layers of a stack whose types are not part of the stack's.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body as HttpBody;
use pin_project::pin_project;
use tower::util::BoxCloneSyncService;
use tower_layer::Layer;
use tower_service::Service;
use tower_vgi::{Body, BoxError, ErrorCode, RpcError, rpc};

use crate::refusal::Refusals;

/// A service of HTTP whose type does not matter.
pub(super) type BoxHttpService = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// A [`Layer`] that can be put into a [`Stack`](super::Stack). Every layer that makes a service of HTTP requests is one:
/// there is nothing to implement.
///
/// Its service may fail. The caller then gets an error of the protocol: that of tower's load shedding and time limits
/// as such, with 503 and 504, any other with 500.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no layer for a `Stack`",
    label = "not a layer whose service takes an HTTP request",
    note = "it has to be a `tower::Layer<Next>`, `Send + Sync + 'static`",
    note = "its service has to be a `Service<http::Request<Body>, Response = http::Response<B>>` that is `Clone + Send + \
            Sync + 'static`, with an error that is `Into<BoxError>`, a future that is `Send`, and a body of `Bytes`"
)]
pub trait HttpLayer: Send + Sync + 'static {
    #[doc(hidden)]
    fn wrap(&self, inner: Next) -> Wrapped;
}

impl<L, B> HttpLayer for L
where
    L: Layer<Next> + Send + Sync + 'static,
    L::Service: Service<Request<Body>, Response = Response<B>, Error: Into<BoxError>, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    fn wrap(&self, inner: Next) -> Wrapped {
        Wrapped(BoxHttpService::new(Answering(self.layer(inner))))
    }
}

/// What a layer has made of the rest of a stack.
#[doc(hidden)]
pub struct Wrapped(pub(super) BoxHttpService);

impl fmt::Debug for Wrapped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Wrapped")
    }
}

/// The rest of a stack, seen from a layer in it. Takes requests with any body; never fails.
#[derive(Clone)]
pub struct Next(pub(super) BoxHttpService);

impl<B> Service<Request<B>> for Next
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = NextFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> NextFuture {
        NextFuture(self.0.call(request.map(Body::new)))
    }
}

impl fmt::Debug for Next {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Next")
    }
}

/// The future of [`Next`].
pub struct NextFuture(<BoxHttpService as Service<Request<Body>>>::Future);

impl Future for NextFuture {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for NextFuture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("NextFuture")
    }
}

/// One layer, erased.
#[derive(Clone)]
pub(super) struct SharedHttpLayer(Arc<dyn HttpLayer>);

impl SharedHttpLayer {
    pub(super) fn new(layer: impl HttpLayer) -> Self {
        Self(Arc::new(layer))
    }

    pub(super) fn wrap(&self, inner: BoxHttpService) -> BoxHttpService {
        self.0.wrap(Next(inner)).0
    }
}

/// Makes responses out of a foreign service's errors.
#[derive(Clone)]
struct Answering<S>(S);

impl<S, B> Service<Request<Body>> for Answering<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error: Into<BoxError>>,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = AnsweringFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // A service that fails to become ready fails when it is called, too; there the failure finds its caller.
        match self.0.poll_ready(cx) {
            Poll::Ready(_) => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
        }
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let refusals = Refusals::new(request.headers());
        AnsweringFuture { future: self.0.call(request), refusals }
    }
}

#[pin_project]
struct AnsweringFuture<F> {
    #[pin]
    future: F,
    refusals: Refusals,
}

impl<F, B, E> Future for AnsweringFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    E: Into<BoxError>,
{
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        Poll::Ready(Ok(match ready!(this.future.poll(cx)) {
            Ok(response) => response.map(Body::new),
            Err(error) => this.refusals.refuse(&with_status(rpc::middleware_error(error.into()))),
        }))
    }
}

/// An error of a layer is no error of a method, and so has a status that proxies understand.
fn with_status(error: RpcError) -> RpcError {
    if error.status() != StatusCode::OK {
        return error;
    }
    let status = match error.code() {
        ErrorCode::Unavailable | ErrorCode::ResourceExhausted => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    error.with_status(status)
}
