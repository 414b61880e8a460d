//! What the caller reads.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::{Body as HttpBody, Frame, SizeHint};
use pin_project::pin_project;
use tower_vgi::Body;

use super::classify::Classify;
use super::events::{OnEos, OnFailure};

type Traced<B> = tower_http::trace::ResponseBody<B, Classify, (), OnEos, OnFailure>;

/// The service's own response body, whose end is an event.
#[pin_project]
pub struct ResponseBody<B>(#[pin] Kind<B>);

#[pin_project(project = KindProjection)]
enum Kind<B> {
    Plain(#[pin] B),
    Traced(#[pin] Traced<B>),
}

impl<B> ResponseBody<B> {
    pub(super) fn plain(body: B) -> Self {
        Self(Kind::Plain(body))
    }

    pub(super) fn traced(body: Traced<B>) -> Self {
        Self(Kind::Traced(body))
    }
}

impl<B> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.0 {
            Kind::Plain(_) => "ResponseBody::Plain",
            Kind::Traced(_) => "ResponseBody::Traced",
        })
    }
}

/// Where nobody listens, there is no box.
impl From<ResponseBody<Body>> for Body {
    fn from(body: ResponseBody<Body>) -> Self {
        match body.0 {
            Kind::Plain(body) => body,
            Kind::Traced(body) => Self::new(body),
        }
    }
}

impl<B> HttpBody for ResponseBody<B>
where
    B: HttpBody,
    B::Error: fmt::Display + 'static,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        match self.project().0.project() {
            KindProjection::Plain(body) => body.poll_frame(cx),
            KindProjection::Traced(body) => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Plain(body) => body.is_end_stream(),
            Kind::Traced(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Plain(body) => body.size_hint(),
            Kind::Traced(body) => body.size_hint(),
        }
    }
}
