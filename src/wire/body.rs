//! The body of one message, taken apart node by node and buffer by buffer.

use std::slice;

use arrow_buffer::{ArrowNativeType, BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};

use super::compression::{Decompression, PREFIX, announced_length};
use super::dictionary::Dictionaries;
use super::message::{BatchHeader, Codec, pair};
use super::{Limits, WireError};

/// Hands out the nodes and buffers of a batch in the order of its header.
///
/// `new` has checked every place and length, so what comes out lies within the body and what is
/// decompressed is within the limits.
pub(super) struct Body<'a> {
    nodes: slice::Iter<'a, [u8; 16]>,
    buffers: slice::Iter<'a, [u8; 16]>,
    variadic_counts: slice::Iter<'a, [u8; 8]>,
    bytes: &'a Buffer,
    codec: Option<Codec>,
    decompression: &'a mut Decompression,
    pub(super) dictionaries: &'a Dictionaries,
    pub(super) limits: &'a Limits,
    pub(super) is_version_4: bool,
}

/// Length and null count of one array.
#[derive(Clone, Copy)]
pub(super) struct Node {
    pub(super) length: usize,
    pub(super) null_count: usize,
}

/// What decoding needs beside the message.
pub(super) struct Surroundings<'a> {
    pub(super) limits: &'a Limits,
    pub(super) dictionaries: &'a Dictionaries,
    pub(super) decompression: &'a mut Decompression,
    /// How many bytes decompression may still produce.
    pub(super) budget: &'a mut usize,
    pub(super) is_version_4: bool,
}

impl<'a> Body<'a> {
    pub(super) fn new(
        header: &BatchHeader<'a>,
        bytes: &'a Buffer,
        surroundings: Surroundings<'a>,
    ) -> Result<Self, WireError> {
        let Surroundings { limits, dictionaries, decompression, budget, is_version_4 } = surroundings;
        check_buffers(header, bytes, limits, budget)?;
        Ok(Self {
            nodes: header.nodes.iter(),
            buffers: header.buffers.iter(),
            variadic_counts: header.variadic_counts.iter(),
            bytes,
            codec: header.compression,
            decompression,
            dictionaries,
            limits,
            is_version_4,
        })
    }

    pub(super) fn node(&mut self) -> Result<Node, WireError> {
        let node = self.nodes.next().ok_or_else(|| WireError::malformed("the batch has too few field nodes"))?;
        let (length, null_count) = pair(node);
        match (usize::try_from(length), usize::try_from(null_count)) {
            (Ok(length), Ok(null_count)) if null_count <= length => {
                if length > self.limits.max_rows {
                    return Err(WireError::too_large("rows of an array", length, self.limits.max_rows));
                }
                Ok(Node { length, null_count })
            }
            _ => Err(WireError::malformed(format!("an array of {length} rows announces {null_count} nulls"))),
        }
    }

    /// Refuses many rows that are announced without a byte behind them.
    pub(super) fn check_unbacked(&self, rows: usize) -> Result<(), WireError> {
        if rows > self.limits.max_unbacked_rows {
            return Err(WireError::too_large("rows without data", rows, self.limits.max_unbacked_rows));
        }
        Ok(())
    }

    /// The next buffer, decompressed.
    pub(super) fn buffer(&mut self) -> Result<Buffer, WireError> {
        let (offset, length) = self.next_place()?;
        let Some(codec) = self.codec.filter(|_| length > 0) else {
            return Ok(self.bytes.slice_with_length(offset, length));
        };
        let compressed = self.bytes.slice_with_length(offset, length);
        match announced_length(&compressed, codec)? {
            None => Ok(compressed.slice(PREFIX)),
            Some(0) => Ok(Buffer::default()),
            Some(announced) => self.decompression.decompress(&compressed[PREFIX..], announced, codec),
        }
    }

    /// The next buffer, of which at least `length` bytes are needed.
    pub(super) fn buffer_of(&mut self, length: usize) -> Result<Buffer, WireError> {
        let buffer = self.buffer()?;
        if buffer.len() < length {
            return Err(WireError::malformed(format!("a buffer of {} bytes, needed are {length}", buffer.len())));
        }
        Ok(buffer.slice_with_length(0, length))
    }

