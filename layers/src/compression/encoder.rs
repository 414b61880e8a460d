//! Compression of one body, piece by piece.

use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use zstd::zstd_safe::zstd_sys::ZSTD_EndDirective::{self, ZSTD_e_continue, ZSTD_e_end, ZSTD_e_flush};
use zstd::zstd_safe::{CCtx, InBuffer, OutBuffer, compress_bound, get_error_name};

use super::encoding::Encoding;
use super::layer::Settings;
use super::pool::Pool;

const GZIP_LEVEL: u32 = 6;

/// Room that is added when the output is full.
const STEP: usize = 64 * 1024;

/// A body being compressed.
pub(super) enum Encoder {
    Zstd { context: CCtx<'static>, pool: Arc<Pool<CCtx<'static>>>, output: Vec<u8> },
    Gzip(GzEncoder<Vec<u8>>),
}

impl Encoder {
    /// Begins a body; `None` when there is no memory for it.
    ///
    /// A known `length` is told to the receiver (zstd) and has to be true.
    pub(super) fn new(encoding: Encoding, settings: &Settings, length: Option<u64>) -> Option<Self> {
        match encoding {
            Encoding::Zstd => {
                let mut context = settings.compressors.take()?;
                context.set_pledged_src_size(length).ok()?;
                Some(Self::Zstd { context, pool: settings.compressors.clone(), output: Vec::new() })
            }
            Encoding::Gzip => Some(Self::Gzip(GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL)))),
        }
    }

    pub(super) fn write(&mut self, input: &[u8]) -> io::Result<()> {
        match self {
            Self::Zstd { context, output, .. } => zstd(context, input, output, ZSTD_e_continue),
            Self::Gzip(encoder) => encoder.write_all(input),
        }
    }

    /// Brings everything written so far into the output.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Zstd { context, output, .. } => zstd(context, &[], output, ZSTD_e_flush),
            Self::Gzip(encoder) => encoder.flush(),
        }
    }

    /// What has been compressed since the last time.
    pub(super) fn take(&mut self) -> Bytes {
        let output = match self {
            Self::Zstd { output, .. } => output,
            Self::Gzip(encoder) => encoder.get_mut(),
        };
        // Small pieces of a stream must not each keep the room for a large one until they are sent.
        if output.len() < output.capacity() / 2 {
            let piece = Bytes::copy_from_slice(output);
            output.clear();
            return piece;
        }
        std::mem::take(output).into()
    }

    /// Compresses the last piece, which may be empty, and gives the rest of the output.
    pub(super) fn finish(self, last: &[u8]) -> io::Result<Bytes> {
        match self {
            Self::Zstd { mut context, pool, mut output } => {
                // With room for the worst case, and if this is the whole body, zstd compresses
                // without a copy in between.
                output.reserve(compress_bound(last.len()));
                zstd(&mut context, last, &mut output, ZSTD_e_end)?;
                pool.put(context);
                Ok(output.into())
            }
            Self::Gzip(mut encoder) => {
                encoder.write_all(last)?;
                Ok(encoder.finish()?.into())
            }
        }
    }
}

fn zstd(context: &mut CCtx<'_>, input: &[u8], output: &mut Vec<u8>, what: ZSTD_EndDirective) -> io::Result<()> {
    let mut source = InBuffer::around(input);
    loop {
        if output.len() == output.capacity() {
            output.reserve(STEP);
        }
        let position = output.len();
        let mut target = OutBuffer::around_pos(output, position);
        let left = context
            .compress_stream2(&mut target, &mut source, what)
            .map_err(|code| io::Error::other(format!("zstd compression failed: {}", get_error_name(code))))?;
        let done = if what == ZSTD_e_continue { source.pos == input.len() } else { left == 0 };
        if done {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::CompressionLayer;
    use super::*;
    use std::io::Read;

    fn settings() -> Settings {
        CompressionLayer::new().settings()
    }

    fn unzstd(bytes: &[u8]) -> Vec<u8> {
        zstd::stream::decode_all(bytes).unwrap()
    }

    fn ungzip(bytes: &[u8]) -> Vec<u8> {
        let mut decoded = Vec::new();
        flate2::read::GzDecoder::new(bytes).read_to_end(&mut decoded).unwrap();
        decoded
    }

    #[test]
    fn pieces_make_one_body() {
        let settings = settings();
        for (encoding, decode) in [(Encoding::Zstd, unzstd as fn(&[u8]) -> Vec<u8>), (Encoding::Gzip, ungzip)] {
            let mut encoder = Encoder::new(encoding, &settings, None).unwrap();
            let mut sent = Vec::new();
            encoder.write(b"one ").unwrap();
            encoder.flush().unwrap();
            let first = encoder.take();
            assert!(!first.is_empty());
            sent.extend_from_slice(&first);
            encoder.write(b"two ").unwrap();
            sent.extend_from_slice(&encoder.finish(b"three").unwrap());
            assert_eq!(decode(&sent), b"one two three");
        }
    }

    #[test]
    fn a_known_length_is_in_the_frame_and_has_to_be_true() {
        let settings = settings();
        let encoder = Encoder::new(Encoding::Zstd, &settings, Some(5)).unwrap();
        let frame = encoder.finish(b"12345").unwrap();
        assert_eq!(zstd::zstd_safe::get_frame_content_size(&frame).unwrap(), Some(5));
        let mut encoder = Encoder::new(Encoding::Zstd, &settings, Some(5)).unwrap();
        encoder.write(b"1234").unwrap();
        assert!(encoder.finish(b"").is_err());
        // What was left behind does not disturb the next one.
        let encoder = Encoder::new(Encoding::Zstd, &settings, None).unwrap();
        assert_eq!(unzstd(&encoder.finish(b"123").unwrap()), b"123");
    }

    #[test]
    fn a_small_piece_takes_little_memory() {
        let settings = settings();
        for encoding in [Encoding::Zstd, Encoding::Gzip] {
            let mut encoder = Encoder::new(encoding, &settings, None).unwrap();
            for _ in 0..3 {
                encoder.write(b"a few bytes").unwrap();
                encoder.flush().unwrap();
                let piece = encoder.take().try_into_mut().unwrap();
                assert!(!piece.is_empty() && piece.capacity() < 1000, "{encoding:?}: {}", piece.capacity());
            }
        }
    }

    #[test]
    fn noise_fits_too() {
        let noise: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..)).take(3_000_000).collect();
        let settings = settings();
        let mut encoder = Encoder::new(Encoding::Zstd, &settings, Some(3_000_000)).unwrap();
        encoder.write(&noise[..2_000_000]).unwrap();
        assert_eq!(unzstd(&encoder.finish(&noise[2_000_000..]).unwrap()), noise);
    }
}
