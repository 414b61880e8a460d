//! Decompression of one body, piece by piece, under a cap.

use std::io::{self, Write};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use flate2::write::MultiGzDecoder;
use http::StatusCode;
use tower_vgi::{ErrorCode, RpcError};
use zstd::zstd_safe::{DCtx, InBuffer, OutBuffer, get_error_name, get_frame_content_size};

use super::encoding::Encoding;
use super::layer::Settings;
use super::pool::Pool;
use crate::refusal::REQUEST_TOO_LARGE;

/// About a millisecond's work: what is decoded at once, and allocated on the word of a frame header.
pub(super) const AT_ONCE: usize = 2 * 1024 * 1024;

/// The least room for output when nothing is known of its size.
const STEP: usize = 64 * 1024;

/// Compressed bytes given to zstd at once, of a body that may become large.
const ZSTD_INPUT: usize = 32 * 1024;

/// Compressed bytes given to gzip at once: they become 4 MiB at most.
const GZIP_INPUT: usize = 4 * 1024;

/// Why a body cannot be decoded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DecodeError {
    /// It is, or would become, larger than the cap. The size is known where a frame announces it.
    TooLarge { size: Option<u64>, max: u64 },
    /// It is not what it says.
    Corrupt { encoding: &'static str, reason: String },
    /// There is no memory for a decoder.
    Memory,
}

impl From<DecodeError> for RpcError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::TooLarge { size, max } => {
                let size = size.map_or_else(|| format!("more than {max}"), |size| format!("{size} > {max}"));
                RpcError::new(REQUEST_TOO_LARGE, format!("Decoded request body exceeds max_request_bytes ({size})"))
                    .with_code(ErrorCode::ResourceExhausted)
                    .with_status(StatusCode::PAYLOAD_TOO_LARGE)
            }
            DecodeError::Corrupt { encoding, reason } => {
                RpcError::new("ArrowInvalid", format!("Request body is not valid {encoding}: {reason}"))
                    .with_status(StatusCode::BAD_REQUEST)
            }
            DecodeError::Memory => RpcError::new("MemoryError", "No memory to decode the request body")
                .with_code(ErrorCode::Unavailable)
                .with_status(StatusCode::SERVICE_UNAVAILABLE),
        }
    }
}

/// A body being decompressed.
pub(super) enum Decoder {
    Zstd(ZstdDecoder),
    Gzip(MultiGzDecoder<Bounded>),
}

impl Decoder {
    pub(super) fn new(encoding: Encoding, settings: &Settings) -> Result<Self, DecodeError> {
        let max = settings.max_decoded_bytes;
        match encoding {
            Encoding::Zstd => {
                let pool = settings.decompressors.clone();
                let context = pool.take().ok_or(DecodeError::Memory)?;
                Ok(Self::Zstd(ZstdDecoder::new(context, pool, max)))
            }
            Encoding::Gzip => Ok(Self::Gzip(MultiGzDecoder::new(Bounded { output: Vec::new(), max, exceeded: false }))),
        }
    }

    /// Takes from `input` until it is used up (true) or this was enough work for once (false).
    pub(super) fn step(&mut self, input: &mut Bytes) -> Result<bool, DecodeError> {
        match self {
            Self::Zstd(decoder) => decoder.step(input),
            Self::Gzip(decoder) => {
                let until = decoder.get_ref().output.len().saturating_add(AT_ONCE);
                while !input.is_empty() && decoder.get_ref().output.len() < until {
                    let piece = input.split_to(input.len().min(GZIP_INPUT));
                    if let Err(error) = decoder.write_all(&piece) {
                        return Err(decoder.get_ref().explain(&error));
                    }
                }
                Ok(input.is_empty())
            }
        }
    }

    /// The whole body, once all input was given.
    pub(super) fn finish(self) -> Result<Bytes, DecodeError> {
        match self {
            Self::Zstd(decoder) => decoder.finish(),
            Self::Gzip(mut decoder) => match decoder.try_finish() {
                Ok(()) => Ok(std::mem::take(&mut decoder.get_mut().output).into()),
                Err(error) => Err(decoder.get_ref().explain(&error)),
            },
        }
    }
}

pub(super) struct ZstdDecoder {
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
}

