//! A connection that wakes itself goes on at once.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;
use pin_project::pin_project;

/// Nobody is at work: whoever wakes has to tell the task.
const IDLE: u8 = 0;
/// The future is being polled.
const POLLING: u8 = 1;
/// There is something to do that the future may not have seen.
const WOKEN: u8 = 2;

/// How often a future is polled in a row before others get their turn.
const MAX_ROUNDS: usize = 16;

/// Polls a future again, instead of going through the scheduler, when it was woken while it was polled.
///
/// hyper's two halves of a connection talk through wakers: the half that reads a body is woken by the half that asks for
/// it, within one poll of one task. A runtime takes such a task for one that yields: it puts it at the end of its queue
/// and, which costs more than a small call, wakes another thread that might want to take it over.
#[pin_project]
pub(super) struct SelfWake<F> {
    #[pin]
    future: F,
    signal: Arc<Signal>,
    /// One for all polls, so that those who keep it see that it is still the same.
    waker: Waker,
}

struct Signal {
    state: AtomicU8,
    task: AtomicWaker,
}

impl<F> SelfWake<F> {
    pub(super) fn new(future: F) -> Self {
        let signal = Arc::new(Signal { state: AtomicU8::new(IDLE), task: AtomicWaker::new() });
        Self { future, waker: signal.clone().into(), signal }
    }

    pub(super) fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut F> {
        self.project().future
    }
}

impl<F: Future> Future for SelfWake<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        this.signal.task.register(cx.waker());
        for _ in 0..MAX_ROUNDS {
            this.signal.state.swap(POLLING, Ordering::AcqRel);
            let polled = this.future.as_mut().poll(&mut Context::from_waker(this.waker));
            if polled.is_ready() {
                return polled;
            }
            let rest = this.signal.state.compare_exchange(POLLING, IDLE, Ordering::AcqRel, Ordering::Acquire);
            if rest.is_ok() {
                return Poll::Pending;
            }
        }
        // What woke it last has not been looked at.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.swap(WOKEN, Ordering::AcqRel) == IDLE {
            self.task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use super::*;

    /// Counts how often a task is woken.
    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Count {
        fn get(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Wakes itself so many times, and then ends.
    fn wakes_itself(times: usize) -> impl Future<Output = ()> {
        let mut left = times;
        poll_fn(move |cx| {
            if left == 0 {
                return Poll::Ready(());
            }
            left -= 1;
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    }

    #[test]
    fn what_wakes_itself_goes_on_without_its_task() {
        let count = Arc::new(Count::default());
        let waker = count.clone().into();
        let mut future = Box::pin(SelfWake::new(wakes_itself(3)));
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
        assert_eq!(count.get(), 0);
    }

    #[test]
    fn what_never_stops_waking_itself_lets_others_run() {
        let count = Arc::new(Count::default());
        let waker = count.clone().into();
        let mut future = Box::pin(SelfWake::new(wakes_itself(MAX_ROUNDS + 1)));
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        assert_eq!(count.get(), 1);
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
    }

    #[test]
    fn what_is_woken_from_elsewhere_wakes_its_task_once() {
        let count = Arc::new(Count::default());
        let waker = count.clone().into();
        let mut kept = None;
        let mut future = Box::pin(SelfWake::new(poll_fn(|cx| {
            kept = Some(cx.waker().clone());
            Poll::<()>::Pending
        })));
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        drop(future);
        let kept = kept.unwrap();
        kept.wake_by_ref();
        kept.wake();
        assert_eq!(count.get(), 1);
    }

    /// Each value is sent by another thread at any moment of a poll; one that is not seen would end the test by its time.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_wake_is_lost() {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
        let sending = tokio::spawn(async move {
            for n in 0..100_000_u32 {
                sender.send(n).await.unwrap();
            }
        });
        let receiving = SelfWake::new(async move {
            let mut count = 0;
            while receiver.recv().await.is_some() {
                count += 1;
            }
            count
        });
        let count = tokio::time::timeout(Duration::from_secs(60), tokio::spawn(receiving)).await.unwrap().unwrap();
        sending.await.unwrap();
        assert_eq!(count, 100_000);
    }
}
