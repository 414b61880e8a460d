//! Decompression of single buffers.

use arrow_buffer::{Buffer, MutableBuffer};
use zstd::bulk::Decompressor;

use super::message::Codec;
use super::{WireError, lz4};

/// The length before compressed bytes; -1 for bytes that are stored as they are.
pub(super) const PREFIX: usize = 8;

/// LZ4 never packs more than this into a byte, so a longer announcement is a lie.
const LZ4_MAX_RATIO: usize = 255;

/// How long a buffer is when decompressed; `None` when it is stored as it is.
pub(super) fn announced_length(buffer: &[u8], codec: Codec) -> Result<Option<usize>, WireError> {
    let (prefix, rest) = buffer
        .split_first_chunk::<PREFIX>()
        .ok_or_else(|| WireError::malformed("a compressed buffer has no length"))?;
    let length = i64::from_le_bytes(*prefix);
    if length == -1 {
        return Ok(None);
    }
    let length = usize::try_from(length)
        .map_err(|_| WireError::malformed(format!("a compressed buffer announces {length} bytes")))?;
    if codec == Codec::Lz4Frame && length > rest.len().saturating_mul(LZ4_MAX_RATIO) {
        return Err(WireError::malformed(format!("{} bytes of LZ4 cannot hold the {length} announced", rest.len())));
    }
    Ok(Some(length))
}

/// Keeps what a codec needs from buffer to buffer.
#[derive(Default)]
pub(super) struct Decompression {
    zstd: Option<Decompressor<'static>>,
}

impl Decompression {
    /// Decompresses a buffer behind its prefix. The caller has checked the length against its
    /// limits.
    pub(super) fn decompress(&mut self, bytes: &[u8], length: usize, codec: Codec) -> Result<Buffer, WireError> {
        let mut output = MutableBuffer::from_len_zeroed(length);
        let written = match codec {
            Codec::Lz4Frame => lz4::decompress(bytes, &mut output),
            Codec::Zstd => {
                let written = self.zstd()?.decompress_to_buffer(bytes, output.as_slice_mut());
                written.map_err(|error| error.to_string())
            }
        };
        match written {
            Ok(written) if written == length => Ok(output.into()),
            Ok(written) => {
                Err(WireError::malformed(format!("a compressed buffer announces {length} bytes and holds {written}")))
            }
            Err(error) => Err(WireError::malformed(format!("a compressed buffer cannot be decompressed: {error}"))),
        }
    }

    fn zstd(&mut self) -> Result<&mut Decompressor<'static>, WireError> {
        match &mut self.zstd {
            Some(zstd) => Ok(zstd),
            empty => {
                let zstd = Decompressor::new()
                    .map_err(|error| WireError::unsupported(format!("cannot start zstd: {error}")))?;
                Ok(empty.insert(zstd))
            }
        }
    }
}
