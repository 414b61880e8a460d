use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use arrow_buffer::{Buffer, MutableBuffer};
use bytes::Bytes;

use super::WireError;

/// Buffers smaller than this are left to the allocator.
const MIN_POOLED: usize = 16 * 1024;

/// From here on a buffer is a large one.
const LARGE: usize = 256 * 1024;

/// What an announced size may take before a byte has come.
const FIRST_STEP: usize = 64 * 1024;

/// Keeps a few buffers for the next bodies.
///
/// Fresh memory costs more than everything else that is done with it: each page is mapped and cleared, and allocators
/// give back what is free. The pool keeps up to four buffers of 256 KiB or more, 64 MiB in all, and up to sixteen of 16
/// KiB or more, 2 MiB in all; one comes back when the last array that refers to it is dropped.
pub struct BufferPool {
    small: Shelf,
    large: Shelf,
}

impl BufferPool {
    /// Without a buffer.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// A buffer with at least some capacity: the smallest that fits.
    fn take(&self, capacity: usize) -> Option<MutableBuffer> {
        self.shelf(capacity)?.take(capacity)
    }

    fn put(&self, buffer: MutableBuffer) {
        if let Some(shelf) = self.shelf(buffer.capacity()) {
            shelf.put(buffer);
        }
    }

    /// Small bodies take no large buffers, of which there are few.
    fn shelf(&self, capacity: usize) -> Option<&Shelf> {
        match capacity {
            LARGE.. => Some(&self.large),
            MIN_POOLED.. => Some(&self.small),
            _ => None,
        }
    }
}

impl Default for BufferPool {
    fn default() -> Self {
        Self { small: Shelf::new(16, 2 << 20), large: Shelf::new(4, 64 << 20) }
    }
}

impl fmt::Debug for BufferPool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [small, large] = [&self.small, &self.large].map(|shelf| shelf.lock().len());
        formatter.debug_struct("BufferPool").field("small", &small).field("large", &large).finish()
    }
}

/// Free buffers of about one size.
struct Shelf {
    max_buffers: usize,
    max_bytes: usize,
    free: Mutex<Vec<MutableBuffer>>,
}

impl Shelf {
    fn new(max_buffers: usize, max_bytes: usize) -> Self {
        Self { max_buffers, max_bytes, free: Mutex::default() }
    }

    fn take(&self, capacity: usize) -> Option<MutableBuffer> {
        let mut free = self.lock();
        let fitting = free.iter().enumerate().filter(|(_, buffer)| buffer.capacity() >= capacity);
        let smallest = fitting.min_by_key(|(_, buffer)| buffer.capacity()).map(|(index, _)| index)?;
        Some(free.swap_remove(smallest))
    }

