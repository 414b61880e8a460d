//! When the writer has something to do, and when it has done it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long the writer waits after the first line for more, so that it writes many at once.
const GATHER: Duration = Duration::from_millis(100);

/// Between callers and the writer.
#[derive(Debug, Default)]
pub(super) struct Signal {
    state: Mutex<State>,
    /// The writer should not wait for more lines. Changed with the state's lock, and looked at without it: while there
    /// are many lines and the writer is at work, each says so.
    hurry: AtomicBool,
    /// The writer has something to do.
    work: Condvar,
    /// The writer has done something.
    done: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Whether there are lines.
    lines_wait: bool,
    /// Batches that were asked for, and that are written.
    wanted: u64,
    written: u64,
    closed: bool,
}

/// What the writer has to do.
#[derive(Debug)]
pub(super) struct Due {
    /// Of the batch, to be noted when it is written.
    pub(super) number: u64,
    /// Nothing more will come.
    pub(super) closed: bool,
}

impl Signal {
    /// There are lines where there were none. Only the first one wakes the writer.
    pub(super) fn lines_wait(&self) {
        if !std::mem::replace(&mut self.lock().lines_wait, true) {
            self.work.notify_one();
        }
    }

    /// There are so many lines that the writer should not wait for more.
    pub(super) fn hurry(&self) {
        if !self.hurry.load(Ordering::Relaxed) {
            let _state = self.lock();
            self.hurry.store(true, Ordering::Relaxed);
            self.work.notify_one();
        }
    }

    /// Waits until all that is there now is written, at most until `deadline`.
    pub(super) fn flush(&self, deadline: Option<Instant>) {
        let mut state = self.lock();
        state.wanted += 1;
        let wanted = state.wanted;
        self.hurry.store(true, Ordering::Relaxed);
        self.work.notify_one();
        while state.written < wanted {
            let left = deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return;
            }
            let left = left.min(Duration::from_secs(3600));
            state = self.done.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.work.notify_one();
    }

    /// For the writer: waits until there is something to do.
    ///
    /// What it is told from now on is about lines that it may take already, or comes after it has taken the others: nothing
    /// is left behind.
    pub(super) fn wait(&self) -> Due {
        let mut state = self.lock();
        while !state.lines_wait && !self.is_urgent(&state) {
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let gathered = Instant::now() + GATHER;
        while !self.is_urgent(&state) {
            let left = gathered.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.work.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.lines_wait = false;
        self.hurry.store(false, Ordering::Relaxed);
        Due { number: state.wanted, closed: state.closed }
    }

    /// For the writer: what was taken with this number is written, or lost.
    pub(super) fn wrote(&self, number: u64) {
        self.lock().written = number;
        self.done.notify_all();
    }

    fn is_urgent(&self, state: &State) -> bool {
        state.closed || self.hurry.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
