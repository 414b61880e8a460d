//! Stepping back behind other work.

use std::pin::Pin;
use std::task::{Context, Poll};

/// Between two pieces of long work: pending once, until what else is ready had its turn.
///
/// Waking oneself would not do: the task would run again before sockets are looked at.
pub(super) struct Pause {
    piece: usize,
    done: usize,
    pause: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Pause {
    /// After every `piece` bytes.
    pub(super) fn after(piece: usize) -> Self {
        Self { piece, done: 0, pause: None }
    }

    /// Counts work that was done.
    pub(super) fn count(&mut self, bytes: usize) {
        self.done += bytes;
        if self.done >= self.piece {
            self.done = 0;
            self.pause = Some(Box::pin(tokio::task::yield_now()));
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(pause) = &mut self.pause {
            if pause.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.pause = None;
        }
        Poll::Ready(())
    }
}
