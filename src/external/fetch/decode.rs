//! From the bytes that were sent to the Arrow stream: content coding, cap, digest.

use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use ring::digest::{SHA256, digest};
use zstd::zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, get_error_name, get_frame_content_size};

use super::builder::Settings;
use super::download::Downloaded;
use super::failure::{Failure, too_large};
use crate::external::ContentCoding;
use crate::reference::{Reference, redacted};
use crate::{ErrorCode, RequestMemory, RpcError};

/// What is done at once without a thread of its own: about a millisecond's work.
pub(in crate::external) const DONE_HERE: usize = 512 * 1024;

/// How much room output gets at once.
const STEP: usize = 256 * 1024;

/// Counts memory on behalf of a request. What an attempt that failed had is given back only with the request, which has
/// few attempts.
#[derive(Clone)]
pub(super) struct Account<'a>(Option<std::borrow::Cow<'a, RequestMemory>>);

impl<'a> Account<'a> {
    pub(super) fn new(memory: Option<&'a RequestMemory>) -> Self {
        Self(memory.map(std::borrow::Cow::Borrowed))
    }

    pub(super) fn reserve(&self, bytes: u64) -> Result<(), Failure> {
        match &self.0 {
            Some(memory) if bytes > 0 => Ok(memory.reserve(bytes)?),
            _ => Ok(()),
        }
    }

    fn into_owned(self) -> Account<'static> {
        Account(self.0.map(|memory| std::borrow::Cow::Owned(memory.into_owned())))
    }
}

pub(super) async fn decode(
    settings: &Settings,
    reference: &Reference,
    downloaded: Downloaded,
    account: Account<'_>,
) -> Result<Bytes, Failure> {
    let max = settings.max_decoded();
    if downloaded.bytes.len() <= DONE_HERE && downloaded.coding.is_none() {
        return check(downloaded.bytes, reference, max);
    }
    let (reference, account) = (reference.clone(), account.into_owned());
    let stop = Stop::default();
    let stopped = stop.0.clone();
    let decoding = tokio::task::spawn_blocking(move || {
        let bytes = match downloaded.coding {
            None => downloaded.bytes,
            Some(coding) => decompress(coding, &downloaded.bytes, max, &reference, &account, &stopped)?,
        };
        check(bytes, &reference, max)
    });
    decoding.await.map_err(|_| Failure::Transient("the decoder was given up by the runtime".to_owned()))?
}

/// Stops the thread that decodes when nobody waits for it any more.
#[derive(Default)]
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The cap, and the digest where there is one.
fn check(bytes: Bytes, reference: &Reference, max: u64) -> Result<Bytes, Failure> {
    if bytes.len() as u64 > max {
        return Err(too_large("max_decompressed_bytes", Some(bytes.len() as u64), max, reference.url()));
    }
    let Some(expected) = reference.sha256() else { return Ok(bytes) };
    let actual = digest(&SHA256, &bytes);
    if actual.as_ref() != expected {
        return Err(Failure::Final(
            RpcError::runtime_error(format!(
                "SHA-256 checksum mismatch for {}: expected {}, got {}",
                redacted(reference.url()),
                hex::encode(expected),
                hex::encode(actual)
            ))
            .with_code(ErrorCode::DataLoss),
        ));
    }
    Ok(bytes)
}

fn decompress(
    coding: ContentCoding,
    encoded: &[u8],
    max: u64,
    reference: &Reference,
    account: &Account<'_>,
    stopped: &AtomicBool,
) -> Result<Bytes, Failure> {
    let mut output = Output { bytes: Vec::new(), max, reference, account, stopped };
    let damaged = |reason: &str| {
        Failure::Transient(format!("{} is not valid {}: {reason}", redacted(reference.url()), coding.as_str()))
    };
    match coding {
        ContentCoding::Gzip => {
            let mut decoder = MultiGzDecoder::new(encoded);
            let mut piece = vec![0; STEP];
            loop {
                match decoder.read(&mut piece).map_err(|error| damaged(&error.to_string()))? {
                    0 => break,
                    read => {
                        output.make_room(read)?;
                        output.bytes.extend_from_slice(&piece[..read]);
                    }
                }
            }
        }
        ContentCoding::Zstd => {
            if let Ok(Some(size)) = get_frame_content_size(encoded) {
                if size > max {
                    return Err(too_large("max_decompressed_bytes", Some(size), max, reference.url()));
                }
                output.make_room(usize::try_from(size).unwrap_or(usize::MAX).min(encoded.len().saturating_mul(64)))?;
            }
            let mut context = DCtx::try_create().ok_or_else(|| damaged("there is no memory for a decoder"))?;
            // No window that is much larger than all there may be.
            let window = (max.max(1024).ilog2() + 1).clamp(23, 27);
            context.set_parameter(DParameter::WindowLogMax(window)).map_err(|code| damaged(get_error_name(code)))?;
            let mut source = InBuffer::around(encoded);
            loop {
                output.make_room(1)?;
                let position = output.bytes.len();
                let mut target = OutBuffer::around_pos(&mut output.bytes, position);
                let left = context.decompress_stream(&mut target, &mut source);
                let left = left.map_err(|code| damaged(get_error_name(code)))?;
                let read_all = source.pos == encoded.len();
                // Nothing is left when a frame is complete, and all of it has been given.
                if read_all && left == 0 {
                    break;
                }
                if read_all && output.bytes.len() < output.bytes.capacity() {
                    return Err(damaged("it is cut off"));
                }
            }
        }
    }
    output.finish()
}

