//! Decompression of LZ4 frames, straight into the place of the result.
//!
//! A frame reader for streams keeps blocks of up to 4 MiB of its own, also for a buffer of a few
//! bytes. The result's length is known here, so the blocks can be decompressed where they belong.
//! Checksums are skipped, as HTTP and TCP have theirs.

use lz4_flex::block::decompress_into_with_dict;

const MAGIC: u32 = 0x184d_2204;

const VERSION: u8 = 0b1100_0000;
const VERSION_1: u8 = 0b0100_0000;
const BLOCKS_ARE_INDEPENDENT: u8 = 0b0010_0000;
const HAS_BLOCK_CHECKSUMS: u8 = 0b0001_0000;
const HAS_CONTENT_SIZE: u8 = 0b0000_1000;
const HAS_CONTENT_CHECKSUM: u8 = 0b0000_0100;
const HAS_DICTIONARY: u8 = 0b0000_0001;

/// In the length of a block: it is stored as it is.
const STORED: u32 = 1 << 31;

/// How far back a block may refer to.
const WINDOW: usize = 64 * 1024;

/// Decompresses a frame. Says how much there was, which is never more than fits.
pub(super) fn decompress(frame: &[u8], output: &mut [u8]) -> Result<usize, String> {
    let mut input = Input(frame);
    if input.number()? != MAGIC {
        return Err("no LZ4 frame".to_owned());
    }
    let [flags, _block_size] = *input.array()?;
    if flags & VERSION != VERSION_1 || flags & HAS_DICTIONARY != 0 {
        return Err(format!("an LZ4 frame with the flags {flags:#010b}"));
    }
    if flags & HAS_CONTENT_SIZE != 0 {
        input.take(8)?;
    }
    let _header_checksum = input.take(1)?;
    let mut written = 0;
    loop {
        let length = input.number()?;
        if length == 0 {
            break;
        }
        let block = input.take((length & !STORED) as usize)?;
        let (done, rest) = output.split_at_mut(written);
        written += if length & STORED != 0 {
            rest.get_mut(..block.len()).ok_or("more than announced")?.copy_from_slice(block);
            block.len()
        } else {
            let window = match flags & BLOCKS_ARE_INDEPENDENT {
                0 => &done[done.len().saturating_sub(WINDOW)..],
                _ => &[],
            };
            decompress_into_with_dict(block, rest, window).map_err(|error| error.to_string())?
        };
        if flags & HAS_BLOCK_CHECKSUMS != 0 {
            input.take(4)?;
        }
    }
    if flags & HAS_CONTENT_CHECKSUM != 0 {
        input.take(4)?;
    }
    if input.0.is_empty() { Ok(written) } else { Err("more behind the LZ4 frame".to_owned()) }
}

/// What has not been read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or("an LZ4 frame is cut off")?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const SIZE: usize>(&mut self) -> Result<&'a [u8; SIZE], String> {
        let (taken, rest) = self.0.split_first_chunk().ok_or("an LZ4 frame is cut off")?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u32, String> {
        self.array().map(|bytes| u32::from_le_bytes(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};

    use super::*;

    fn compress(bytes: &[u8], info: FrameInfo) -> Vec<u8> {
        let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn frames_of_every_form_are_read() {
        // Three blocks, one of them of bytes that do not compress.
        let mut bytes: Vec<u8> = (0..100_000_u32).map(|n| (n / 1000) as u8).collect();
        let mut noise = 1_u32;
        bytes.extend((0..50_000).map(|_| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (noise >> 24) as u8
        }));
        for mode in [BlockMode::Independent, BlockMode::Linked] {
            for extras in [false, true] {
                let info = FrameInfo::new().block_size(BlockSize::Max64KB).block_mode(mode);
                let info = info.block_checksums(extras).content_checksum(extras);
                let frame = compress(&bytes, info.content_size(extras.then_some(bytes.len() as u64)));
                let mut output = vec![0; bytes.len()];
                assert_eq!(decompress(&frame, &mut output), Ok(bytes.len()));
                assert!(output == bytes);
                assert!(decompress(&frame, &mut output[1..]).is_err());
                assert!(decompress(&frame[..frame.len() - 1], &mut output).is_err());
                assert!(decompress(&[&frame[..], b"x"].concat(), &mut output).is_err());
            }
        }
    }

    #[test]
    fn an_empty_frame_is_empty() {
        assert_eq!(decompress(&compress(&[], FrameInfo::new()), &mut []), Ok(0));
        assert!(decompress(b"no frame", &mut []).is_err());
    }
}
