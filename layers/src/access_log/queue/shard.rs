//! The lines of some threads, most often of one.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::lost::{Lost, REPORT_BYTES};
use super::room::Room;

/// How many bytes are enough to be written at once. There are two buffers of that size for each core, of which one is
/// filled while the other is written: both stay in the core's second cache, beside what calls need there.
const ENOUGH: usize = 128 << 10;

/// How large a buffer is: a few more lines come before the writer does. One that needed more for a moment gives the rest
/// back.
pub(super) const KEPT: usize = 2 * ENOUGH;

/// How many runs a buffer keeps room for: as many as lines, where these are few and each has a time of its own.
pub(super) const KEPT_RUNS: usize = 1024;

/// What a line lacks.
const END: &[u8] = b"}\n";

/// Lies in memory that no other shard touches: processors fetch two lines of their caches, of 64 bytes each, at once.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Shard(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    waiting: Waiting,
    /// How many bytes are reserved for lines that come.
    reserved: usize,
    abandoned: bool,
}

/// Lines, and when they were made.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) bytes: Vec<u8>,
    pub(super) runs: Vec<Run>,
}

/// Lines that were made in the same millisecond.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) time: u64,
    /// Where the next one begins.
    pub(super) end: usize,
}

/// What became of a line, and what the writer has to be told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Pushed {
    /// There was no room.
    Lost,
    /// It is the first one in this shard.
    First,
    /// There are others, of which the writer knows.
    More,
    /// The writer should come now.
    Enough,
}

impl Shard {
    pub(super) fn push(&self, line: &[u8], time: u64, room: &Room, lost: &Lost) -> Pushed {
        let report = if lost.is_unreported() { REPORT_BYTES } else { 0 };
        let bytes = line.len() + END.len() + report;
        let mut state = self.lock();
        let mut crowded = false;
        if state.reserved < bytes && !state.abandoned {
            state.reserved += room.reserve(bytes - state.reserved);
            crowded = room.is_crowded();
        }
        if state.reserved < bytes || state.abandoned {
            drop(state);
            lost.one();
            return Pushed::Lost;
        }
        let State { waiting, reserved, .. } = &mut *state;
        let begin = waiting.bytes.len();
        if begin == 0 {
            waiting.bytes.reserve(KEPT);
        }
        waiting.bytes.extend_from_slice(line);
        if report > 0 {
            lost.report(&mut waiting.bytes);
        }
        waiting.bytes.extend_from_slice(END);
        let end = waiting.bytes.len();
        *reserved -= end - begin;
        match waiting.runs.last_mut() {
            Some(run) if run.time == time => run.end = end,
            _ => waiting.runs.push(Run { time, end }),
        }
        if crowded || end > ENOUGH {
            Pushed::Enough
        } else if begin == 0 {
            Pushed::First
        } else {
            Pushed::More
        }
    }

    /// Exchanges what waits for an empty buffer.
    pub(super) fn take(&self, waiting: &mut Waiting, room: &Room) {
        waiting.clear();
        std::mem::swap(&mut self.lock().waiting, waiting);
        room.release(waiting.bytes.len());
    }

    /// What waits is lost, and all that comes.
    pub(super) fn abandon(&self, lost: &Lost) {
        let mut state = self.lock();
        state.abandoned = true;
        lost.lines(&std::mem::take(&mut state.waiting).bytes);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT);
        self.runs.clear();
        self.runs.shrink_to(KEPT_RUNS);
    }
}
