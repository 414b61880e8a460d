//! What the service inside reads.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use pin_project::pin_project;
use tower_vgi::{Body, BoxError};

/// A request body: the caller's own, or what it was decoded to, in one piece.
#[pin_project]
pub struct RequestBody<B>(#[pin] Kind<B>);

#[pin_project(project = KindProjection)]
enum Kind<B> {
    Plain(#[pin] B),
    Decoded(Option<Bytes>),
}

impl<B> RequestBody<B> {
    pub(super) fn plain(body: B) -> Self {
        Self(Kind::Plain(body))
    }

    pub(super) fn decoded(bytes: Bytes) -> Self {
        Self(Kind::Decoded(Some(bytes).filter(|bytes| !bytes.is_empty())))
    }
}

impl<B> fmt::Debug for RequestBody<B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.0 {
            Kind::Plain(_) => "RequestBody::Plain",
            Kind::Decoded(_) => "RequestBody::Decoded",
        })
    }
}

impl From<RequestBody<Body>> for Body {
    /// Takes off the wrapper, which no longer matters: nothing is boxed.
    fn from(body: RequestBody<Body>) -> Self {
        match body.0 {
            Kind::Plain(body) => body,
            Kind::Decoded(bytes) => bytes.map_or_else(Self::empty, Self::from),
        }
    }
}

impl<B> HttpBody for RequestBody<B>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.project().0.project() {
            KindProjection::Plain(body) => body.poll_frame(cx).map_err(Into::into),
            KindProjection::Decoded(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Plain(body) => body.is_end_stream(),
            Kind::Decoded(bytes) => bytes.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Plain(body) => body.size_hint(),
            Kind::Decoded(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
        }
    }
}