    /// The next buffer as values, copied if it is not aligned for them.
    pub(super) fn scalars<T: ArrowNativeType>(&mut self, count: usize) -> Result<ScalarBuffer<T>, WireError> {
        let buffer = self.buffer_of(count * size_of::<T>())?;
        Ok(ScalarBuffer::new(aligned::<T>(buffer), 0, count))
    }

    /// The next buffer as offsets of `count` values, checked to ascend.
    pub(super) fn offsets<T: ArrowNativeType>(&mut self, count: usize) -> Result<OffsetBuffer<T>, WireError> {
        if count == 0 {
            // Without a value even the single offset may be missing.
            self.next_place()?;
            return Ok(OffsetBuffer::new_empty());
        }
        let offsets = self.scalars::<T>(count + 1)?;
        let ascending = offsets.windows(2).fold(true, |ascending, pair| ascending & (pair[0] <= pair[1]));
        if !ascending || offsets[0] < T::usize_as(0) {
            return Err(WireError::malformed("offsets must ascend and not be negative"));
        }
        Ok(OffsetBuffer::new(offsets))
    }

    /// The next buffer as validity bitmap.
    pub(super) fn nulls(&mut self, node: Node) -> Result<Option<NullBuffer>, WireError> {
        if node.null_count == 0 {
            self.next_place()?;
            return Ok(None);
        }
        let bitmap = self.buffer_of(node.length.div_ceil(8))?;
        let nulls = NullBuffer::new(BooleanBuffer::new(bitmap, 0, node.length));
        if nulls.null_count() != node.null_count {
            return Err(WireError::malformed(format!(
                "an array announces {} nulls and has {}",
                node.null_count,
                nulls.null_count()
            )));
        }
        Ok(Some(nulls))
    }

    /// How many data buffers the next view array has.
    pub(super) fn variadic_count(&mut self) -> Result<usize, WireError> {
        self.variadic_counts
            .next()
            .and_then(|count| usize::try_from(i64::from_le_bytes(*count)).ok())
            .filter(|count| *count <= self.buffers.len())
            .ok_or_else(|| WireError::malformed("a view array announces no, or too many, data buffers"))
    }

    /// Checks that nothing is left over.
    pub(super) fn finish(&self) -> Result<(), WireError> {
        if self.nodes.len() + self.buffers.len() + self.variadic_counts.len() > 0 {
            return Err(WireError::malformed("the batch has more arrays or buffers than its schema"));
        }
        Ok(())
    }

    fn next_place(&mut self) -> Result<(usize, usize), WireError> {
        let place = self.buffers.next().ok_or_else(|| WireError::malformed("the batch has too few buffers"))?;
        let (offset, length) = pair(place);
        Ok((offset as usize, length as usize))
    }
}

/// Copies a buffer that is not aligned for a type.
pub(super) fn aligned<T>(buffer: Buffer) -> Buffer {
    if buffer.as_ptr().align_offset(align_of::<T>()) == 0 { buffer } else { Buffer::from(buffer.as_slice()) }
}

/// Checks the place of every buffer, and what decompression will produce.
fn check_buffers(
    header: &BatchHeader<'_>,
    bytes: &Buffer,
    limits: &Limits,
    budget: &mut usize,
) -> Result<(), WireError> {
    let mut total = 0_usize;
    for place in header.buffers {
        let (offset, length) = pair(place);
        let buffer = match (usize::try_from(offset), usize::try_from(length)) {
            (Ok(offset), Ok(length)) if offset % 8 == 0 => bytes.get(offset..).and_then(|rest| rest.get(..length)),
            _ => None,
        };
        let buffer = buffer.ok_or_else(|| {
            WireError::malformed(format!(
                "a buffer of {length} bytes at {offset} does not lie, on a multiple of 8, in a body of {} bytes",
                bytes.len()
            ))
        })?;
        // No writer lets buffers overlap. A reader that allowed it could be made to copy and
        // check the same bytes once for every column.
        total = total.saturating_add(buffer.len());
        if let Some(codec) = header.compression.filter(|_| !buffer.is_empty()) {
            let announced = announced_length(buffer, codec)?.unwrap_or(0);
            *budget = budget.checked_sub(announced).ok_or_else(|| {
                WireError::too_large("decompressed bytes", format_args!("{announced} more"), limits.max_decoded_bytes)
            })?;
        }
    }
    if total > bytes.len() {
        return Err(WireError::malformed("buffers of the batch overlap"));
    }
    Ok(())
}
