//! The page beside the service.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, header};
use http_body::Body as HttpBody;
use prometheus_client::registry::Registry;
use tower_service::Service;
use tower_vgi::{Body, BoxError};

use super::{Counting, render};
use crate::observe::{self, Observed};
use crate::response::{ResponseBody, ResponseFuture};

/// What Prometheus knows the text form by.
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// The service that [`PrometheusLayer`](super::PrometheusLayer) makes.
#[derive(Clone, Debug)]
pub struct Prometheus<S> {
    inner: Observed<S, Counting>,
    registry: Arc<Mutex<Registry>>,
    page: Option<Arc<str>>,
}

impl<S> Prometheus<S> {
    pub(super) fn new(inner: Observed<S, Counting>, registry: Arc<Mutex<Registry>>, page: Option<Arc<str>>) -> Self {
        Self { inner, registry, page }
    }

    /// The service inside.
    pub fn get_ref(&self) -> &S {
        self.inner.get_ref()
    }

    /// The service inside, to change it.
    pub fn get_mut(&mut self) -> &mut S {
        self.inner.get_mut()
    }

    /// Takes the service out of the middleware.
    pub fn into_inner(self) -> S {
        self.inner.into_inner()
    }
}

type Future<S, B> = <Observed<S, Counting> as Service<Request<B>>>::Future;

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Prometheus<S>
where
    S: Service<Request<observe::RequestBody<ReqBody>>, Response = Response<ResBody>>,
    ReqBody: HttpBody,
    ResBody: HttpBody<Data = Bytes, Error: Into<BoxError>>,
{
    type Response = Response<ResponseBody<observe::ResponseBody<ResBody, Counting>>>;
    type Error = S::Error;
    type Future = ResponseFuture<Future<S, ReqBody>, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let asked = self.page.as_deref().is_some_and(|page| {
            request.uri().path() == page && matches!(*request.method(), Method::GET | Method::HEAD)
        });
        if !asked {
            return ResponseFuture::inner(self.inner.call(request));
        }
        let mut response = Response::new(Body::from(render(&self.registry)));
        response.headers_mut().insert(header::CONTENT_TYPE, OPEN_METRICS);
        ResponseFuture::refuse(request, response)
    }
}
