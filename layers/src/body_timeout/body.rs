//! What the service inside reads.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use pin_project::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};
use tower_vgi::{Body, BoxError, RpcError};

use super::pace::{Pace, Wait};
use crate::body_refusal::BodyRefusal;

/// A request body for which nobody waits too long.
///
/// It fails with an [`RpcError`] of the status 408. The layer answers the request with that error whatever the service
/// inside makes of it.
#[pin_project]
pub struct TimeoutBody<B> {
    #[pin]
    body: B,
    /// `None` for a body that needs no waiting.
    timing: Option<Timing>,
}

impl<B> TimeoutBody<B> {
    pub(super) fn untimed(body: B) -> Self {
        Self { body, timing: None }
    }

    pub(super) fn timed(body: B, pace: Pace, refusal: BodyRefusal) -> Self {
        Self {
            body,
            timing: Some(Timing { pace, looked_again: false, until: None, timer: None, refusal, failed: None }),
        }
    }
}

impl<B> fmt::Debug for TimeoutBody<B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pace = self.timing.as_ref().map(|timing| &timing.pace);
        formatter.debug_struct("TimeoutBody").field("pace", &pace).finish_non_exhaustive()
    }
}

/// A body that nobody has to wait for needs no box.
impl From<TimeoutBody<Body>> for Body {
    fn from(body: TimeoutBody<Body>) -> Self {
        if body.timing.is_none() || body.body.is_complete() { body.body } else { Self::new(body) }
    }
}

impl<B> HttpBody for TimeoutBody<B>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.project();
        let Some(timing) = this.timing else { return this.body.poll_frame(cx).map_err(Into::into) };
        if let Some(error) = &timing.failed {
            return Poll::Ready(Some(Err(error.clone().into())));
        }
        match this.body.poll_frame(cx) {
            Poll::Ready(frame) => {
                let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
                timing.pace.arrived(data.map_or(0, |data| data.len() as u64));
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending => {
                let error = ready!(timing.poll_too_long(cx));
                Poll::Ready(Some(Err(error.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.timing.as_ref().is_none_or(|timing| timing.failed.is_none()) && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

struct Timing {
    pace: Pace,
    /// What comes along with the head is often there as soon as the task looks once more.
    looked_again: bool,
    /// When the current wait is too long.
    until: Option<Instant>,
    /// Made when the service has to wait. It may go off early: moving it costs more than one needless look.
    timer: Option<Pin<Box<Sleep>>>,
    refusal: BodyRefusal,
    failed: Option<RpcError>,
}

impl Timing {
    /// Ready when the service has waited long enough.
    fn poll_too_long(&mut self, cx: &mut Context<'_>) -> Poll<RpcError> {
        if let Wait::Begins(until) = self.pace.wait() {
            self.until = until;
        }
        if !std::mem::replace(&mut self.looked_again, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Some(until) = self.until else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if timer.deadline() > until {
            timer.as_mut().reset(until);
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            if timer.deadline() >= until {
                break;
            }
            timer.as_mut().reset(until);
        }
        let error = self.pace.give_up();
        self.refusal.set(&error);
        self.failed = Some(error.clone());
        Poll::Ready(error)
    }
}
