use std::fmt;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body as HttpBody;
use tower_service::Service;
use tower_vgi::{Body, BoxError};

use super::LocalStorage;
use super::signature::PATH;
use super::{get, put};
use crate::response::{ResponseBody, ResponseFuture};

/// The service that [`LocalStorageLayer`](super::LocalStorageLayer) makes.
#[derive(Clone)]
pub struct ServeLocalStorage<S> {
    inner: S,
    storage: LocalStorage,
}

impl<S> ServeLocalStorage<S> {
    pub(super) fn new(inner: S, storage: LocalStorage) -> Self {
        Self { inner, storage }
    }

    inner_service_accessors!();
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for ServeLocalStorage<S>
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
        let Some(key) = request.uri().path().strip_prefix(PATH) else {
            return ResponseFuture::inner(self.inner.call(request));
        };
        if ![Method::GET, Method::HEAD, Method::PUT].contains(request.method()) {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "objects are read with GET and put with PUT");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, PUT"));
            return ResponseFuture::refuse_stranger(request, response);
        }
        let key = key.to_owned();
        match self.storage.signatures.check(request.method(), &key, request.uri().query()) {
            Err(denied) => ResponseFuture::refuse_stranger(request, text(StatusCode::FORBIDDEN, &format!("{denied}"))),
            Ok(grant) if request.method() == Method::PUT => {
                ResponseFuture::later(put::answer(self.storage.clone(), key, grant, request))
            }
            Ok(_) => {
                let (head, _body) = request.into_parts();
                ResponseFuture::later(get::answer(self.storage.clone(), key, head))
            }
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for ServeLocalStorage<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ServeLocalStorage").field("inner", &self.inner).finish_non_exhaustive()
    }
}

/// An answer in words.
pub(super) fn text(status: StatusCode, message: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("{message}\n")));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
