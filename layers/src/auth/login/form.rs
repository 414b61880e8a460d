//! [`ReadForm`]: reads a small body.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Buf;
use http::Request;
use http_body::Body as HttpBody;
use pin_project::pin_project;
use tokio::time::{Sleep, sleep};
use tower_vgi::drain::Drain;

/// More than codes and tokens need.
pub(super) const MAX_BYTES: usize = 16 * 1024;
/// For all of a form.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no form.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FormError {
    TooLong,
    TooSlow,
    Broken,
}

/// Reads a body to its end. Of one that is too long the rest is read as well, within bounds, so that its client learns why
/// it is refused.
#[pin_project]
pub(super) struct ReadForm<B> {
    #[pin]
    body: B,
    read: Vec<u8>,
    is_too_long: bool,
    rest: Drain,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<B: HttpBody> ReadForm<B> {
    pub(super) fn new(request: Request<B>) -> Self {
        let (head, body) = request.into_parts();
        let rest = Drain::stranger(head.version, &head.headers, &body);
        let is_too_long = body.size_hint().lower() > MAX_BYTES as u64;
        Self { body, read: Vec::new(), is_too_long, rest, timer: None }
    }
}

impl<B: HttpBody> Future for ReadForm<B> {
    type Output = Result<Vec<u8>, FormError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            if *this.is_too_long {
                return this.rest.poll(this.body, cx).map(|()| Err(FormError::TooLong));
            }
            match this.body.as_mut().poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    let Ok(mut data) = frame.into_data() else { continue };
                    if this.read.len() + data.remaining() > MAX_BYTES {
                        *this.is_too_long = true;
                        continue;
                    }
                    while data.has_remaining() {
                        let chunk = data.chunk();
                        let length = chunk.len();
                        this.read.extend_from_slice(chunk);
                        data.advance(length);
                    }
                }
                Poll::Ready(None) => return Poll::Ready(Ok(std::mem::take(this.read))),
                Poll::Ready(Some(Err(_))) => return Poll::Ready(Err(FormError::Broken)),
                Poll::Pending => {
                    let timer = this.timer.get_or_insert_with(|| Box::pin(sleep(TIMEOUT)));
                    return timer.as_mut().poll(cx).map(|()| Err(FormError::TooSlow));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use bytes::Bytes;
    use futures_util::stream::{iter, pending};
    use http_body::Frame;
    use http_body_util::{Full, StreamBody};

    use super::*;

    fn chunks(sizes: &[usize]) -> impl HttpBody<Data = Bytes> {
        let frames = sizes.iter().map(|size| Ok::<_, Infallible>(Frame::data(Bytes::from(vec![b'x'; *size]))));
        StreamBody::new(iter(frames.collect::<Vec<_>>()))
    }

    async fn length(body: impl HttpBody<Data = Bytes>) -> Result<usize, FormError> {
        ReadForm::new(Request::new(body)).await.map(|form| form.len())
    }

    #[tokio::test(start_paused = true)]
    async fn a_form_is_small_and_comes_soon() {
        assert_eq!(length(chunks(&[])).await, Ok(0));
        assert_eq!(length(chunks(&[1, MAX_BYTES - 1])).await, Ok(MAX_BYTES));
        assert_eq!(length(chunks(&[MAX_BYTES, 1, 1 << 20])).await, Err(FormError::TooLong));
        assert_eq!(length(Full::new(Bytes::from(vec![b'x'; MAX_BYTES + 1]))).await, Err(FormError::TooLong));
        let never = StreamBody::new(pending::<Result<Frame<Bytes>, Infallible>>());
        assert_eq!(length(never).await, Err(FormError::TooSlow));
    }
}
