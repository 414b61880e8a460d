//! Decompression of zstd frames.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use zstd::zstd_safe::{DCtx, InBuffer, OutBuffer, get_error_name, get_frame_content_size};

use super::super::account::Account;
use super::super::encoding::Encoding;
use super::super::pool::Pool;
use super::{AT_ONCE, DecodeError, STEP, hand_over};

/// Compressed bytes given to zstd at once, of a body that may become large.
const INPUT: usize = 32 * 1024;

/// A body of zstd frames.
pub(in super::super) struct ZstdDecoder {
    context: DCtx<'static>,
    pool: Arc<Pool<DCtx<'static>>>,
    output: Vec<u8>,
    max: u64,
    /// How long the output is at the end of this frame, if its header says so.
    expected: Option<usize>,
    /// Nothing of the next frame was read yet.
    between_frames: bool,
    /// The context has more output than there was room for.
    holds_back: bool,
    /// What the context took before it saw this body.
    context_size: usize,
    // After the output in the order in which they are dropped.
    account: Account,
}

impl ZstdDecoder {
    pub(super) fn new(pool: Arc<Pool<DCtx<'static>>>, max: u64, account: Account) -> Result<Self, DecodeError> {
        let context = pool.take().ok_or(DecodeError::Memory)?;
        Ok(Self {
            context_size: context.sizeof(),
            context,
            pool,
            output: Vec::new(),
            max,
            expected: None,
            between_frames: true,
            holds_back: false,
            account,
        })
    }

    pub(super) fn step(&mut self, input: &mut Bytes) -> Result<bool, DecodeError> {
        let until = self.output.len().saturating_add(AT_ONCE);
        while !input.is_empty() || self.holds_back {
            if self.output.len() >= until {
                return Ok(false);
            }
            if self.between_frames {
                self.expect(input)?;
            }
            self.make_room(until)?;
            let position = self.output.len();
            // A frame that becomes large is given in slices: one call decodes all that it is given, if it can.
            let is_short = self.expected.is_some_and(|expected| expected <= position.saturating_add(AT_ONCE));
            let given = if is_short { input.len() } else { input.len().min(INPUT) };
            let mut source = InBuffer::around(input.get(..given).unwrap_or_default());
            let mut target = OutBuffer::around_pos(&mut self.output, position);
            let wanted = self.context.decompress_stream(&mut target, &mut source).map_err(corrupt)?;
            let read = source.pos;
            input.advance(read);
            // The window, which is up to 8 MiB, is known only now.
            self.count(self.output.capacity())?;
            self.between_frames = wanted == 0;
            let is_full = self.output.len() == self.output.capacity();
            self.holds_back = is_full && wanted != 0 && self.expected != Some(self.output.len());
            if self.output.len() as u64 > self.max {
                return Err(DecodeError::TooLarge { size: None, max: self.max });
            }
        }
        Ok(true)
    }

    /// Reads the size out of a frame's header. One that is cut into pieces is not worth waiting for.
    fn expect(&mut self, header: &[u8]) -> Result<(), DecodeError> {
        self.expected = None;
        if let Ok(Some(size)) = get_frame_content_size(header) {
            let total = size.saturating_add(self.output.len() as u64);
            if total > self.max {
                return Err(DecodeError::TooLarge { size: Some(total), max: self.max });
            }
            self.expected = usize::try_from(total).ok();
        }
        Ok(())
    }

    fn make_room(&mut self, until: usize) -> Result<(), DecodeError> {
        let len = self.output.len();
        if len < self.output.capacity() || self.expected == Some(len) {
            return Ok(());
        }
        let wanted = match self.expected {
            Some(expected) if expected > len => expected.min(until.max(len.saturating_mul(2))),
            // One byte more than allowed, to see that there is more.
            _ => {
                let max = usize::try_from(self.max).unwrap_or(usize::MAX).saturating_add(1);
                len.saturating_mul(2).max(STEP).min(max)
            }
        };
        let more = wanted.saturating_sub(len).max(1);
        self.count(len + more)?;
        self.output.reserve_exact(more);
        Ok(())
    }

    fn count(&mut self, output: usize) -> Result<(), DecodeError> {
        let window = self.context.sizeof().saturating_sub(self.context_size);
        self.account.resize(output.saturating_add(window)).map_err(DecodeError::Refused)
    }

    pub(super) fn finish(self) -> Result<Bytes, DecodeError> {
        // An empty body has no frame and so is none, either.
        if !self.between_frames || self.holds_back || self.output.capacity() == 0 && self.expected.is_none() {
            let reason = "it ends before its last frame does".to_owned();
            return Err(DecodeError::Corrupt { encoding: Encoding::Zstd.name(), reason });
        }
        self.pool.put(self.context);
        Ok(hand_over(self.output, self.account))
    }
}

fn corrupt(code: usize) -> DecodeError {
    DecodeError::Corrupt { encoding: Encoding::Zstd.name(), reason: get_error_name(code).to_owned() }
}
