//! What the caller reads.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use pin_project::pin_project;
use tower_vgi::{Body, BoxError, ErrorCode, RpcError};

use super::catch::catch;
use crate::refusal::Refusals;

/// A response body: the service's own, which fails where it panics, or the answer to a panic.
#[pin_project]
pub struct ResponseBody<B>(#[pin] Kind<B>);

#[pin_project(project = KindProjection)]
enum Kind<B> {
    Inner {
        #[pin]
        body: B,
        refusals: Refusals,
    },
    Own(#[pin] Body),
    Broken,
}

impl<B> ResponseBody<B> {
    pub(super) fn inner(body: B, refusals: Refusals) -> Self {
        Self(Kind::Inner { body, refusals })
    }

    pub(super) fn own(body: Body) -> Self {
        Self(Kind::Own(body))
    }
}

impl<B> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.0 {
            Kind::Inner { .. } => "ResponseBody::Inner",
            Kind::Own(_) => "ResponseBody::Own",
            Kind::Broken => "ResponseBody::Broken",
        })
    }
}

/// A body that is there cannot panic, and needs no box.
impl From<ResponseBody<Body>> for Body {
    fn from(body: ResponseBody<Body>) -> Self {
        match body.0 {
            Kind::Own(body) => body,
            Kind::Inner { body, .. } if body.is_complete() => body,
            kind => Self::new(ResponseBody(kind)),
        }
    }
}

impl<B> HttpBody for ResponseBody<B>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut kind = self.project().0;
        match kind.as_mut().project() {
            KindProjection::Inner { body, refusals } => {
                if let Some(polled) = catch(refusals, "body", || body.poll_frame(cx)) {
                    return polled.map_err(Into::into);
                }
                let refusals = refusals.clone();
                // Here the body is dropped, which may panic again; it is gone all the same.
                catch(&refusals, "drop", || kind.set(Kind::Broken));
                Poll::Ready(Some(Err(broken().into())))
            }
            KindProjection::Own(body) => body.poll_frame(cx),
            KindProjection::Broken => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Inner { body, .. } => body.is_end_stream(),
            Kind::Own(body) => body.is_end_stream(),
            Kind::Broken => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Inner { body, .. } => body.size_hint(),
            Kind::Own(body) => body.size_hint(),
            Kind::Broken => SizeHint::default(),
        }
    }
}

fn broken() -> RpcError {
    RpcError::runtime_error("The server failed while it sent the response. Its log says why.")
        .with_code(ErrorCode::Internal)
}
