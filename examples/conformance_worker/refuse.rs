//! `--auth reject`: a layer that refuses every caller.

use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body::Body as HttpBody;
use tower::{Layer, Service};
use tower_vgi::{Body, BoxError};
use tower_vgi_layers::response::{ResponseBody, ResponseFuture};

/// Refuses what comes through it.
#[derive(Clone, Copy)]
pub(crate) struct RefuseAll;

impl<S> Layer<S> for RefuseAll {
    type Service = Refusing<S>;

    fn layer(&self, inner: S) -> Refusing<S> {
        Refusing(inner)
    }
}

#[derive(Clone)]
pub(crate) struct Refusing<S>(S);

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Refusing<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ReqBody: HttpBody,
    ResBody: HttpBody<Data = Bytes, Error: Into<BoxError>>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let body = r#"{"error":"unauthorized","reason":"unauthorized","detail":"authentication rejected"}"#;
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        ResponseFuture::refuse(request, response)
    }
}