/// What has been decoded, within the cap.
struct Output<'a> {
    bytes: Vec<u8>,
    max: u64,
    reference: &'a Reference,
    account: &'a Account<'a>,
    stopped: &'a AtomicBool,
}

impl Output<'_> {
    /// Makes sure that there is room for `more`, or for as much as the cap leaves and a byte, by which breaking it shows.
    fn make_room(&mut self, more: usize) -> Result<(), Failure> {
        if self.stopped.load(Ordering::Relaxed) {
            return Err(Failure::Transient("nobody waits for it any more".to_owned()));
        }
        if self.bytes.len() as u64 > self.max {
            return Err(too_large("max_decompressed_bytes", None, self.max, self.reference.url()));
        }
        if self.bytes.capacity() - self.bytes.len() >= more {
            return Ok(());
        }
        let left = usize::try_from(self.max - self.bytes.len() as u64).unwrap_or(usize::MAX).saturating_add(1);
        let room = more.max(STEP).max(self.bytes.len()).min(left);
        self.account.reserve(room as u64)?;
        self.bytes.reserve_exact(room.max(more.min(left)));
        Ok(())
    }

    fn finish(self) -> Result<Bytes, Failure> {
        if self.bytes.len() as u64 > self.max {
            return Err(too_large("max_decompressed_bytes", None, self.max, self.reference.url()));
        }
        Ok(self.bytes.into())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn decoded(coding: ContentCoding, encoded: &[u8], max: u64) -> Result<Bytes, Failure> {
        decoded_while(coding, encoded, max, &AtomicBool::new(false))
    }

    fn decoded_while(coding: ContentCoding, encoded: &[u8], max: u64, stopped: &AtomicBool) -> Result<Bytes, Failure> {
        let reference = Reference::new("https://x/y?secret").unwrap();
        decompress(coding, encoded, max, &reference, &Account::new(None), stopped)
    }

    #[test]
    fn what_nobody_waits_for_is_not_decoded() {
        for (coding, encoded) in encoded(&[7; 100_000]) {
            let failure = decoded_while(coding, &encoded, 1 << 20, &AtomicBool::new(true));
            assert!(matches!(failure, Err(Failure::Transient(_))), "{coding:?}");
        }
        let stop = Stop::default();
        let stopped = stop.0.clone();
        drop(stop);
        assert!(stopped.load(Ordering::Relaxed));
    }

    fn encoded(plain: &[u8]) -> Vec<(ContentCoding, Vec<u8>)> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(plain).unwrap();
        vec![
            (ContentCoding::Zstd, zstd::bulk::compress(plain, 3).unwrap()),
            (ContentCoding::Zstd, zstd::stream::encode_all(plain, 3).unwrap()),
            (ContentCoding::Gzip, gzip.finish().unwrap()),
        ]
    }

    #[test]
    fn all_that_fits_is_decoded_and_one_byte_more_is_not() {
        let mixed: Vec<u8> = (0..1_000_000_u32).flat_map(|number| (number / 7).to_le_bytes()).collect();
        for plain in [&b""[..], b"x", &[0; 300_000], &mixed] {
            for (coding, encoded) in encoded(plain) {
                assert_eq!(decoded(coding, &encoded, plain.len() as u64).unwrap(), plain);
                if let Some(max) = (plain.len() as u64).checked_sub(1) {
                    let Failure::Final(error) = decoded(coding, &encoded, max).unwrap_err() else {
                        panic!("not final")
                    };
                    assert!(error.message().contains("max_decompressed_bytes"), "{error}");
                    assert!(!error.message().contains("secret"), "{error}");
                }
            }
        }
    }

    #[test]
    fn what_is_cut_off_or_something_else_is_an_error() {
        for (coding, encoded) in encoded(&[7; 100_000]) {
            for end in [1, 5, encoded.len() / 2, encoded.len() - 1] {
                assert!(decoded(coding, &encoded[..end], 1 << 20).is_err(), "{coding:?} to {end}");
            }
            assert!(decoded(coding, b"not compressed at all", 1 << 20).is_err());
        }
    }
}
