//! What the caller reads.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use pin_project::pin_project;
use tower_vgi::{Body, BoxError};

use super::encoder::Encoder;
use super::pause::Pause;

/// A response body: the service's own, one compressed as a whole, or one compressed as it comes.
#[pin_project]
pub struct ResponseBody<B>(#[pin] Kind<B>);

#[pin_project(project = KindProjection)]
enum Kind<B> {
    Plain(#[pin] B),
    Own(#[pin] Body),
    Failed(Option<BoxError>),
    Streamed {
        #[pin]
        body: B,
        encoding: Box<Streamed>,
    },
}

impl<B> ResponseBody<B> {
    pub(super) fn plain(body: B) -> Self {
        Self(Kind::Plain(body))
    }

    pub(super) fn own(body: Body) -> Self {
        Self(Kind::Own(body))
    }

    /// A body that turned out not to exist when its response had been promised.
    pub(super) fn failed(error: BoxError) -> Self {
        Self(Kind::Failed(Some(error)))
    }

    pub(super) fn streamed(body: B, encoder: Encoder, piece: usize) -> Self {
        let encoding = Streamed { encoder: Some(encoder), frame: Bytes::new(), piece, pause: Pause::after(piece) };
        Self(Kind::Streamed { body, encoding: Box::new(encoding) })
    }
}

impl<B> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.0 {
            Kind::Plain(_) => "ResponseBody::Plain",
            Kind::Own(_) => "ResponseBody::Own",
            Kind::Failed(_) => "ResponseBody::Failed",
            Kind::Streamed { .. } => "ResponseBody::Streamed",
        })
    }
}

impl<B: Default> Default for ResponseBody<B> {
    fn default() -> Self {
        Self::plain(B::default())
    }
}

impl From<ResponseBody<Body>> for Body {
    /// Boxes only what is still to be compressed.
    fn from(body: ResponseBody<Body>) -> Self {
        match body.0 {
            Kind::Plain(body) | Kind::Own(body) => body,
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
        match self.project().0.project() {
            KindProjection::Plain(body) => body.poll_frame(cx).map_err(Into::into),
            KindProjection::Own(body) => body.poll_frame(cx),
            KindProjection::Failed(error) => Poll::Ready(error.take().map(Err)),
            KindProjection::Streamed { body, encoding } => {
                let output = ready!(encoding.poll(body, cx));
                if matches!(output, Some(Err(_))) {
                    // Half a compressed stream cannot be continued.
                    encoding.encoder = None;
                }
                Poll::Ready(output.map(|output| output.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Plain(body) => body.is_end_stream(),
            Kind::Own(body) => body.is_end_stream(),
            Kind::Failed(error) => error.is_none(),
            Kind::Streamed { encoding, .. } => encoding.encoder.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Plain(body) => body.size_hint(),
            Kind::Own(body) => body.size_hint(),
            Kind::Failed(_) | Kind::Streamed { .. } => SizeHint::default(),
        }
    }
}

struct Streamed {
    /// Gone when the body has ended.
    encoder: Option<Encoder>,
    frame: Bytes,
    piece: usize,
    pause: Pause,
}

impl Streamed {
    /// The next output that is not empty.
    fn poll<B>(&mut self, mut body: Pin<&mut B>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BoxError>>>
    where
        B: HttpBody<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        loop {
            ready!(self.pause.poll(cx));
            let Some(encoder) = &mut self.encoder else { return Poll::Ready(None) };
            if self.frame.is_empty() {
                match ready!(body.as_mut().poll_frame(cx)) {
                    // Trailers have no place in what the protocol sends.
                    Some(Ok(frame)) => self.frame = frame.into_data().unwrap_or_default(),
                    Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                    None => {
                        let last = self.encoder.take().map(|encoder| encoder.finish(&[]).map_err(Into::into));
                        return Poll::Ready(last);
                    }
                }
                continue;
            }
            let piece = self.frame.split_to(self.frame.len().min(self.piece));
            encoder.write(&piece)?;
            self.pause.count(piece.len());
            if self.frame.is_empty() {
                encoder.flush()?;
            }
            let output = encoder.take();
            if !output.is_empty() {
                return Poll::Ready(Some(Ok(output)));
            }
        }
    }
}
