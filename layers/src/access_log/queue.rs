//! Lines that wait to be written: as many as there is room for.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long the writer waits after the first line for more, so that it writes many at once.
const GATHER: Duration = Duration::from_millis(100);

/// How much is enough to write at once: more would have left the processor's caches before it is written.
const ENOUGH: usize = 256 << 10;

/// A buffer that was needed for a moment gives the rest of its memory back.
const KEPT: usize = 1 << 20;

/// What callers and the writer share.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// The writer has something to do.
    work: Condvar,
    /// The writer has done something.
    done: Condvar,
}

#[derive(Debug)]
struct State {
    lines: Vec<u8>,
    max_bytes: usize,
    /// Lines lost since one said so.
    unreported: u64,
    /// Lines lost in all.
    dropped: u64,
    /// Batches that were asked for, and that are written.
    wanted: u64,
    written: u64,
    /// Whether somebody waits for what is there now.
    hurry: bool,
    closed: bool,
}

impl Queue {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            state: Mutex::new(State {
                lines: Vec::new(),
                max_bytes,
                unreported: 0,
                dropped: 0,
                wanted: 0,
                written: 0,
                hurry: false,
                closed: false,
            }),
            work: Condvar::new(),
            done: Condvar::new(),
        }
    }

    pub(super) fn set_max_bytes(&self, bytes: usize) {
        self.lock().max_bytes = bytes;
    }

    /// Adds a line, which lacks its closing brace, or drops it where there is no room. Never waits for the disk.
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.closed || state.lines.len() + line.len() > state.max_bytes {
            state.lose(1);
            return;
        }
        let was_empty = state.lines.is_empty();
        state.lines.extend_from_slice(line);
        if state.unreported > 0 {
            let unreported = std::mem::take(&mut state.unreported);
            state.lines.extend_from_slice(format!(",\"dropped_records\":{unreported}").as_bytes());
        }
        state.lines.extend_from_slice(b"}\n");
        let hurry = !state.hurry && state.lines.len() > ENOUGH.min(state.max_bytes / 2);
        state.hurry |= hurry;
        drop(state);
        if was_empty || hurry {
            self.work.notify_one();
        }
    }

    /// Notes lines that could not be written.
    pub(super) fn lose(&self, lines: u64) {
        self.lock().lose(lines);
    }

    pub(super) fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// Asks the writer to write what is there, and waits until it has, at most until `deadline`.
    pub(super) fn flush(&self, deadline: Option<Instant>) {
        let mut state = self.lock();
        state.wanted += 1;
        let wanted = state.wanted;
        state.hurry = true;
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

    /// Nothing will be added: the writer may end.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.work.notify_one();
    }

    /// There is no writer, or none any more. What waits is lost, and nobody waits for it.
    pub(super) fn abandon(&self) {
        let mut state = self.lock();
        let waiting = state.lines.iter().filter(|byte| **byte == b'\n').count() as u64;
        state.lines = Vec::new();
        state.lose(waiting);
        state.closed = true;
        state.written = u64::MAX;
        self.done.notify_all();
    }

    /// For the writer: waits for lines, exchanges them for an empty buffer, and gives the number to be
    /// [noted](Self::wrote) when they are written. `None` when there will be no more.
    pub(super) fn take(&self, lines: &mut Vec<u8>) -> Option<u64> {
        lines.clear();
        lines.shrink_to(KEPT);
        let mut state = self.lock();
        while state.lines.is_empty() && !state.closed && !state.hurry {
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let gathered = Instant::now() + GATHER;
        while !state.closed && !state.hurry {
            let left = gathered.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.work.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.hurry = false;
        if state.lines.is_empty() && state.closed {
            state.written = u64::MAX;
            self.done.notify_all();
            return None;
        }
        std::mem::swap(&mut state.lines, lines);
        Some(state.wanted)
    }

    /// For the writer: what was taken with this number is written, or lost.
    pub(super) fn wrote(&self, number: u64) {
        self.lock().written = number;
        self.done.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn lose(&mut self, lines: u64) {
        self.unreported += lines;
        self.dropped += lines;
    }
}
