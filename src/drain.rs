//! Reads what a refused client still sends, within bounds: for the core and for layers that refuse.
//!
//! A client that writes its whole request before it reads would otherwise find its connection
//! reset, and the answer that says why lost with it. Closing is right only when there is too much left.
//!
//! A layer that refuses a request before its body is touched answers with [`Refuse`]:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use http::{HeaderMap, Request, StatusCode, header};
//! use tower_vgi::drain::Refuse;
//! use tower_vgi::rpc::error_response;
//! use tower_vgi::{Body, ErrorCode, RpcError};
//!
//! fn refuse(request: Request<Body>) -> Refuse<Body> {
//!     let error = RpcError::new("AuthenticationError", "send a bearer token")
//!         .with_code(ErrorCode::Unauthenticated)
//!         .with_status(StatusCode::UNAUTHORIZED);
//!     let mut response = error_response(&error, request.headers());
//!     response.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
//!     Refuse::stranger(request, response)
//! }
//!
//! let response = refuse(Request::new(Body::from("what nobody reads"))).await;
//! assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
//! # Ok(())
//! # }
//! ```
//!
//! One that refuses while it reads the body uses [`Drain`] itself.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::EXPECT;
use http::{HeaderMap, Request, Response, Version};
use http_body::Body as HttpBody;
use pin_project::pin_project;
use tokio::time::{Sleep, sleep};

use crate::Body;

/// A client on a fast network writes this much within the time below.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// What is read of somebody who is not known or comes too often: as much as most requests have.
const MAX_BYTES_OF_STRANGERS: u64 = 16 * 1024 * 1024;
const MAX_TIME: Duration = Duration::from_secs(5);

/// How much more is read of a body that nobody wants: at most 64 MiB, for at most 5 seconds.
#[derive(Debug)]
pub struct Drain {
    left: u64,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Drain {
    /// For a request whose body is being read.
    ///
    /// HTTP/2 can refuse one body and keep the connection, so there nothing is read.
    pub fn new(version: Version) -> Self {
        Self { left: if version < Version::HTTP_2 { MAX_BYTES } else { 0 }, timer: None }
    }

    /// For a request that is refused before its body was touched.
    ///
    /// A client that waits for `100 Continue` sends nothing unless somebody reads, and one that announces
    /// more than the bound will see its connection closed in any case.
    pub fn untouched<B: HttpBody>(version: Version, headers: &HeaderMap, body: &B) -> Self {
        Self::bounded(version, headers, body, MAX_BYTES)
    }

    /// For a request that is refused before its body was touched, because of who sent it: at most 16 MiB. That is enough
    /// for most callers whose token has just expired, who have to learn of it, and less than anybody could have the server
    /// read otherwise.
    pub fn stranger<B: HttpBody>(version: Version, headers: &HeaderMap, body: &B) -> Self {
        Self::bounded(version, headers, body, MAX_BYTES_OF_STRANGERS)
    }

    fn bounded<B: HttpBody>(version: Version, headers: &HeaderMap, body: &B, bytes: u64) -> Self {
        let mut drain = Self::new(version);
        drain.left = drain.left.min(bytes);
        if headers.contains_key(EXPECT) || body.size_hint().lower() > bytes {
            drain.left = 0;
        }
        drain
    }

    /// Ready when the body has ended or failed, or enough was read.
    ///
    /// Needs a tokio runtime with time when the rest of the body is not there yet.
    pub fn poll<B: HttpBody>(&mut self, mut body: Pin<&mut B>, cx: &mut Context<'_>) -> Poll<()> {
        while self.left > 0 && !body.is_end_stream() {
            match body.as_mut().poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    let read = frame.data_ref().map_or(0, bytes::Buf::remaining);
                    self.left = self.left.saturating_sub(read as u64);
                }
                Poll::Ready(None | Some(Err(_))) => break,
                Poll::Pending => {
                    let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(MAX_TIME)));
                    return timer.as_mut().poll(cx);
                }
            }
        }
        Poll::Ready(())
    }

    /// Reads until the body has ended or failed, or enough was read.
    pub async fn finish<B: HttpBody>(mut self, mut body: Pin<&mut B>) {
        poll_fn(|cx| self.poll(body.as_mut(), cx)).await;
    }
}

