//! [`ResponseFuture`]: a page at once, or the response of the service inside, perhaps revised.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body::Body as HttpBody;
use pin_project::pin_project;
use tower_vgi::Body;
use tower_vgi::rpc::NotFound;

use super::address::Address;
use super::answer;
use super::site::{Name, Site};
use crate::response::{self, ResponseBody};

/// The future of [`Pages`](super::Pages).
#[pin_project]
pub struct ResponseFuture<F, B = Body> {
    #[pin]
    response: response::ResponseFuture<F, B>,
    revision: Option<Revision>,
}

/// What is done to the service's own response.
pub(super) enum Revision {
    /// Where it is marked as not found, people get a page.
    NotFound {
        site: Arc<Site>,
        address: Box<Address>,
        /// A browser gets the page for a wrong verb, too: it can send no other.
        browser: bool,
        head: bool,
    },
    /// It answers `OPTIONS` of a page, of which the service may know nothing.
    Discovery { allow: &'static str },
}

impl<F, B> ResponseFuture<F, B> {
    pub(super) fn inner(future: F, revision: Option<Revision>) -> Self {
        Self { response: response::ResponseFuture::inner(future), revision }
    }

    pub(super) fn own(response: Response<Body>) -> Self {
        Self { response: response::ResponseFuture::own(response), revision: None }
    }
}

impl<F, B: HttpBody> ResponseFuture<F, B> {
    pub(super) fn refuse(request: Request<B>, response: Response<Body>) -> Self {
        Self { response: response::ResponseFuture::refuse(request, response), revision: None }
    }
}

impl<F, B> fmt::Debug for ResponseFuture<F, B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ResponseFuture").finish_non_exhaustive()
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
        let response = ready!(this.response.poll(cx))?;
        Poll::Ready(Ok(match this.revision.take() {
            Some(revision) => revision.revise(response),
            None => response,
        }))
    }
}

impl Revision {
    fn revise<B>(self, mut response: Response<ResponseBody<B>>) -> Response<ResponseBody<B>> {
        let not_found = response.extensions().get::<NotFound>().is_some();
        match self {
            Self::NotFound { site, address, browser, head }
                if not_found && (browser || response.status() == StatusCode::NOT_FOUND) =>
            {
                let page = answer::not_found(site.page(Name::NotFound, &address), head);
                replace(response, page)
            }
            Self::NotFound { .. } => response,
            Self::Discovery { allow } => {
                if not_found {
                    response = replace(response, answer::discovery());
                }
                if response.status().is_success() {
                    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
                }
                response
            }
        }
    }
}

/// The new response with what the old one said besides its content: cookies, ids.
fn replace<B>(old: Response<ResponseBody<B>>, new: Response<Body>) -> Response<ResponseBody<B>> {
    let (mut parts, _) = old.into_parts();
    let (page, body) = new.into_parts();
    parts.status = page.status;
    parts.extensions.remove::<NotFound>();
    for name in [header::ALLOW, header::CONTENT_ENCODING, header::CONTENT_LENGTH, header::ETAG, header::LAST_MODIFIED] {
        parts.headers.remove(name);
    }
    for (name, value) in page.headers.iter() {
        parts.headers.insert(name, value.clone());
    }
    Response::from_parts(parts, ResponseBody::own(body))
}
