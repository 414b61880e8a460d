//! Decompression of one body, piece by piece, under a cap.

mod gzip;
mod zstandard;

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use tower_vgi::{ErrorCode, ErrorDetail, RpcError};

use self::gzip::GzipDecoder;
use self::zstandard::ZstdDecoder;
use super::account::Account;
use super::encoding::Encoding;
use super::layer::Settings;
use crate::refusal::REQUEST_TOO_LARGE;

/// About a millisecond's work: what is decoded at once, and allocated on the word of a frame header.
pub(super) const AT_ONCE: usize = 2 * 1024 * 1024;

/// The least room for output when nothing is known of its size.
const STEP: usize = 64 * 1024;

/// Why a body cannot be decoded.
#[derive(Debug)]
pub(super) enum DecodeError {
    /// It is, or would become, larger than the cap. The size is known where a frame announces it.
    TooLarge { size: Option<u64>, max: u64 },
    /// It is not what it says.
    Corrupt { encoding: &'static str, reason: String },
    /// There is no memory for a decoder.
    Memory,
    /// There is no memory for what it becomes.
    Refused(RpcError),
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
                .with_detail(ErrorDetail::retry_info(Duration::from_secs(1)))
                .with_status(StatusCode::SERVICE_UNAVAILABLE),
            DecodeError::Refused(error) => error,
        }
    }
}

/// A body being decompressed.
pub(super) enum Decoder {
    Zstd(ZstdDecoder),
    Gzip(GzipDecoder),
}

impl Decoder {
    pub(super) fn new(encoding: Encoding, settings: &Settings, account: Account) -> Result<Self, DecodeError> {
        let max = settings.max_decoded_bytes;
        Ok(match encoding {
            Encoding::Zstd => Self::Zstd(ZstdDecoder::new(settings.decompressors.clone(), max, account)?),
            Encoding::Gzip => Self::Gzip(GzipDecoder::new(max, account)),
        })
    }

    /// Takes from `input` until it is used up (true) or this was enough work for once (false).
    pub(super) fn step(&mut self, input: &mut Bytes) -> Result<bool, DecodeError> {
        match self {
            Self::Zstd(decoder) => decoder.step(input),
            Self::Gzip(decoder) => decoder.step(input),
        }
    }

    /// The whole body, once all input was given.
    pub(super) fn finish(self) -> Result<Bytes, DecodeError> {
        match self {
            Self::Zstd(decoder) => decoder.finish(),
            Self::Gzip(decoder) => decoder.finish(),
        }
    }
}

/// Hands over what was decoded, without more memory than it needs.
fn hand_over(mut output: Vec<u8>, account: Account) -> Bytes {
    // It lives as long as the request does; that much more is worth a copy.
    if output.capacity() - output.len() > output.len() / 4 {
        output.shrink_to_fit();
    }
    account.close(output.capacity());
    output.into()
}

#[cfg(test)]
mod tests {
    use super::super::CompressionLayer;
    use super::*;
    use flate2::write::GzEncoder;
    use std::io::Write;
    use tower_vgi::RequestMemoryPool;

    fn decode(encoding: Encoding, body: &[u8], piece: usize, max: u64) -> Result<Bytes, DecodeError> {
        let settings = CompressionLayer::new().max_decoded_bytes(max).settings();
        let mut decoder = Decoder::new(encoding, &settings, Account::open(None, 0).unwrap())?;
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
        assert!(matches!(error, DecodeError::TooLarge { size: Some(10_000_000), max: 9_999_999 }), "{error:?}");
    }

