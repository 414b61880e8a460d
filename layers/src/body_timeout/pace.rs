//! How fast a body comes, and how fast it has to.

use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;
use tower_vgi::{ErrorCode, RpcError};

/// What a body may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) deadline: Option<Duration>,
    /// Bytes a second; 0 for none.
    pub(super) min_rate: u64,
    /// How far it may fall behind the rate.
    pub(super) grace: Duration,
}

impl Limits {
    /// How long so many bytes may take; `None` is for ever.
    fn time_for(&self, bytes: u64) -> Option<Duration> {
        let nanoseconds = (u128::from(bytes) * 1_000_000_000).checked_div(u128::from(self.min_rate))?;
        Some(Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX)))
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    bytes: u64,
    waited: Duration,
}

/// What has come of a body, and in how much time.
#[derive(Debug)]
pub(super) struct Pace {
    limits: Limits,
    waiting_since: Option<Instant>,
    total: Progress,
    /// Since it was not behind: what came early is no excuse for what comes late.
    recent: Progress,
}

impl Pace {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, waiting_since: None, total: Progress::default(), recent: Progress::default() }
    }

    /// Begins to wait, unless that has begun before. Says until when, unless that is for ever.
    pub(super) fn wait(&mut self) -> Wait {
        if self.waiting_since.is_some() {
            return Wait::Goes;
        }
        let now = Instant::now();
        self.waiting_since = Some(now);
        let until_late = self
            .limits
            .time_for(self.recent.bytes)
            .map(|earned| self.limits.grace.saturating_add(earned).saturating_sub(self.recent.waited));
        let until_over = self.limits.deadline.map(|deadline| deadline.saturating_sub(self.total.waited));
        let patience = until_late.into_iter().chain(until_over).min();
        Wait::Begins(patience.and_then(|patience| now.checked_add(patience)))
    }

    /// Something came, after waiting or without.
    pub(super) fn arrived(&mut self, bytes: u64) {
        self.count(bytes);
        if self.limits.time_for(self.recent.bytes).is_none_or(|earned| earned >= self.recent.waited) {
            self.recent = Progress::default();
        }
    }

    /// The error of a body for which nobody waits any longer.
    pub(super) fn give_up(&mut self) -> RpcError {
        self.count(0);
        let message = match self.limits.deadline {
            Some(deadline) if deadline <= self.total.waited => format!(
                "Request body was not complete in time ({} bytes came in {:.1} s, the deadline is {:.1} s). Send less at \
                 once, or faster.",
                self.total.bytes,
                self.total.waited.as_secs_f64(),
                deadline.as_secs_f64(),
            ),
            _ => format!(
                "Request body came too slowly ({} bytes in {:.1} s, the minimum is {} bytes a second). Send it without \
                 pauses, or less at once.",
                self.recent.bytes,
                self.recent.waited.as_secs_f64(),
                self.limits.min_rate,
            ),
        };
        RpcError::new("TimeoutError", message)
            .with_code(ErrorCode::DeadlineExceeded)
            .with_status(StatusCode::REQUEST_TIMEOUT)
    }

    fn count(&mut self, bytes: u64) {
        let waited = self.waiting_since.take().map_or(Duration::ZERO, |since| since.elapsed());
        for progress in [&mut self.total, &mut self.recent] {
            progress.bytes = progress.bytes.saturating_add(bytes);
            progress.waited = progress.waited.saturating_add(waited);
        }
    }
}

/// What is to be done about a body of which nothing is there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// The clock starts; it runs until then, if it ends at all.
    Begins(Option<Instant>),
    /// The clock runs already.
    Goes,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(deadline: Option<u64>, min_rate: u64) -> Pace {
        let deadline = deadline.map(Duration::from_secs);
        Pace::new(Limits { deadline, min_rate, grace: Duration::from_secs(10) })
    }

    /// How many seconds a wait may take that begins now; ends it after `waited` seconds with `bytes`.
    async fn wait(pace: &mut Pace, waited: u64, bytes: u64) -> Option<u64> {
        let Wait::Begins(until) = pace.wait() else { panic!("waits already") };
        let patience = until.map(|until| (until - Instant::now()).as_secs());
        tokio::time::advance(Duration::from_secs(waited)).await;
        assert_eq!(pace.wait(), Wait::Goes);
        pace.arrived(bytes);
        patience
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_uses_up_the_grace_and_bytes_give_it_back() {
        let mut pace = pace(None, 100);
        assert_eq!(wait(&mut pace, 9, 0).await, Some(10));
        assert_eq!(wait(&mut pace, 0, 500).await, Some(1));
        assert_eq!(wait(&mut pace, 0, 1_000_000).await, Some(6));
        assert_eq!(wait(&mut pace, 4, 400).await, Some(10), "what came early does not count");
        assert_eq!(wait(&mut pace, 4, 400).await, Some(10), "the minimum itself is enough");
        assert_eq!(wait(&mut pace, 12, 0).await, Some(10));
        assert_eq!(wait(&mut pace, 0, 0).await, Some(0));
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_bounds_all_waits_together() {
        let mut pace = pace(Some(12), 100);
        assert_eq!(wait(&mut pace, 8, 1_000_000).await, Some(10));
        tokio::time::advance(Duration::from_secs(1000)).await;
        assert_eq!(wait(&mut pace, 4, 1_000_000).await, Some(4), "time between two waits does not count");
        assert_eq!(wait(&mut pace, 0, 1_000_000).await, Some(0));
    }

    #[tokio::test(start_paused = true)]
    async fn without_limits_there_is_no_end() {
        assert_eq!(wait(&mut pace(None, 0), 0, 0).await, None);
        let mut endless = pace(None, 1);
        endless.limits.grace = Duration::MAX;
        assert_eq!(wait(&mut endless, 1, u64::MAX).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn errors_say_what_was_asked_and_what_came() {
        let mut slow = pace(None, 100);
        wait(&mut slow, 0, 5000).await;
        wait(&mut slow, 10, 37).await;
        slow.wait();
        tokio::time::advance(Duration::from_millis(400)).await;
        let error = slow.give_up();
        assert_eq!((error.type_name(), error.code()), ("TimeoutError", ErrorCode::DeadlineExceeded));
        assert!(error.message().contains("(37 bytes in 10.4 s, the minimum is 100 bytes a second)"), "{error}");

        let mut late = pace(Some(12), 0);
        wait(&mut late, 11, 5000).await;
        late.wait();
        tokio::time::advance(Duration::from_secs(1)).await;
        let error = late.give_up();
        assert!(error.message().contains("(5000 bytes came in 12.0 s, the deadline is 12.0 s)"), "{error}");
    }
}
