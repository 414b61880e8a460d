use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use arrow_buffer::Buffer;
use bytes::Bytes;

use super::message::{Content, Message, Prefix};
use super::stream::StreamState;
use super::{AnnotatedBatch, BodyCollector, BufferPool, Limits, SchemaCache, WireError, WireSchema};

/// What an incremental decoder found.
#[derive(Debug)]
pub enum Event {
    /// A stream begins.
    Schema(Arc<WireSchema>),
    /// A batch.
    Batch(AnnotatedBatch),
    /// A stream ended.
    EndOfStream,
}

/// Decodes as bytes come in, in any pieces: any number of IPC streams after each other.
///
/// ```
/// # use std::sync::Arc;
/// # use arrow_array::{ArrayRef, Int64Array, RecordBatch};
/// use tower_vgi::wire::{Event, IncrementalDecoder, Limits};
/// # use tower_vgi::wire::{Metadata, encode_batch};
///
/// # let column: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
/// # let batch = RecordBatch::try_from_iter([("n", column)])?;
/// # let bytes = encode_batch(&batch, &Metadata::new())?;
/// let mut decoder = IncrementalDecoder::new(Limits::default());
/// let mut rows = 0;
/// for piece in bytes.chunks(7) {
///     decoder.push(bytes.slice_ref(piece));
///     while let Some(event) = decoder.next_event()? {
///         if let Event::Batch(batch) = event {
///             rows += batch.batch.num_rows();
///         }
///     }
/// }
/// decoder.finish()?;
/// assert_eq!(rows, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct IncrementalDecoder {
    input: VecDeque<Bytes>,
    part: Part,
    state: StreamState,
    pool: Arc<BufferPool>,
    failed: bool,
}

/// The part of a message that is being read.
enum Part {
    Prefix { bytes: Vec<u8> },
    Header { bytes: Vec<u8>, end: usize, start: usize },
    Body { header: Vec<u8>, length: usize, collector: Option<BodyCollector> },
}

/// Bodies from here on are not copied when they come in one aligned piece. Copying smaller ones
/// is cheap, and does not keep a large piece alive for the sake of a few bytes.
const MIN_SHARED: usize = 16 * 1024;

