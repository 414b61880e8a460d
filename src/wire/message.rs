//! One IPC message: its framing, and what its header says.

use super::flatbuffer::Table;
use super::{Limits, Metadata, WireError};

/// Starts every message since Arrow 0.15.
pub(super) const CONTINUATION: [u8; 4] = [0xff; 4];

/// Ends a stream.
pub(super) const END_OF_STREAM: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// What stands before a message's header.
pub(super) enum Prefix {
    /// More bytes are needed.
    Incomplete,
    /// The stream ends here.
    EndOfStream { length: usize },
    /// A header of some length follows.
    Header { start: usize, length: usize },
}

impl Prefix {
    /// Reads the prefix at the start of `bytes`. Streams written before Arrow 0.15 have a length
    /// only.
    pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Self, WireError> {
        let Some(first) = bytes.first_chunk::<4>() else { return Ok(Self::Incomplete) };
        let (start, length) = if *first == CONTINUATION {
            let Some(length) = bytes[4..].first_chunk::<4>() else { return Ok(Self::Incomplete) };
            (8, *length)
        } else {
            (4, *first)
        };
        let length = i32::from_le_bytes(length);
        match usize::try_from(length) {
            Ok(0) => Ok(Self::EndOfStream { length: start }),
            // Four bytes that are no continuation mark are hardly a length of this size: it is no
            // Arrow at all.
            Ok(length) if length > limits.max_header_bytes && start == 8 => {
                Err(WireError::too_large("bytes of a message header", length, limits.max_header_bytes))
            }
            Ok(length) if length <= limits.max_header_bytes => Ok(Self::Header { start, length }),
            _ => Err(WireError::malformed(format!(
                "expected an IPC message, found {first:02x?} and the header length {length}"
            ))),
        }
    }
}

/// The header of a message.
pub(super) struct Message<'a> {
    pub(super) content: Content<'a>,
    pub(super) body_length: usize,
    /// Version 4 instead of 5: unions have a validity bitmap.
    pub(super) is_version_4: bool,
    table: Table<'a>,
    header_length: usize,
}

/// What a message carries.
pub(super) enum Content<'a> {
    Schema,
    RecordBatch(BatchHeader<'a>),
    DictionaryBatch { id: i64, is_delta: bool, values: BatchHeader<'a> },
}

impl<'a> Message<'a> {
    pub(super) fn parse(header: &'a [u8]) -> Result<Self, WireError> {
        let table = Table::root(header)?;
        let version = table.i16(0, 0)?;
        if !(3..=4).contains(&version) {
            return Err(WireError::unsupported(format!(
                "IPC metadata version V{} is not supported, write V4 or V5",
                i32::from(version) + 1
            )));
        }
        let body_length = table.i64(3, 0)?;
        let body_length = usize::try_from(body_length)
            .map_err(|_| WireError::malformed(format!("a message announces a body of {body_length} bytes")))?;
        let header_table = || table.table(2)?.ok_or_else(|| WireError::malformed("a message has no header"));
        let content = match table.u8(1, 0)? {
            1 => Content::Schema,
            2 => {
                let dictionary = header_table()?;
                let values = dictionary.table(1)?.ok_or_else(|| WireError::malformed("a dictionary has no values"))?;
                Content::DictionaryBatch {
                    id: dictionary.i64(0, 0)?,
                    is_delta: dictionary.u8(2, 0)? != 0,
                    values: BatchHeader::parse(values)?,
                }
            }
            3 => Content::RecordBatch(BatchHeader::parse(header_table()?)?),
            other => {
                return Err(WireError::unsupported(format!(
                    "a message of type {other}, expected a schema, dictionary or record batch"
                )));
            }
        };
        Ok(Self { content, body_length, is_version_4: version == 3, table, header_length: header.len() })
    }

    /// The custom metadata.
    pub(super) fn metadata(&self) -> Result<Metadata, WireError> {
        let entries = self.table.tables(4)?;
        if entries.len() == 0 {
            return Ok(Metadata::new());
        }
        // Offsets may lead to the same bytes again and again, which no writer does: without this
        // check a small header could ask for a lot of memory.
        let shared = || WireError::malformed("entries of a message's metadata overlap");
        if entries.len() > self.header_length / 16 {
            return Err(shared());
        }
        let mut left = self.header_length;
        let mut metadata = Metadata::with_capacity(entries.len(), self.header_length / 2);
        for entry in entries {
            let entry = entry?;
            let (key, value) = (entry.bytes(0)?, entry.bytes(1)?);
            left = left.checked_sub(key.len() + value.len()).ok_or_else(shared)?;
            metadata.append(key, value);
        }
        Ok(metadata)
    }
}

/// Lengths and places of the arrays of a batch.
pub(super) struct BatchHeader<'a> {
    pub(super) rows: i64,
    pub(super) nodes: &'a [[u8; 16]],
    pub(super) buffers: &'a [[u8; 16]],
    pub(super) variadic_counts: &'a [[u8; 8]],
    pub(super) compression: Option<Codec>,
}

/// How the buffers of a batch are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    Lz4Frame,
    Zstd,
}

impl<'a> BatchHeader<'a> {
    fn parse(table: Table<'a>) -> Result<Self, WireError> {
        let compression = match table.table(3)? {
            None => None,
            Some(compression) => match (compression.u8(0, 0)?, compression.u8(1, 0)?) {
                (0, 0) => Some(Codec::Lz4Frame),
                (1, 0) => Some(Codec::Zstd),
                (codec, method) => {
                    return Err(WireError::unsupported(format!(
                        "buffer compression {codec} with method {method}, expected LZ4_FRAME or ZSTD of whole buffers"
                    )));
                }
            },
        };
        Ok(Self {
            rows: table.i64(0, 0)?,
            nodes: table.vector(1)?,
            buffers: table.vector(2)?,
            variadic_counts: table.vector(4)?,
            compression,
        })
    }
}

/// The two numbers of a field node or buffer.
pub(super) fn pair(bytes: &[u8; 16]) -> (i64, i64) {
    let [low, high] = [0, 8].map(|start| {
        let mut number = [0; 8];
        number.copy_from_slice(&bytes[start..start + 8]);
        i64::from_le_bytes(number)
    });
    (low, high)
}
