//! [`Pages`]: which request gets a page.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, Method, Request, Response};
use http_body::Body as HttpBody;
use tower_service::Service;
use tower_vgi::BoxError;
use tower_vgi::rpc::ARROW_STREAM;

use super::address::Address;
use super::answer;
use super::future::{ResponseFuture, Revision};
use super::site::{Name, Site};
use crate::response::ResponseBody;

/// The service that [`PagesLayer`](super::PagesLayer) makes.
#[derive(Clone, Debug)]
pub struct Pages<S> {
    inner: S,
    site: Arc<Site>,
}

impl<S> Pages<S> {
    pub(super) fn new(inner: S, site: Arc<Site>) -> Self {
        Self { inner, site }
    }

    inner_service_accessors!();
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Pages<S>
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

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        if let Some(name) = self.site.page_at(request.uri().path()) {
            return self.call_page(name, request);
        }
        let revision = self.site.has(Name::NotFound).then(|| self.not_found(&request)).flatten();
        ResponseFuture::inner(self.inner.call(request), revision)
    }
}

impl<S> Pages<S> {
    fn call_page<ReqBody>(&mut self, name: Name, request: Request<ReqBody>) -> ResponseFuture<S::Future, ReqBody>
    where
        S: Service<Request<ReqBody>>,
        ReqBody: HttpBody,
    {
        let takes_post = name == Name::Describe && self.site.describe_is_a_method();
        match *request.method() {
            Method::GET | Method::HEAD => {
                let page = self.site.page(name, &Address::of(&request));
                ResponseFuture::own(answer::page(page, request.method() == Method::HEAD))
            }
            Method::OPTIONS => {
                let allow = if takes_post { "GET, HEAD, POST" } else { "GET, HEAD" };
                ResponseFuture::inner(self.inner.call(request), Some(Revision::Discovery { allow }))
            }
            Method::POST if takes_post => ResponseFuture::inner(self.inner.call(request), None),
            _ => ResponseFuture::refuse(request, answer::wrong_verb()),
        }
    }

    /// What becomes of the response if it is marked as not found; `None` for clients of the protocol.
    fn not_found<ReqBody>(&self, request: &Request<ReqBody>) -> Option<Revision> {
        let headers = request.headers();
        if headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes() == ARROW_STREAM.as_bytes()) {
            return None;
        }
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        Some(Revision::NotFound {
            site: self.site.clone(),
            address: Box::new(Address::of(request)),
            browser: reads && accepts_html(headers),
            head: request.method() == Method::HEAD,
        })
    }
}

/// Whether `text/html` is asked for by name, as browsers do.
fn accepts_html(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        parts.next().is_some_and(|media_type| media_type.eq_ignore_ascii_case("text/html"))
            && !parts.any(|parameter| {
                let weight = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="));
                weight.and_then(|weight| weight.parse::<f32>().ok()) == Some(0.0)
            })
    })
}
