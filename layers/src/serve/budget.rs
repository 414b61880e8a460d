//! What a connection moves counts against its turn.

use std::task::Context;

use tokio::task::coop::poll_proceed;

/// One unit of a task's budget, of which the runtime gives it 128 a turn: two mebibytes, well under a millisecond.
const UNIT: usize = 16 * 1024;

/// Takes from the budget of the task what `bytes` are worth.
///
/// The runtime itself counts calls, and one call to a socket moves up to half a mebibyte: before a large body had used
/// its turn up, small calls of other connections would have waited for many milliseconds.
pub(super) fn charge(cx: &mut Context<'_>, bytes: usize) {
    // The call has cost a unit already.
    for _ in 0..bytes / UNIT {
        if poll_proceed(cx).map(|unit| unit.made_progress()).is_pending() {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use super::*;

    /// What is left of this turn.
    fn rest(cx: &mut Context<'_>) -> usize {
        std::iter::from_fn(|| poll_proceed(cx).map(|unit| unit.made_progress()).is_ready().then_some(())).count()
    }

    #[tokio::test]
    async fn large_pieces_take_more_of_a_turn_than_small_ones() {
        async fn after(bytes: usize) -> usize {
            tokio::task::yield_now().await;
            poll_fn(|cx| {
                charge(cx, bytes);
                Poll::Ready(rest(cx))
            })
            .await
        }
        let whole = after(0).await;
        assert_eq!(after(UNIT - 1).await, whole);
        assert_eq!(after(10 * UNIT).await, whole - 10);
        assert_eq!(after(usize::MAX).await, 0);
    }
}