impl ZstdDecoder {
    fn new(context: DCtx<'static>, pool: Arc<Pool<DCtx<'static>>>, max: u64) -> Self {
        Self { context, pool, output: Vec::new(), max, expected: None, between_frames: true, holds_back: false }
    }

    fn step(&mut self, input: &mut Bytes) -> Result<bool, DecodeError> {
        let until = self.output.len().saturating_add(AT_ONCE);
        while !input.is_empty() || self.holds_back {
            if self.output.len() >= until {
                return Ok(false);
            }
            if self.between_frames {
                self.expect(input)?;
            }
            self.make_room(until);
            let position = self.output.len();
            // A frame that becomes large is given in slices: one call decodes all that it is given, if it can.
            let is_short = self.expected.is_some_and(|expected| expected <= position.saturating_add(AT_ONCE));
            let given = if is_short { input.len() } else { input.len().min(ZSTD_INPUT) };
            let mut source = InBuffer::around(input.get(..given).unwrap_or_default());
            let mut target = OutBuffer::around_pos(&mut self.output, position);
            let wanted = self.context.decompress_stream(&mut target, &mut source).map_err(corrupt)?;
            let read = source.pos;
            input.advance(read);
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

    fn make_room(&mut self, until: usize) {
        let len = self.output.len();
        if len < self.output.capacity() || self.expected == Some(len) {
            return;
        }
        let wanted = match self.expected {
            Some(expected) if expected > len => expected.min(until.max(len.saturating_mul(2))),
            // One byte more than allowed, to see that there is more.
            _ => {
                let max = usize::try_from(self.max).unwrap_or(usize::MAX).saturating_add(1);
                len.saturating_mul(2).max(STEP).min(max)
            }
        };
        self.output.reserve_exact(wanted.saturating_sub(len).max(1));
    }

    fn finish(self) -> Result<Bytes, DecodeError> {
        // An empty body has no frame and so is none, either.
        if !self.between_frames || self.holds_back || self.output.capacity() == 0 && self.expected.is_none() {
            let reason = "it ends before its last frame does".to_owned();
            return Err(DecodeError::Corrupt { encoding: Encoding::Zstd.name(), reason });
        }
        self.pool.put(self.context);
        Ok(self.output.into())
    }
}

fn corrupt(code: usize) -> DecodeError {
    DecodeError::Corrupt { encoding: Encoding::Zstd.name(), reason: get_error_name(code).to_owned() }
}

/// Where gzip writes to.
pub(super) struct Bounded {
    output: Vec<u8>,
    max: u64,
    exceeded: bool,
}

impl Bounded {
    fn explain(&self, error: &io::Error) -> DecodeError {
        if self.exceeded {
            return DecodeError::TooLarge { size: None, max: self.max };
        }
        DecodeError::Corrupt { encoding: Encoding::Gzip.name(), reason: error.to_string() }
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.output.len() as u64 + bytes.len() as u64 > self.max {
            self.exceeded = true;
            return Err(io::Error::other("too large"));
        }
        self.output.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::CompressionLayer;
    use super::*;
    use flate2::write::GzEncoder;

    fn decode(encoding: Encoding, body: &[u8], piece: usize, max: u64) -> Result<Bytes, DecodeError> {
        let settings = CompressionLayer::new().max_decoded_bytes(max).settings();
        let mut decoder = Decoder::new(encoding, &settings)?;
        for piece in body.chunks(piece) {
            let mut piece = Bytes::copy_from_slice(piece);
            while !decoder.step(&mut piece)? {}
            assert!(piece.is_empty());
        }
        decoder.finish()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd_streamed(bytes: &[u8]) -> Vec<u8> {
        zstd::stream::encode_all(bytes, 1).unwrap()
    }

    fn zstd_whole(bytes: &[u8]) -> Vec<u8> {
        zstd::bulk::compress(bytes, 1).unwrap()
    }

    fn bodies(plain: &[u8]) -> Vec<(Encoding, Vec<u8>)> {
        let mut checked = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
        checked.include_checksum(true).unwrap();
        checked.set_pledged_src_size(Some(plain.len() as u64)).unwrap();
        checked.write_all(plain).unwrap();
        vec![
            (Encoding::Zstd, zstd_whole(plain)),
            (Encoding::Zstd, zstd_streamed(plain)),
            (Encoding::Zstd, checked.finish().unwrap()),
            (Encoding::Gzip, gzip(plain)),
        ]
    }

    fn samples() -> [Vec<u8>; 5] {
        let text: Vec<u8> = (0..200_000).flat_map(|number: u32| number.to_string().into_bytes()).collect();
        [Vec::new(), b"x".to_vec(), vec![7; 3_000_000], text[..100_000].to_vec(), text]
    }

    #[test]
    fn any_body_in_any_pieces_is_decoded_up_to_the_cap() {
        for plain in samples() {
            for (encoding, body) in bodies(&plain) {
                for piece in [1, 7, 1000, usize::MAX] {
                    if piece < 1000 && body.len() > 10_000 {
                        continue;
                    }
                    let size = plain.len() as u64;
                    assert_eq!(decode(encoding, &body, piece, size).unwrap(), plain, "{encoding:?} {size} by {piece}");
                    if size > 0 {
                        let error = decode(encoding, &body, piece, size - 1).unwrap_err();
                        assert!(matches!(error, DecodeError::TooLarge { .. }), "{error:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_frame_header_is_enough_to_refuse() {
        let body = zstd_whole(&vec![0; 10_000_000]);
        let error = decode(Encoding::Zstd, &body[..20], 20, 9_999_999).unwrap_err();
        assert_eq!(error, DecodeError::TooLarge { size: Some(10_000_000), max: 9_999_999 });
    }

    #[test]
    fn a_bomb_takes_no_more_memory_than_the_cap() {
        let zeros = vec![0; 50_000_000];
        for body in [zstd_whole(&zeros), zstd_streamed(&zeros)] {
            let settings = CompressionLayer::new().max_decoded_bytes(1_000_000).settings();
            let Decoder::Zstd(mut decoder) = Decoder::new(Encoding::Zstd, &settings).unwrap() else { unreachable!() };
            let mut input = Bytes::from(body);
            while matches!(decoder.step(&mut input), Ok(false)) {}
            assert!(decoder.output.capacity() <= 1_000_001);
        }
    }

    #[test]
    fn several_frames_follow_each_other() {
        for (encoding, first) in bodies(b"first ") {
            for (_, second) in bodies(b"second").into_iter().filter(|(other, _)| *other == encoding) {
                let body = [first.clone(), second].concat();
                assert_eq!(decode(encoding, &body, usize::MAX, 12).unwrap(), "first second");
                assert_eq!(decode(encoding, &body, 1, 12).unwrap(), "first second");
                assert!(decode(encoding, &body, usize::MAX, 11).is_err());
            }
        }
    }

    #[test]
    fn what_is_cut_off_or_damaged_is_an_error() {
        for (encoding, body) in bodies(&samples()[3]) {
            for end in [0, 1, 4, body.len() / 2, body.len() - 1] {
                let error = decode(encoding, &body[..end], usize::MAX, 1 << 20).unwrap_err();
                assert!(matches!(error, DecodeError::Corrupt { .. }), "{encoding:?} to {end}: {error:?}");
            }
            let followed = [&body[..], b"garbage"].concat();
            assert!(decode(encoding, &followed, usize::MAX, 1 << 20).is_err(), "{encoding:?}");
            assert!(decode(encoding, b"not compressed at all", usize::MAX, 1 << 20).is_err(), "{encoding:?}");
        }
    }

    #[test]
    fn a_window_that_browsers_would_refuse_is_refused() {
        let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(24).unwrap();
        encoder.write_all(&[1; 100]).unwrap();
        let body = encoder.finish().unwrap();
        assert!(matches!(decode(Encoding::Zstd, &body, 64, 1 << 30), Err(DecodeError::Corrupt { .. })));
    }

    #[test]
    fn errors_name_limit_and_size() {
        let error = RpcError::from(DecodeError::TooLarge { size: Some(12), max: 10 });
        assert_eq!(error.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(error.to_string(), "RequestTooLargeError: Decoded request body exceeds max_request_bytes (12 > 10)");
        let error = RpcError::from(DecodeError::Corrupt { encoding: "gzip", reason: "why".to_owned() });
        assert_eq!(error.status(), StatusCode::BAD_REQUEST);
        assert_eq!(error.to_string(), "ArrowInvalid: Request body is not valid gzip: why");
    }
}
