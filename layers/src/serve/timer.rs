//! The clock of one HTTP/1 connection.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use tokio::time::{Sleep as TokioSleep, sleep_until};

/// Tells hyper when a peer has taken too long to send the head of its next request.
///
/// hyper sets a deadline before each request and forgets it as soon as the head is there. Setting and removing an alarm
/// of the runtime each time takes locks that all connections share. These deadlines move forward only, so one alarm is
/// enough: it goes off early, about once in the time limit, and is then moved to the deadline of that moment.
#[derive(Clone, Default)]
pub(super) struct ConnectionTimer {
    alarm: Arc<Mutex<Option<Pin<Box<TokioSleep>>>>>,
}

impl Timer for ConnectionTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Wait { deadline: deadline.into(), timer: self.clone() })
    }

    fn now(&self) -> Instant {
        // Follows the runtime's clock where tests stop it.
        tokio::time::Instant::now().into()
    }
}

impl fmt::Debug for ConnectionTimer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ConnectionTimer").finish_non_exhaustive()
    }
}

/// Until one deadline.
struct Wait {
    deadline: tokio::time::Instant,
    timer: ConnectionTimer,
}

impl Future for Wait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut alarm = self.timer.alarm.lock().unwrap_or_else(PoisonError::into_inner);
        let alarm = alarm.get_or_insert_with(|| Box::pin(sleep_until(self.deadline)));
        if alarm.deadline() > self.deadline {
            alarm.as_mut().reset(self.deadline);
        }
        loop {
            ready!(alarm.as_mut().poll(cx));
            if alarm.deadline() >= self.deadline {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(self.deadline);
        }
    }
}

impl Sleep for Wait {}

#[cfg(test)]
mod tests {
    use super::*;

    async fn elapsed(wait: Pin<Box<dyn Sleep>>) -> u64 {
        let start = tokio::time::Instant::now();
        wait.await;
        start.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn each_wait_lasts_as_long_as_it_should() {
        let timer = ConnectionTimer::default();
        assert_eq!(elapsed(timer.sleep(Duration::from_secs(30))).await, 30);
        assert_eq!(elapsed(timer.sleep(Duration::from_secs(30))).await, 30);
        assert_eq!(elapsed(timer.sleep(Duration::from_secs(1))).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_was_forgotten_ends_no_later_wait() {
        let timer = ConnectionTimer::default();
        for _ in 0..100 {
            let wait = timer.sleep(Duration::from_secs(30));
            assert!(tokio::time::timeout(Duration::from_secs(29), wait).await.is_err());
        }
        assert_eq!(elapsed(timer.sleep(Duration::from_secs(30))).await, 30);
        assert_eq!(elapsed(timer.sleep(Duration::from_secs(2))).await, 2);
    }
}
