use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::Body as HttpBody;
use tower_service::Service;
use tower_vgi::BoxError;
use tower_vgi::external::UploadUrls;
use tower_vgi::rpc::RequestDecoder;

use super::answer::answer;
use crate::response::{ResponseBody, ResponseFuture};

/// Below the prefix, whose layer has taken it off.
const PATH: &str = "/__upload_url__/init";

/// The service that [`UploadUrlLayer`](super::UploadUrlLayer) makes.
pub struct GiveUploadUrls<S, U> {
    inner: S,
    urls: Arc<U>,
    decoder: RequestDecoder,
}

impl<S, U> GiveUploadUrls<S, U> {
    pub(super) fn new(inner: S, urls: Arc<U>, decoder: RequestDecoder) -> Self {
        Self { inner, urls, decoder }
    }

    inner_service_accessors!();
}

impl<S, U, ReqBody, ResBody> Service<Request<ReqBody>> for GiveUploadUrls<S, U>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    U: UploadUrls,
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
        ResponseFuture::later(answer(self.urls.clone(), self.decoder.clone(), request))
    }
}

impl<S: Clone, U> Clone for GiveUploadUrls<S, U> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), urls: self.urls.clone(), decoder: self.decoder.clone() }
    }
}

impl<S: fmt::Debug, U> fmt::Debug for GiveUploadUrls<S, U> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("GiveUploadUrls").field("inner", &self.inner).finish_non_exhaustive()
    }
}
