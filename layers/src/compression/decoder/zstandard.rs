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

/// Calls of zstd at once: a body may be made of any number of frames without a byte in them.
const CALLS: usize = 1024;

/// A body of zstd frames.
pub(in super::super) struct ZstdDecoder {
    context: DCtx<'static>,
    pool: Arc<Pool<DCtx<'static>>>,
    /// What was decoded, and behind it room for more, as much as may be decoded at once.
    output: Vec<u8>,
    decoded: usize,
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
            decoded: 0,
            max,
            expected: None,
            between_frames: true,
            holds_back: false,
            account,
        })
    }

    pub(super) fn step(&mut self, input: &mut Bytes) -> Result<bool, DecodeError> {
        let until = self.decoded.saturating_add(AT_ONCE);
        for _ in 0..CALLS {
            if input.is_empty() && !self.holds_back {
                return Ok(true);
            }
            if self.decoded >= until {
                break;
            }
            if self.between_frames {
                self.expect(input)?;
            }
            self.decode(input, until)?;
            if self.decoded as u64 > self.max {
                return Err(DecodeError::TooLarge { size: None, max: self.max });
            }
        }
        Ok(false)
    }

    fn decode(&mut self, input: &mut Bytes, until: usize) -> Result<(), DecodeError> {
        // One call decodes all that it is given, if it can: a frame that becomes large is given in slices.
        let is_short = self.expected.is_some_and(|expected| expected <= until);
        let given = if is_short { input.len() } else { input.len().min(INPUT) };
        let mut source = InBuffer::around(input.get(..given).unwrap_or_default());
        self.allocate(until)?;
        let wanted = if is_short {
            // Into memory that nobody has cleared.
            self.output.truncate(self.decoded);
            let mut target = OutBuffer::around_pos(&mut self.output, self.decoded);
            let wanted = self.context.decompress_stream(&mut target, &mut source);
            self.decoded = target.pos();
            wanted
        } else {
            // Of a large frame, a few bytes of input may become all of what there is room for.
            if self.output.len() == self.decoded {
                self.output.resize(self.output.capacity().min(until), 0);
            }
            let mut target = OutBuffer::around_pos(self.output.as_mut_slice(), self.decoded);
            let wanted = self.context.decompress_stream(&mut target, &mut source);
            self.decoded = target.pos();
            wanted
        };
        let wanted = wanted.map_err(corrupt)?;
        let read = source.pos;
        input.advance(read);
        // The window, which is up to 8 MiB, is known only now.
        self.count(self.output.capacity())?;
        self.between_frames = wanted == 0;
        let room = if is_short { self.output.capacity() } else { self.output.len() };
        self.holds_back = self.decoded == room && wanted != 0 && self.expected != Some(self.decoded);
        Ok(())
    }

    /// Reads the size out of a frame's header. One that is cut into pieces is not worth waiting for.
    fn expect(&mut self, header: &[u8]) -> Result<(), DecodeError> {
        self.expected = None;
        if let Ok(Some(size)) = get_frame_content_size(header) {
            let total = size.saturating_add(self.decoded as u64);
            if total > self.max {
                return Err(DecodeError::TooLarge { size: Some(total), max: self.max });
            }
            self.expected = usize::try_from(total).ok();
        }
        Ok(())
    }

    fn allocate(&mut self, until: usize) -> Result<(), DecodeError> {
        let len = self.decoded;
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
        let wanted = wanted.max(len + 1);
        self.count(wanted)?;
        self.output.reserve_exact(wanted - self.output.len());
        Ok(())
    }

    fn count(&mut self, output: usize) -> Result<(), DecodeError> {
        let window = self.context.sizeof().saturating_sub(self.context_size);
        self.account.resize(output.saturating_add(window)).map_err(DecodeError::Refused)
    }

    pub(super) fn finish(mut self) -> Result<Bytes, DecodeError> {
        // An empty body has no frame and so is none, either.
        if !self.between_frames || self.holds_back || self.output.capacity() == 0 && self.expected.is_none() {
            let reason = "it ends before its last frame does".to_owned();
            return Err(DecodeError::Corrupt { encoding: Encoding::Zstd.name(), reason });
        }
        self.pool.put(self.context);
        self.output.truncate(self.decoded);
        Ok(hand_over(self.output, self.account))
    }
}

fn corrupt(code: usize) -> DecodeError {
    DecodeError::Corrupt { encoding: Encoding::Zstd.name(), reason: get_error_name(code).to_owned() }
}
