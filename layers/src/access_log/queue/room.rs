//! How much may wait.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How much is reserved at once.
const PIECE: usize = 64 << 10;

/// Shards together reserve no more than this part of all room without need.
const SPARE: usize = 16;

/// The bytes that all shards share. They reserve them in pieces, so that not every line touches what all cores use.
#[derive(Debug)]
pub(super) struct Room {
    max: AtomicUsize,
    reserved: AtomicUsize,
    shards: usize,
}

impl Room {
    pub(super) fn new(max: usize, shards: usize) -> Self {
        Self { max: max.into(), reserved: AtomicUsize::new(0), shards }
    }

    pub(super) fn set_max(&self, max: usize) {
        self.max.store(max, Ordering::Relaxed);
    }

    /// Reserves a piece with room for so many bytes, or as much as there is for them; nothing if they have none.
    pub(super) fn reserve(&self, bytes: usize) -> usize {
        let max = self.max.load(Ordering::Relaxed);
        let piece = PIECE.min(max / (SPARE * self.shards)).max(bytes);
        let more = |reserved: usize| {
            let left = max.saturating_sub(reserved);
            (left >= bytes).then(|| piece.min(left))
        };
        self.reserved
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |reserved| Some(reserved + more(reserved)?))
            .map_or(0, |before| more(before).unwrap_or(0))
    }

    pub(super) fn release(&self, bytes: usize) {
        self.reserved.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether there will soon be no more.
    pub(super) fn is_crowded(&self) -> bool {
        self.reserved.load(Ordering::Relaxed) > self.max.load(Ordering::Relaxed) / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_large_where_there_is_room_for_them() {
        let room = Room::new(16 << 20, 2);
        assert_eq!((room.reserve(700), room.reserve(100_000)), (PIECE, 100_000));
        // Those of a small one are as large as they need be.
        let room = Room::new(2000, 2);
        assert_eq!((room.reserve(700), room.reserve(700), room.reserve(700)), (700, 700, 0));
        assert_eq!((room.reserve(600), room.reserve(1)), (600, 0));
        room.release(1);
        assert_eq!(room.reserve(1), 1);
    }

    #[test]
    fn the_last_piece_is_what_is_left() {
        let room = Room::new(PIECE * SPARE, 1);
        let pieces = (0..SPARE).map(|_| room.reserve(10)).collect::<Vec<_>>();
        assert_eq!(pieces, [PIECE; SPARE]);
        room.release(11);
        assert_eq!((room.reserve(10), room.reserve(10)), (11, 0));
    }

    #[test]
    fn it_is_crowded_when_half_of_it_is_used() {
        let room = Room::new(1000, 1);
        room.reserve(500);
        assert!(!room.is_crowded());
        room.reserve(1);
        assert!(room.is_crowded());
        room.set_max(2000);
        assert!(!room.is_crowded());
    }
}
