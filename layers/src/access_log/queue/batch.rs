//! Lines of all shards in order.

use super::room::Room;
use super::shard::{KEPT, KEPT_RUNS, Shard, Waiting};

/// What is written at once.
#[derive(Debug, Default)]
pub(in super::super) struct Batch {
    bytes: Vec<u8>,
    /// What was taken from each shard.
    taken: Vec<Waiting>,
    order: Vec<Piece>,
}

/// A run of lines in one of the shards.
#[derive(Clone, Copy, Debug)]
struct Piece {
    time: u64,
    shard: usize,
    begin: usize,
    end: usize,
}

impl Batch {
    /// The lines, in the order of their times. Those of one millisecond are not interleaved: first come those of one
    /// shard, then those of the next one.
    pub(in super::super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(in super::super) fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Takes what waits.
    pub(super) fn fill(&mut self, shards: &[Shard], room: &Room) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT * shards.len());
        self.taken.resize_with(shards.len(), Waiting::default);
        for (shard, taken) in shards.iter().zip(&mut self.taken) {
            shard.take(taken, room);
        }
        self.put_in_order();
    }

    fn put_in_order(&mut self) {
        let Self { bytes, taken, order } = self;
        let mut filled = taken.iter_mut().filter(|waiting| !waiting.bytes.is_empty());
        if let (Some(only), None) = (filled.next(), filled.next()) {
            std::mem::swap(bytes, &mut only.bytes);
            return;
        }
        order.clear();
        order.shrink_to(KEPT_RUNS);
        for (shard, waiting) in taken.iter().enumerate() {
            let mut begin = 0;
            for run in &waiting.runs {
                order.push(Piece { time: run.time, shard, begin, end: run.end });
                begin = run.end;
            }
        }
        // Each shard is in order already, but where a clock was set back: that is what this sort is quick with.
        order.sort_by_key(|piece| piece.time);
        bytes.reserve(taken.iter().map(|waiting| waiting.bytes.len()).sum());
        for piece in order {
            bytes.extend_from_slice(&taken[piece.shard].bytes[piece.begin..piece.end]);
        }
    }
}