    #[test]
    fn a_bomb_takes_no_more_memory_than_the_cap() {
        let zeros = vec![0; 50_000_000];
        for body in [zstd_whole(&zeros), zstd_streamed(&zeros)] {
            let settings = CompressionLayer::new().max_decoded_bytes(1_000_000).settings();
            let memory = RequestMemoryPool::new(1 << 40).request();
            let account = Account::open(Some(memory.clone()), 0).unwrap();
            let mut decoder = Decoder::new(Encoding::Zstd, &settings, account).unwrap();
            let mut input = Bytes::from(body);
            while matches!(decoder.step(&mut input), Ok(false)) {}
            // zstd decodes within a window of its own where it cannot write to the output at once.
            assert!(memory.body_bytes() <= 1_000_001 + (1 << 20), "{}", memory.body_bytes());
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

    /// What is counted at most while a body is decoded, and afterwards.
    fn counted(encoding: Encoding, body: &[u8], pool: &RequestMemoryPool) -> Result<(u64, u64), DecodeError> {
        let settings = CompressionLayer::new().settings();
        let memory = pool.request();
        let account = Account::open(Some(memory.clone()), body.len() as u64).map_err(DecodeError::Refused)?;
        let mut decoder = Decoder::new(encoding, &settings, account)?;
        let mut most = memory.body_bytes();
        for piece in body.chunks(10_000) {
            let mut piece = Bytes::copy_from_slice(piece);
            while !decoder.step(&mut piece)? {
                most = most.max(memory.body_bytes());
            }
            most = most.max(memory.body_bytes());
        }
        let plain = decoder.finish()?;
        assert!(memory.body_bytes() >= plain.len() as u64);
        Ok((most, memory.body_bytes()))
    }

    #[test]
    fn what_is_decoded_is_counted_with_what_decoding_takes() {
        let pool = RequestMemoryPool::new(1 << 30);
        for plain in samples() {
            for (encoding, body) in bodies(&plain) {
                let size = plain.len() as u64;
                let (most, left) = counted(encoding, &body, &pool).unwrap();
                assert!(most >= left.max(body.len() as u64), "{encoding:?} {size}: {most} {left}");
                assert!(left <= size + size / 4, "{encoding:?} {size}: {left}");
                assert_eq!(pool.in_use(), 0);
            }
        }
    }

    #[test]
    fn what_there_is_no_memory_for_is_not_decoded() {
        for (encoding, body) in bodies(&samples()[4]) {
            let pool = RequestMemoryPool::new(1_000_000);
            let error = counted(encoding, &body, &pool).unwrap_err();
            assert!(matches!(error, DecodeError::Refused(_)), "{encoding:?}: {error:?}");
            assert_eq!(pool.in_use(), 0);
        }
    }

    #[test]
    fn a_large_window_for_little_content_is_counted() {
        let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(23).unwrap();
        encoder.write_all(&[1; 100]).unwrap();
        encoder.flush().unwrap();
        let begun = encoder.get_ref().clone();
        let memory = RequestMemoryPool::new(1 << 30).request();
        let account = Account::open(Some(memory.clone()), 0).unwrap();
        let mut decoder = Decoder::new(Encoding::Zstd, &CompressionLayer::new().settings(), account).unwrap();
        assert!(decoder.step(&mut Bytes::from(begun.clone())).unwrap());
        assert!(memory.body_bytes() > 8 << 20, "{}", memory.body_bytes());
        drop(decoder);
        assert_eq!(memory.body_bytes(), 0);

        let error = counted(Encoding::Zstd, &begun, &RequestMemoryPool::new(4 << 20)).unwrap_err();
        assert!(matches!(error, DecodeError::Refused(_)), "{error:?}");
    }

    #[test]
    fn tmp_steps() {
        let zeros = vec![0; 64 << 20];
        let numbers: Vec<u8> = (0..16_u32 << 20).flat_map(u32::to_le_bytes).collect();
        for (name, body) in [
            ("zeros whole", zstd_whole(&zeros)),
            ("zeros streamed", zstd_streamed(&zeros)),
            ("numbers whole", zstd_whole(&numbers)),
            ("numbers streamed", zstd_streamed(&numbers)),
            ("gzip zeros", gzip(&zeros)),
        ] {
            let enc = if name.starts_with("gzip") { Encoding::Gzip } else { Encoding::Zstd };
            let settings = CompressionLayer::new().settings();
            let mut decoder = Decoder::new(enc, &settings, Account::open(None, 0).unwrap()).unwrap();
            let mut input = Bytes::from(body);
            let len = input.len();
            let mut times = vec![];
            loop {
                let t = std::time::Instant::now();
                let done = decoder.step(&mut input).unwrap();
                times.push(t.elapsed());
                if done {
                    break;
                }
            }
            times.sort();
            println!(
                "{name} {len}: {} steps, max {:?} {:?} median {:?}",
                times.len(),
                times.last().unwrap(),
                times.iter().rev().nth(1),
                times[times.len() / 2]
            );
        }
    }
}