/// The answer to a request that is refused before its body was touched: ready when its client has been heard out.
///
/// The answer may be anything, such as a response or the result of a service. See the [module](self).
#[pin_project]
#[must_use = "futures do nothing unless they are awaited"]
pub struct Refuse<B, T = Response<Body>> {
    #[pin]
    body: B,
    drain: Drain,
    answer: Option<T>,
}

impl<B: HttpBody, T> Refuse<B, T> {
    /// Reads what the request's client still sends, within bounds, and then gives `answer`.
    pub fn new(request: Request<B>, answer: T) -> Self {
        let (head, body) = request.into_parts();
        let drain = Drain::untouched(head.version, &head.headers, &body);
        Self { body, drain, answer: Some(answer) }
    }

    /// Like [`new`](Self::new), for a client that is not known or comes too often: much less is read of it, see
    /// [`Drain::stranger`].
    pub fn stranger(request: Request<B>, answer: T) -> Self {
        let (head, body) = request.into_parts();
        let drain = Drain::stranger(head.version, &head.headers, &body);
        Self { body, drain, answer: Some(answer) }
    }
}

impl<B: HttpBody, T> Future for Refuse<B, T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = self.project();
        match this.drain.poll(this.body, cx) {
            Poll::Ready(()) => this.answer.take().map_or(Poll::Pending, Poll::Ready),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<B, T> fmt::Debug for Refuse<B, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Refuse").field("drain", &self.drain).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::task::Waker;

    use bytes::Bytes;
    use http::HeaderValue;
    use http_body::{Frame, SizeHint};

    use super::*;

    /// Some frames of 1 MiB, then nothing for ever or the end.
    struct Sending {
        frames: usize,
        ends: bool,
        announced: u64,
    }

    impl HttpBody for Sending {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            if self.frames == 0 {
                return if self.ends { Poll::Ready(None) } else { Poll::Pending };
            }
            self.frames -= 1;
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[0; 1 << 20])))))
        }

        fn size_hint(&self) -> SizeHint {
            let mut hint = SizeHint::new();
            hint.set_lower(self.announced);
            hint
        }
    }

    fn left_after(request: Request<Sending>) -> (usize, bool) {
        let (head, mut body) = request.into_parts();
        let mut drain = Drain::untouched(head.version, &head.headers, &body);
        let ready = drain.poll(Pin::new(&mut body), &mut Context::from_waker(Waker::noop())).is_ready();
        (body.frames, ready)
    }

    fn sending(frames: usize, ends: bool) -> Request<Sending> {
        Request::new(Sending { frames, ends, announced: 0 })
    }

    #[tokio::test]
    async fn a_body_is_read_to_its_end_or_to_the_bound() {
        assert_eq!(left_after(sending(3, true)), (0, true));
        assert_eq!(left_after(sending(3, false)), (0, false));
        assert_eq!(left_after(sending(100, true)), (36, true));
    }

    #[tokio::test]
    async fn of_strangers_less_is_read() {
        for (announced, left) in [(0, 84), (16 << 20, 84), ((16 << 20) + 1, 100)] {
            let mut refuse =
                Box::pin(Refuse::stranger(Request::new(Sending { frames: 100, ends: true, announced }), "no"));
            let answer = refuse.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert_eq!((answer, refuse.body.frames), (Poll::Ready("no"), left), "{announced}");
        }
    }

    #[tokio::test]
    async fn a_body_is_left_alone_where_reading_does_not_help() {
        let mut too_much = sending(3, true);
        too_much.body_mut().announced = MAX_BYTES + 1;
        assert_eq!(left_after(too_much), (3, true));

        let mut waiting = sending(3, true);
        waiting.headers_mut().insert(EXPECT, HeaderValue::from_static("100-continue"));
        assert_eq!(left_after(waiting), (3, true));

        let mut multiplexed = sending(3, true);
        *multiplexed.version_mut() = Version::HTTP_2;
        assert_eq!(left_after(multiplexed), (3, true));
    }

    #[tokio::test(start_paused = true)]
    async fn the_answer_waits_for_the_client_but_not_for_ever() {
        let mut refuse = std::pin::pin!(Refuse::new(sending(1, false), "no"));
        assert!(refuse.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!(refuse.await, "no");
        assert_eq!(Refuse::new(sending(1, true), "no").await, "no");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_stops_sending_is_not_waited_for() {
        let mut body = sending(1, false).into_body();
        Drain::new(Version::HTTP_11).finish(Pin::new(&mut body)).await;
        assert_eq!(body.frames, 0);
    }
}
