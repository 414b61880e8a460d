//! [`Body`]: the body of a response, and of a client's request.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use pin_project::pin_project;

use crate::BoxError;
use crate::delivery::{Delivery, Guards};

/// A body whose kind is not part of its type.
///
/// Empty and complete bodies need no box and know their exact size, which is what lets HTTP/1.1
/// send `Content-Length` in place of chunks.
#[derive(Default)]
pub struct Body {
    kind: Kind,
    // After the body in the order in which they are dropped.
    guards: Guards,
}

#[derive(Default)]
enum Kind {
    #[default]
    Empty,
    Complete {
        frames: VecDeque<Bytes>,
        left: u64,
    },
    Boxed(Pin<Box<dyn HttpBody<Data = Bytes, Error = BoxError> + Send>>),
}

impl Body {
    /// A body without a byte.
    pub const fn empty() -> Self {
        Self::of(Kind::Empty)
    }

    const fn of(kind: Kind) -> Self {
        Self { kind, guards: Guards::new() }
    }

    /// A complete body, in pieces that are sent as they are.
    pub fn from_frames(frames: impl IntoIterator<Item = Bytes>) -> Self {
        let frames: VecDeque<Bytes> = frames.into_iter().filter(|frame| !frame.is_empty()).collect();
        let left = frames.iter().map(|frame| frame.len() as u64).sum();
        if left == 0 { Self::empty() } else { Self::of(Kind::Complete { frames, left }) }
    }

    /// Whether all of it is there: reading it neither waits nor fails.
    pub fn is_complete(&self) -> bool {
        matches!(self.kind, Kind::Empty | Kind::Complete { .. })
    }

    /// Any other body. A [`Body`] is taken as it is and never boxed twice.
    pub fn new<B>(body: B) -> Self
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let mut body = Some(body);
        if let Some(same) = (&mut body as &mut dyn std::any::Any).downcast_mut::<Option<Body>>() {
            return same.take().unwrap_or_else(Self::empty);
        }
        match body {
            Some(body) => Self::of(Kind::Boxed(Box::pin(MapError(body)))),
            None => Self::empty(),
        }
    }

    /// The same body again, where all of it is there and nothing is held for it.
    pub fn try_clone(&self) -> Option<Self> {
        match &self.kind {
            _ if !self.guards.is_empty() => None,
            Kind::Empty => Some(Self::empty()),
            Kind::Complete { frames, left } => Some(Self::of(Kind::Complete { frames: frames.clone(), left: *left })),
            Kind::Boxed(_) => None,
        }
    }

    /// Keeps something alive until the body has ended or was dropped: a permit, a lock.
    pub fn hold(&mut self, guard: impl Any + Send) {
        self.guards.hold(guard);
    }

    /// Tells when what there is of the body has been taken.
    pub fn on_delivery(&mut self, delivery: impl Delivery) {
        self.guards.add(delivery);
    }

    #[cfg(feature = "server")]
    pub(crate) fn hold_all(&mut self, guards: Guards) {
        self.guards.append(guards);
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::from_frames([bytes])
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Body").field(&self.size_hint()).finish()
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        if !this.guards.is_empty() && matches!(this.kind, Kind::Boxed(_)) {
            // Whoever asks for more has taken what there was.
            this.guards.delivered();
        }
        let frame = match &mut this.kind {
            Kind::Empty => Poll::Ready(None),
            Kind::Complete { frames, left } => Poll::Ready(frames.pop_front().map(|frame| {
                *left -= frame.len() as u64;
                Ok(Frame::data(frame))
            })),
            Kind::Boxed(body) => body.as_mut().poll_frame(cx),
        };
        if this.guards.is_empty() {
            return frame;
        }
        match &frame {
            Poll::Ready(None) => {
                this.guards.delivered();
                this.guards = Guards::new();
            }
            Poll::Ready(Some(Ok(piece))) => {
                let bytes = piece.data_ref().map_or(0, |data| data.len() as u64);
                this.guards.taken(bytes);
                // Whoever knows the length asks no more.
                if this.is_end_stream() {
                    this.guards.delivered();
                }
            }
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Empty => true,
            Kind::Complete { frames, .. } => frames.is_empty(),
            Kind::Boxed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Complete { left, .. } => SizeHint::with_exact(*left),
            Kind::Boxed(body) => body.size_hint(),
        }
    }
}

/// A body whose errors are boxed.
#[pin_project]
struct MapError<B>(#[pin] B);

impl<B> HttpBody for MapError<B>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.project().0.poll_frame(cx).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn complete_bodies_know_their_size_and_empty_frames_vanish() {
        let body = Body::from_frames([Bytes::new(), Bytes::from_static(b"ab"), Bytes::from_static(b"c")]);
        assert_eq!(body.size_hint().exact(), Some(3));
        assert!(Body::from_frames([Bytes::new()]).is_end_stream());
    }

    #[test]
    fn a_body_is_not_boxed_again() {
        let body = Body::new(Body::from("abc"));
        assert!(body.is_complete());
    }

    #[test]
    fn a_guard_lives_until_the_body_has_ended_or_was_dropped() {
        let guard = Arc::new(());
        let held = |body: Body| {
            let mut body = body;
            body.hold(guard.clone());
            Body::new(body)
        };
        let mut context = Context::from_waker(std::task::Waker::noop());
        for body in [Body::empty(), Body::from("abc"), Body::new(MapError(Body::from("abc")))] {
            let mut body = held(body);
            assert_eq!(Arc::strong_count(&guard), 2);
            while let Poll::Ready(Some(_)) = Pin::new(&mut body).poll_frame(&mut context) {
                assert_eq!(Arc::strong_count(&guard), 2);
            }
            assert_eq!(Arc::strong_count(&guard), 1);
        }
        drop(held(Body::from("abc")));
        assert_eq!(Arc::strong_count(&guard), 1);
    }

    #[test]
    fn what_was_taken_was_delivered() {
        struct Count(Arc<std::sync::atomic::AtomicUsize>);
        impl Delivery for Count {
            fn delivered(&mut self) {
                self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            }
        }
        let mut context = Context::from_waker(std::task::Waker::noop());
        let count = Arc::<std::sync::atomic::AtomicUsize>::default();
        let seen = || count.load(std::sync::atomic::Ordering::SeqCst);

        let mut complete = Body::from_frames([Bytes::from_static(b"a"), Bytes::from_static(b"b")]);
        complete.on_delivery(Count(count.clone()));
        let _ = Pin::new(&mut complete).poll_frame(&mut context);
        assert_eq!(seen(), 0, "the rest has not been taken");
        let _ = Pin::new(&mut complete).poll_frame(&mut context);
        assert_eq!(seen(), 1, "who knows the length does not ask for the end");

        let mut unread = Body::from("abc");
        unread.on_delivery(Count(count.clone()));
        drop(unread);
        assert_eq!(seen(), 1);
    }
}
