//! The service that is observed.

use std::task::{Context, Poll};

use http::{Method, Request, Response};
use http_body::Body as HttpBody;
use tower_service::Service;

use super::watch::Watch;
use super::{Observe, RequestBody, ResponseBody, ResponseFuture};

/// The service that [`ObserveLayer`](super::ObserveLayer) makes.
#[derive(Clone, Copy, Debug)]
pub struct Observed<S, O> {
    inner: S,
    observer: O,
}

impl<S, O> Observed<S, O> {
    pub(crate) fn new(inner: S, observer: O) -> Self {
        Self { inner, observer }
    }

    inner_service_accessors!();
}

impl<S, O, ReqBody, ResBody> Service<Request<ReqBody>> for Observed<S, O>
where
    S: Service<Request<RequestBody<ReqBody>>, Response = Response<ResBody>>,
    O: Observe,
    ReqBody: HttpBody,
    ResBody: HttpBody,
{
    type Response = Response<ResponseBody<ResBody, O>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, O>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let headless = request.method() == Method::HEAD;
        let (parts, body) = request.into_parts();
        let (body, received) = RequestBody::new(body);
        let mut request = Request::from_parts(parts, body);
        let watch = Watch::begin(self.observer.clone(), &mut request, received);
        let future = watch.in_scope(|| self.inner.call(request));
        ResponseFuture::new(future, watch, headless)
    }
}
