use std::fmt;

use arrow_buffer::Buffer;
use bytes::Bytes;

/// From here on a buffer is handed over as it is. Below, joining pieces is cheaper than sending
/// them one by one.
pub(super) const MIN_FRAME: usize = 16 * 1024;

/// Encoded bytes: small pieces joined, large buffers handed over as they are.
///
/// ```
/// use bytes::Bytes;
/// use tower_vgi::wire::Frames;
///
/// let large = Bytes::from(vec![0; 100_000]);
/// let mut frames = Frames::new();
/// frames.push(b"head");
/// frames.push_bytes(large.clone());
/// frames.push(b"tail");
/// assert_eq!(frames.len(), 100_008);
/// assert_eq!(frames.into_vec(), [Bytes::from_static(b"head"), large, Bytes::from_static(b"tail")]);
/// ```
#[derive(Clone, Default)]
pub struct Frames {
    done: Vec<Bytes>,
    /// Small pieces that are still being joined.
    joined: Vec<u8>,
    length: usize,
}

impl Frames {
    /// Without a byte.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With room for small pieces.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self { done: Vec::new(), joined: Vec::with_capacity(bytes), length: 0 }
    }

    /// Adds a copy of some bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.joined.extend_from_slice(bytes);
        self.length += bytes.len();
    }

    /// Adds bytes, without a copy if there are many.
    pub fn push_bytes(&mut self, bytes: Bytes) {
        if bytes.len() < MIN_FRAME {
            return self.push(&bytes);
        }
        self.close();
        self.length += bytes.len();
        self.done.push(bytes);
    }

    /// Adds what another has.
    pub fn append(&mut self, other: Self) {
        for bytes in other.into_vec() {
            self.push_bytes(bytes);
        }
    }

    /// Bytes in all.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The pieces in order; none is empty.
    #[must_use]
    pub fn into_vec(mut self) -> Vec<Bytes> {
        self.close();
        self.done
    }

    /// All in one piece; copies unless there is just one.
    #[must_use]
    pub fn into_bytes(mut self) -> Bytes {
        if self.done.is_empty() {
            return self.joined.into();
        }
        self.close();
        match self.done.as_slice() {
            [only] => only.clone(),
            several => several.concat().into(),
        }
    }

    pub(super) fn push_buffer(&mut self, buffer: &Buffer) {
        if buffer.len() < MIN_FRAME { self.push(buffer) } else { self.push_bytes(buffer.clone().into()) }
    }

    /// Adds zeros up to a multiple of 8 behind a piece of some length.
    pub(super) fn pad(&mut self, length: usize) {
        self.push(&[0; 8][..length.next_multiple_of(8) - length]);
    }

    pub(super) fn reserve(&mut self, bytes: usize) {
        self.joined.reserve(bytes);
    }

    fn close(&mut self) {
        if !self.joined.is_empty() {
            self.done.push(std::mem::take(&mut self.joined).into());
        }
    }
}

impl fmt::Debug for Frames {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Frames").field("len", &self.length).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_large_pieces_are_kept_apart() {
        let (small, large) = (Buffer::from(vec![1_u8; MIN_FRAME - 1]), Buffer::from(vec![2_u8; MIN_FRAME]));
        let mut frames = Frames::new();
        frames.push_buffer(&small);
        frames.pad(small.len());
        frames.push_buffer(&large);
        frames.pad(large.len());
        frames.push(b"end");
        assert_eq!(frames.len(), 2 * MIN_FRAME + 3);
        let pieces = frames.clone().into_vec();
        assert_eq!(pieces.iter().map(Bytes::len).collect::<Vec<_>>(), [MIN_FRAME, MIN_FRAME, 3]);
        assert_eq!(pieces[1].as_ptr(), large.as_ptr());
        assert_eq!(frames.into_bytes()[..], pieces.concat());
    }

    #[test]
    fn nothing_is_no_piece() {
        let mut frames = Frames::new();
        frames.push(b"");
        frames.append(Frames::with_capacity(10));
        assert!(frames.is_empty());
        assert!(frames.clone().into_bytes().is_empty());
        assert!(frames.into_vec().is_empty());
    }

    #[test]
    fn one_large_piece_is_not_copied() {
        let large = Bytes::from(vec![0; MIN_FRAME]);
        let mut frames = Frames::new();
        frames.push_bytes(large.clone());
        assert_eq!(frames.into_bytes().as_ptr(), large.as_ptr());
    }
}