    fn put(&self, mut buffer: MutableBuffer) {
        buffer.clear();
        let mut free = self.lock();
        let kept: usize = free.iter().map(MutableBuffer::capacity).sum();
        if free.len() < self.max_buffers && kept + buffer.capacity() <= self.max_bytes {
            free.push(buffer);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<MutableBuffer>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Collects a body that comes in pieces into one buffer, aligned to 16 bytes, as every Arrow type needs it; large ones
/// to 64 bytes.
///
/// ```
/// use tower_vgi::wire::{BodyCollector, BufferPool};
///
/// let mut collector = BodyCollector::new(BufferPool::new(), Some(11), 1024);
/// collector.push(b"hello ")?;
/// collector.push(b"world")?;
/// assert_eq!(collector.finish().as_slice(), b"hello world");
/// # Ok::<(), tower_vgi::wire::WireError>(())
/// ```
pub struct BodyCollector {
    pool: Weak<BufferPool>,
    buffer: MutableBuffer,
    /// The whole body, when it came in one aligned piece.
    whole: Option<Bytes>,
    expected: Option<usize>,
    /// What the buffer was made for; one out of the pool may be larger.
    room: usize,
    cap: usize,
}

impl BodyCollector {
    /// For a body whose size may be announced and must not be above a cap. An announcement is
    /// trusted step by step: memory is taken in proportion to what has come.
    #[must_use]
    pub fn new(pool: Arc<BufferPool>, size_hint: Option<usize>, cap: usize) -> Self {
        let expected = size_hint.map(|size| size.min(cap));
        let pooled = expected.and_then(|size| pool.take(size));
        let room = expected.unwrap_or(0).min(FIRST_STEP);
        let buffer = pooled.unwrap_or_else(|| allocate(room));
        Self { pool: Arc::downgrade(&pool), buffer, whole: None, expected, room, cap }
    }

    /// How much memory the body will take once so many more bytes are added, for those who account for it before.
    ///
    /// That a buffer out of the pool may be larger does not count: it is there in any case.
    #[must_use]
    pub fn room_with(&self, more: usize) -> usize {
        let needed = self.len().saturating_add(more);
        if needed <= self.room {
            return self.room;
        }
        let room = match self.expected {
            // Four times what is there, but not past the end of what was announced.
            Some(expected) if expected >= needed => needed.saturating_mul(4).min(expected),
            _ => needed.max(self.room.saturating_mul(2)),
        };
        room.min(self.cap)
    }

    /// Adds a piece.
    ///
    /// # Errors
    ///
    /// If the body would be above the cap: [`WireError::is_too_large`].
    pub fn push(&mut self, piece: &[u8]) -> Result<(), WireError> {
        if let Some(whole) = self.whole.take() {
            self.append(&whole);
        }
        self.check(piece.len())?;
        self.append(piece);
        Ok(())
    }

    /// Adds a piece, which is taken as it is when it is the whole announced body and aligned.
    ///
    /// # Errors
    ///
    /// If the body would be above the cap: [`WireError::is_too_large`].
    pub fn push_bytes(&mut self, piece: Bytes) -> Result<(), WireError> {
        let is_whole = self.is_empty() && self.expected == Some(piece.len());
        if is_whole && !piece.is_empty() && piece.as_ptr().align_offset(16) == 0 {
            self.whole = Some(piece);
            return Ok(());
        }
        self.push(&piece)
    }

    /// How many bytes have come.
    #[must_use]
    pub fn len(&self) -> usize {
        self.whole.as_ref().map_or(self.buffer.len(), Bytes::len)
    }

    /// Whether none have come.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The body.
    #[must_use]
    pub fn finish(mut self) -> Buffer {
        let buffer = std::mem::replace(&mut self.buffer, MutableBuffer::new(0));
        if let Some(whole) = self.whole.take() {
            self.buffer = buffer;
            return whole.into();
        }
        if buffer.capacity() < MIN_POOLED {
            return buffer.into();
        }
        Bytes::from_owner(PooledBuffer { pool: self.pool.clone(), buffer }).into()
    }

    fn check(&self, more: usize) -> Result<(), WireError> {
        if more > self.cap - self.len() {
            return Err(WireError::too_large("bytes of a body", self.len() + more, self.cap));
        }
        Ok(())
    }

    fn append(&mut self, piece: &[u8]) {
        self.room = self.room_with(piece.len());
        if self.buffer.len() + piece.len() > self.buffer.capacity() {
            let pool = self.pool.upgrade();
            match pool.and_then(|pool| pool.take(self.room)) {
                Some(mut larger) => {
                    larger.extend_from_slice(&self.buffer);
                    std::mem::swap(&mut self.buffer, &mut larger);
                    self.give_back(larger);
                }
                // Not `reserve`, which would double what is there, past what was announced.
                None => {
                    let mut larger = allocate(self.room);
                    larger.extend_from_slice(&self.buffer);
                    self.buffer = larger;
                }
            }
        }
        self.buffer.extend_from_slice(piece);
    }

    fn give_back(&self, buffer: MutableBuffer) {
        if let (true, Some(pool)) = (buffer.capacity() >= MIN_POOLED, self.pool.upgrade()) {
            pool.put(buffer);
        }
    }
}

impl fmt::Debug for BodyCollector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BodyCollector").field("len", &self.len()).field("cap", &self.cap).finish()
    }
}

impl Drop for BodyCollector {
    fn drop(&mut self) {
        let buffer = std::mem::replace(&mut self.buffer, MutableBuffer::new(0));
        self.give_back(buffer);
    }
}

/// Allocators have what is aligned to 16 bytes at hand; more than that costs as much as decoding a small body.
fn allocate(capacity: usize) -> MutableBuffer {
    if capacity >= MIN_POOLED {
        return MutableBuffer::new(capacity);
    }
    Vec::<i128>::with_capacity(capacity.div_ceil(size_of::<i128>())).into()
}

/// A body in use; gives its memory back to the pool.
struct PooledBuffer {
    pool: Weak<BufferPool>,
    buffer: MutableBuffer,
}

impl AsRef<[u8]> for PooledBuffer {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for PooledBuffer {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.upgrade() {
            pool.put(std::mem::replace(&mut self.buffer, MutableBuffer::new(0)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(pool: &Arc<BufferPool>, pieces: &[&[u8]], hint: Option<usize>) -> Buffer {
        let mut collector = BodyCollector::new(pool.clone(), hint, 8 << 20);
        for piece in pieces {
            collector.push(piece).unwrap();
        }
        collector.finish()
    }

    fn free(pool: &BufferPool) -> Vec<usize> {
        [&pool.small, &pool.large]
            .iter()
            .flat_map(|shelf| shelf.lock().iter().map(MutableBuffer::capacity).collect::<Vec<_>>())
            .collect()
    }

    #[test]
    fn the_cap_is_exact() {
        let mut collector = BodyCollector::new(BufferPool::new(), None, 10);
        collector.push(b"0123456789").unwrap();
        assert!(collector.push(b"x").unwrap_err().is_too_large());
        assert_eq!(collector.finish().len(), 10);
    }

    #[test]
    fn large_buffers_come_back_with_the_last_reference() {
        let pool = BufferPool::new();
        let piece = vec![7; 300 * 1024];
        let body = collect(&pool, &[&piece, &piece], Some(600 * 1024));
        assert_eq!(body.as_ptr().align_offset(64), 0);
        let slice = body.slice(1000);
        drop(body);
        assert!(free(&pool).is_empty());
        drop(slice);
        assert_eq!(free(&pool).len(), 1);

        let again = collect(&pool, &[&piece], Some(piece.len()));
        assert_eq!(again.as_slice(), piece);
        assert!(free(&pool).is_empty());
    }

    #[test]
    fn a_bounded_number_of_buffers_is_kept() {
        for (size, most) in [(300 * 1024, 4), (20_000_000, 3), (20_000, 16), (200_000, 10), (10_000, 0)] {
            let pool = BufferPool::new();
            let piece = vec![7; size];
            let mut collectors: Vec<_> =
                (0..20).map(|_| BodyCollector::new(pool.clone(), Some(size), 1 << 30)).collect();
            collectors.iter_mut().for_each(|collector| collector.push(&piece).unwrap());
            drop(collectors.into_iter().map(BodyCollector::finish).collect::<Vec<_>>());
            assert_eq!(free(&pool).len(), most, "{size}");
        }
    }

    #[test]
    fn a_small_body_leaves_the_large_buffers_alone() {
        let pool = BufferPool::new();
        drop(collect(&pool, &[&[7; 300 * 1024]], None));
        let body = collect(&pool, &[&[7; 20_000]], Some(20_000));
        assert_eq!(free(&pool).len(), 1);
        drop(body);
        assert_eq!(free(&pool).len(), 2);
    }

    #[test]
    fn an_announcement_alone_takes_little() {
        let pool = BufferPool::new();
        let mut collector = BodyCollector::new(pool, Some(8 << 20), 8 << 20);
        assert!(collector.buffer.capacity() <= FIRST_STEP);
        collector.push(&[0; 100 * 1024]).unwrap();
        assert!(collector.buffer.capacity() <= 512 * 1024);
    }

    #[test]
    fn a_dropped_collector_gives_its_buffer_back() {
        let pool = BufferPool::new();
        let mut collector = BodyCollector::new(pool.clone(), None, 8 << 20);
        collector.push(&[0; 300 * 1024]).unwrap();
        drop(collector);
        assert_eq!(free(&pool).len(), 1);
    }

    #[test]
    fn what_a_piece_will_take_is_known_before() {
        for hint in [None, Some(50), Some(100_000), Some(1 << 20), Some(64 << 20)] {
            let mut collector = BodyCollector::new(BufferPool::new(), hint, 4 << 20);
            for size in [0, 1, 70, 1000, 65_536, 99, 300_000, 1 << 20, 1 << 20] {
                let room = collector.room_with(size);
                collector.push(&vec![0; size]).unwrap();
                assert!(room >= collector.len() && room <= 4 << 20);
                assert!(collector.buffer.capacity() <= room.next_multiple_of(64), "{hint:?} {size}");
            }
        }
        let collector = BodyCollector::new(BufferPool::new(), Some(10), 10);
        assert_eq!(collector.room_with(11), 10, "what is above the cap will not be taken");
    }

    #[test]
    fn one_aligned_piece_is_taken_as_it_is() {
        let piece = Bytes::from(Buffer::from(&[1_u8; 1000][..]));
        let mut collector = BodyCollector::new(BufferPool::new(), Some(1000), 1000);
        collector.push_bytes(piece.clone()).unwrap();
        assert_eq!(collector.len(), 1000);
        assert_eq!(collector.finish().as_ptr(), piece.as_ptr());

        let mut collector = BodyCollector::new(BufferPool::new(), Some(1000), 2000);
        collector.push_bytes(piece.clone()).unwrap();
        collector.push_bytes(Bytes::from_static(b"more")).unwrap();
        assert_eq!(collector.finish().as_slice(), [&piece[..], b"more"].concat());
    }
}
