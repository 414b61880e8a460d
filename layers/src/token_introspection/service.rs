use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body::Body as HttpBody;
use tower_service::Service;
use tower_vgi::identity::Introspection;
use tower_vgi::{AuthContext, BoxError};

use super::answer::{answer, refusal};
use crate::response::{ResponseBody, ResponseFuture};

/// Below the prefix, whose layer has taken it off.
const PATH: &str = "/__introspect_token__";

/// The service that [`TokenIntrospectionLayer`](super::TokenIntrospectionLayer) makes.
#[derive(Clone, Debug)]
pub struct TokenIntrospection<S> {
    inner: S,
    introspection: Introspection,
}

impl<S> TokenIntrospection<S> {
    pub(super) fn new(inner: S, introspection: Introspection) -> Self {
        Self { inner, introspection }
    }

    inner_service_accessors!();
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for TokenIntrospection<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ReqBody: HttpBody + Send + 'static,
    ReqBody::Data: Send,
    ReqBody::Error: Into<BoxError>,
    ResBody: HttpBody<Data = Bytes, Error: Into<BoxError>>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        if request.uri().path() != PATH || request.method() != Method::POST {
            return ResponseFuture::inner(self.inner.call(request));
        }
        let caller = request.extensions().get::<AuthContext>().cloned().unwrap_or_default();
        // Before the body is read: who may not ask learns nothing of what they ask about.
        if self.introspection.check_caller(&caller).is_err() {
            let response = refusal(StatusCode::FORBIDDEN, "not_an_introspector");
            return ResponseFuture::refuse_stranger(request, response);
        }
        ResponseFuture::later(answer(self.introspection.clone(), caller, request))
    }
}
