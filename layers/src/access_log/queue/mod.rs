//! Lines that wait to be written: as many as there is room for.
//!
//! Each thread adds its lines to one of several shards, so that cores need not wait for each other, nor for memory that
//! another one has just written. What they share is touched once for many lines: how much room there is, and what wakes
//! the writer. The writer takes the lines of all shards and puts them in order.

mod batch;
mod lost;
mod room;
mod shard;
mod signal;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

pub(super) use batch::Batch;
use lost::Lost;
use room::Room;
use shard::{Pushed, Shard};
use signal::Signal;

/// More than cores, since other threads than those that run calls may notice the end of one.
const SHARDS_PER_CORE: usize = 2;

/// What callers and the writer share.
#[derive(Debug)]
pub(super) struct Queue {
    /// A power of two.
    shards: Box<[Shard]>,
    room: Room,
    lost: Lost,
    signal: Signal,
}

impl Queue {
    pub(super) fn new(max_bytes: usize) -> Self {
        let cores = std::thread::available_parallelism().map_or(4, usize::from);
        Self::with_shards((cores * SHARDS_PER_CORE).next_power_of_two(), max_bytes)
    }

    fn with_shards(shards: usize, max_bytes: usize) -> Self {
        Self {
            shards: (0..shards).map(|_| Shard::default()).collect(),
            room: Room::new(max_bytes, shards),
            lost: Lost::default(),
            signal: Signal::default(),
        }
    }

    pub(super) fn set_max_bytes(&self, bytes: usize) {
        self.room.set_max(bytes);
    }

    /// Adds a line, which lacks its closing brace, or drops it where there is no room. Never waits for the disk.
    ///
    /// `time` is what orders the lines, in milliseconds.
    pub(super) fn push(&self, line: &[u8], time: u64) {
        self.push_to(thread_number() & (self.shards.len() - 1), line, time);
    }

    fn push_to(&self, shard: usize, line: &[u8], time: u64) {
        match self.shards[shard].push(line, time, &self.room, &self.lost) {
            Pushed::Lost | Pushed::More => {}
            Pushed::First => self.signal.lines_wait(),
            Pushed::Enough => self.signal.hurry(),
        }
    }

    /// Notes lines that could not be written.
    pub(super) fn lose(&self, lines: &[u8]) {
        self.lost.lines(lines);
    }

    /// How many lines are lost in all.
    pub(super) fn dropped(&self) -> u64 {
        self.lost.dropped()
    }

    /// Asks the writer to write what is there, and waits until it has, at most until `deadline`.
    pub(super) fn flush(&self, deadline: Option<Instant>) {
        self.signal.flush(deadline);
    }

    /// Nothing will be added: the writer may end.
    pub(super) fn close(&self) {
        self.signal.close();
    }

    /// There is no writer, or none any more. What waits is lost, and nobody waits for it.
    pub(super) fn abandon(&self) {
        self.shards.iter().for_each(|shard| shard.abandon(&self.lost));
        self.signal.wrote(u64::MAX);
    }

    /// For the writer: waits for lines, and takes all there are. Gives the number to be [noted](Self::wrote) when they
    /// are written; `None` when there will be no more.
    pub(super) fn take(&self, batch: &mut Batch) -> Option<u64> {
        let due = self.signal.wait();
        batch.fill(&self.shards, &self.room);
        if due.closed && batch.bytes().is_empty() {
            self.signal.wrote(u64::MAX);
            return None;
        }
        Some(due.number)
    }

    /// For the writer: what was taken with this number is written, or lost.
    pub(super) fn wrote(&self, number: u64) {
        self.signal.wrote(number);
    }
}

/// Threads are counted as they add their first lines, so that those that run calls do not meet in one shard.
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    NUMBER.with(|number| *number)
}
