//! Decompression of gzip.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::MultiGzDecoder;

use super::super::account::Account;
use super::super::encoding::Encoding;
use super::{AT_ONCE, DecodeError, STEP, hand_over};

/// Compressed bytes given to gzip in one call: they become 1 MiB at most.
const INPUT: usize = 1024;

/// Such calls at once: a body may be made of any number of members without a byte in them.
const CALLS: usize = 32;

/// A body of gzip members.
pub(in super::super) struct GzipDecoder(MultiGzDecoder<Bounded>);

impl GzipDecoder {
    pub(super) fn new(max: u64, account: Account) -> Self {
        Self(MultiGzDecoder::new(Bounded { output: Vec::new(), max, stopped: None, account: Some(account) }))
    }

    pub(super) fn step(&mut self, input: &mut Bytes) -> Result<bool, DecodeError> {
        let until = self.0.get_ref().output.len().saturating_add(AT_ONCE);
        for _ in 0..CALLS {
            if input.is_empty() || self.0.get_ref().output.len() >= until {
                break;
            }
            let piece = input.split_to(input.len().min(INPUT));
            if let Err(error) = self.0.write_all(&piece) {
                return Err(self.0.get_mut().explain(&error));
            }
        }
        Ok(input.is_empty())
    }

    pub(super) fn finish(mut self) -> Result<Bytes, DecodeError> {
        if let Err(error) = self.0.try_finish() {
            return Err(self.0.get_mut().explain(&error));
        }
        let bounded = self.0.get_mut();
        let output = std::mem::take(&mut bounded.output);
        Ok(match bounded.account.take() {
            Some(account) => hand_over(output, account),
            None => output.into(),
        })
    }
}

/// Where gzip writes to.
struct Bounded {
    output: Vec<u8>,
    max: u64,
    /// Why nothing more is taken.
    stopped: Option<DecodeError>,
    // After the output in the order in which they are dropped. Gone when the output is.
    account: Option<Account>,
}

impl Bounded {
    fn explain(&mut self, error: &io::Error) -> DecodeError {
        let corrupt = || DecodeError::Corrupt { encoding: Encoding::Gzip.name(), reason: error.to_string() };
        self.stopped.take().unwrap_or_else(corrupt)
    }

    fn make_room(&mut self, more: usize) -> Result<(), DecodeError> {
        let needed = self.output.len().saturating_add(more);
        if needed as u64 > self.max {
            return Err(DecodeError::TooLarge { size: None, max: self.max });
        }
        if needed > self.output.capacity() {
            let max = usize::try_from(self.max).unwrap_or(usize::MAX);
            let wanted = needed.max(self.output.capacity().saturating_mul(2)).max(STEP).min(max);
            if let Some(account) = &mut self.account {
                account.resize(wanted).map_err(DecodeError::Refused)?;
            }
            self.output.reserve_exact(wanted - self.output.len());
        }
        Ok(())
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Err(stopped) = self.make_room(bytes.len()) {
            self.stopped = Some(stopped);
            return Err(io::Error::other("no room"));
        }
        self.output.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