impl IncrementalDecoder {
    /// Without input. The limits hold for each message.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            input: VecDeque::new(),
            part: Part::start(),
            state: StreamState::new(limits),
            pool: Arc::default(),
            failed: false,
        }
    }

    /// Uses a shared cache of schemas.
    #[must_use]
    pub fn with_schema_cache(mut self, cache: Arc<SchemaCache>) -> Self {
        self.state.use_cache(cache);
        self
    }

    /// Takes nulls also where the schema has none; see [`Decoder::allow_nulls`](super::Decoder::allow_nulls).
    #[must_use]
    pub fn allow_nulls(mut self) -> Self {
        self.state.allow_nulls();
        self
    }

    /// Takes memory for large messages from a pool.
    #[must_use]
    pub fn with_pool(mut self, pool: Arc<BufferPool>) -> Self {
        self.pool = pool;
        self
    }

    /// Takes bytes. They are held until [`next_event`](Self::next_event) has read them.
    pub fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.input.push_back(bytes);
        }
    }

    /// What is complete by now; `None` when more bytes are needed.
    ///
    /// # Errors
    ///
    /// If a message is damaged or exceeds a limit. The decoder is of no further use then.
    pub fn next_event(&mut self) -> Result<Option<Event>, WireError> {
        if self.failed {
            return Err(WireError::malformed("the stream was found damaged before"));
        }
        let event = self.advance();
        self.failed = event.is_err();
        event
    }

    /// Says that no more bytes come.
    ///
    /// # Errors
    ///
    /// If a message is incomplete or events have not been read. A stream may end without its end
    /// mark.
    pub fn finish(&mut self) -> Result<(), WireError> {
        let at_start = matches!(&self.part, Part::Prefix { bytes } if bytes.is_empty());
        if self.failed || !at_start || !self.input.is_empty() {
            return Err(WireError::malformed("the stream is cut off within a message"));
        }
        self.state.close();
        Ok(())
    }

    fn advance(&mut self) -> Result<Option<Event>, WireError> {
        loop {
            let complete = match &mut self.part {
                Part::Prefix { bytes } => match Prefix::read(bytes, &self.state.limits)? {
                    Prefix::Incomplete => {
                        // Four bytes may be all there is of an old end mark.
                        let wanted = if bytes.len() < 4 { 4 } else { 8 };
                        take(&mut self.input, bytes, wanted)
                    }
                    Prefix::EndOfStream { .. } => {
                        self.part = Part::start();
                        if !self.state.is_open() {
                            return Err(WireError::malformed("expected a schema message, found no message"));
                        }
                        self.state.close();
                        return Ok(Some(Event::EndOfStream));
                    }
                    Prefix::Header { start, length } => {
                        self.part = Part::Header { bytes: std::mem::take(bytes), start, end: start + length };
                        true
                    }
                },
                Part::Header { bytes, end, .. } if bytes.len() < *end => take(&mut self.input, bytes, *end),
                Part::Header { bytes, start, .. } => {
                    let header = std::mem::take(bytes);
                    let start = *start;
                    if let Some(event) = self.header(header, start)? {
                        return Ok(Some(event));
                    }
                    true
                }
                Part::Body { length, collector, .. } => {
                    let Some(body) = take_body(&mut self.input, *length, collector, &self.pool)? else {
                        return Ok(None);
                    };
                    if let Some(batch) = self.message(&body)? {
                        return Ok(Some(Event::Batch(batch)));
                    }
                    true
                }
            };
            if !complete {
                return Ok(None);
            }
        }
    }

    /// Opens a stream, or prepares for the body of a message. `bytes` has the prefix too.
    fn header(&mut self, bytes: Vec<u8>, start: usize) -> Result<Option<Event>, WireError> {
        if !self.state.is_open() {
            self.part = Part::start();
            return Ok(Some(Event::Schema(self.state.open(&bytes)?)));
        }
        let header = bytes[start..].to_vec();
        let message = Message::parse(&header)?;
        if matches!(message.content, Content::Schema) {
            return Err(WireError::malformed("a second schema message before the end of its stream"));
        }
        let length = message.body_length;
        let cap = self.state.limits.max_decoded_bytes;
        if length > cap {
            return Err(WireError::too_large("bytes of a message", length, cap));
        }
        self.part = Part::Body { header, length, collector: None };
        Ok(None)
    }

    fn message(&mut self, body: &Buffer) -> Result<Option<AnnotatedBatch>, WireError> {
        let Part::Body { header, .. } = std::mem::replace(&mut self.part, Part::start()) else {
            return Ok(None);
        };
        self.state.refill();
        self.state.message(&Message::parse(&header)?, body)
    }
}

impl fmt::Debug for IncrementalDecoder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting: usize = self.input.iter().map(Bytes::len).sum();
        formatter.debug_struct("IncrementalDecoder").field("waiting", &waiting).finish_non_exhaustive()
    }
}

impl Part {
    fn start() -> Self {
        Self::Prefix { bytes: Vec::new() }
    }
}

/// Moves input until there are `wanted` bytes; says whether there are.
fn take(input: &mut VecDeque<Bytes>, bytes: &mut Vec<u8>, wanted: usize) -> bool {
    while bytes.len() < wanted {
        let Some(piece) = take_piece(input, wanted - bytes.len()) else { return false };
        bytes.extend_from_slice(&piece);
    }
    true
}

fn take_piece(input: &mut VecDeque<Bytes>, most: usize) -> Option<Bytes> {
    let front = input.front_mut()?;
    if front.len() > most { Some(front.split_to(most)) } else { input.pop_front() }
}

fn take_body(
    input: &mut VecDeque<Bytes>,
    length: usize,
    collector: &mut Option<BodyCollector>,
    pool: &Arc<BufferPool>,
) -> Result<Option<Buffer>, WireError> {
    if length == 0 {
        return Ok(Some(Buffer::default()));
    }
    let collector = collector.get_or_insert_with(|| BodyCollector::new(pool.clone(), Some(length), length));
    while collector.len() < length {
        let Some(piece) = take_piece(input, length - collector.len()) else { return Ok(None) };
        if piece.len() == length && length >= MIN_SHARED {
            collector.push_bytes(piece)?;
        } else {
            collector.push(&piece)?;
        }
    }
    let empty = BodyCollector::new(pool.clone(), None, 0);
    Ok(Some(std::mem::replace(collector, empty).finish()))
}
