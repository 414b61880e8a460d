//! `/__test_drain__`: begins and ends a drain without a signal.

use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body::Body as HttpBody;
use tower::{Layer, Service};
use tower_vgi::session::DrainHandle;
use tower_vgi::{Body, BoxError};
use tower_vgi_layers::response::{ResponseBody, ResponseFuture};

/// Drains the sessions behind the handle when it is asked to.
#[derive(Clone)]
pub(crate) struct TestDrainLayer(pub(crate) DrainHandle);

impl<S> Layer<S> for TestDrainLayer {
    type Service = TestDrain<S>;

    fn layer(&self, inner: S) -> TestDrain<S> {
        TestDrain { inner, handle: self.0.clone() }
    }
}

#[derive(Clone)]
pub(crate) struct TestDrain<S> {
    inner: S,
    handle: DrainHandle,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for TestDrain<S>
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
        match (request.uri().path(), request.method()) {
            ("/__test_drain__", &Method::POST) => self.handle.drain(),
            ("/__test_drain__", &Method::DELETE) => self.handle.resume(),
            _ => return ResponseFuture::inner(self.inner.call(request)),
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        ResponseFuture::own(response)
    }
}
