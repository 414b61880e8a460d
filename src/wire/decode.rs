use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow_buffer::Buffer;

use super::message::{Content, Message, Prefix};
use super::stream::StreamState;
use super::{AnnotatedBatch, Limits, SchemaCache, WireError, WireErrorKind, WireSchema};

/// Decodes a complete body: any number of IPC streams after each other.
///
/// The columns of the batches refer to the body; only what is not aligned in it is copied, so
/// give a body that starts on a multiple of 64 (see [`BodyCollector`](super::BodyCollector)).
/// A stream ends with its end mark or with the body.
///
/// ```
/// use arrow_array::{ArrayRef, Int64Array, RecordBatch};
/// use std::sync::Arc;
/// use tower_vgi::wire::{Decoder, Limits, Metadata, encode_batch, keys};
///
/// let column: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
/// let batch = RecordBatch::try_from_iter([("n", column)])?;
/// let body = encode_batch(&batch, &Metadata::from_iter([(keys::METHOD, "sum")]))?;
///
/// let mut decoder = Decoder::new(body.into(), Limits::default());
/// assert!(decoder.next_stream()?.is_some());
/// let decoded = decoder.next_batch()?.ok_or("no batch")?;
/// assert_eq!(decoded.batch, batch);
/// assert_eq!(decoded.metadata.get_str(keys::METHOD), Some("sum"));
/// assert!(decoder.next_batch()?.is_none());
/// assert!(decoder.next_stream()?.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Decoder {
    body: Buffer,
    position: usize,
    state: StreamState,
}

impl Decoder {
    /// Reads from a body; aligned memory is not copied.
    #[must_use]
    pub fn new(body: Buffer, limits: Limits) -> Self {
        Self { body, position: 0, state: StreamState::new(limits) }
    }

    /// Uses a shared cache of schemas.
    #[must_use]
    pub fn with_schema_cache(mut self, cache: Arc<SchemaCache>) -> Self {
        self.state.use_cache(cache);
        self
    }

    /// Takes nulls also where the schema has none; the schema of such a batch then says nullable.
    ///
    /// Peers are known to write a `None` into a column that they declare as not nullable. Without
    /// this, such a batch is an error of the kind [`WireErrorKind::UnexpectedNull`].
    #[must_use]
    pub fn allow_nulls(mut self) -> Self {
        self.state.allow_nulls();
        self
    }

    /// Opens the next IPC stream; `None` when the body is used up. What is left of an open stream
    /// is skipped, as [`skip_rest`](Self::skip_rest) does.
    ///
    /// # Errors
    ///
    /// If what follows is no schema message, or one beyond the limits.
    pub fn next_stream(&mut self) -> Result<Option<Arc<WireSchema>>, WireError> {
        self.skip_rest()?;
        let rest = &self.body[self.position..];
        if rest.is_empty() {
            return Ok(None);
        }
        let Prefix::Header { start, length } = self.prefix(rest)? else {
            return Err(WireError::malformed("expected a schema message, found no message"));
        };
        let message = rest.get(..start + length).ok_or_else(|| cut_off("a schema message"))?;
        let schema = self.state.open(message)?;
        self.position += message.len();
        Ok(Some(schema))
    }

    /// The next batch of the open stream; `None` at its end.
    ///
    /// # Errors
    ///
    /// If the message is damaged, does not fit the schema, or exceeds a limit. The decoder is of
    /// no further use then.
    pub fn next_batch(&mut self) -> Result<Option<AnnotatedBatch>, WireError> {
        while let Some(frame) = self.next_frame()? {
            let message = Message::parse(&self.body[frame.header.clone()])?;
            let body = self.body_of(&frame, &message)?;
            let end = frame.header.end + message.body_length;
            let decoded = self.state.message(&message, &body)?;
            self.position = end;
            if decoded.is_some() {
                return Ok(decoded);
            }
        }
        Ok(None)
    }

    /// Reads to the end of the open stream without decoding what is in it.
    ///
    /// A request has one batch that counts; others behind it are allowed and ignored. Their
    /// framing is checked, their content is not.
    ///
    /// # Errors
    ///
    /// If the stream is cut off, or something else than a batch or dictionary is in it.
    pub fn skip_rest(&mut self) -> Result<(), WireError> {
        while let Some(frame) = self.next_frame()? {
            let message = Message::parse(&self.body[frame.header.clone()])?;
            if matches!(message.content, Content::Schema) {
                return Err(WireError::malformed("a second schema message before the end of its stream"));
            }
            self.position = check_end(&self.body, frame.header.end, message.body_length)?;
        }
        Ok(())
    }

    /// How many bytes of the body have not been read.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.body.len() - self.position
    }

    /// How many bytes the compressed buffers of what has been read have become.
    #[must_use]
    pub fn decompressed(&self) -> usize {
        self.state.limits.max_decoded_bytes - self.state.budget()
    }

    /// The next message of the open stream; closes it at its end.
    fn next_frame(&mut self) -> Result<Option<Frame>, WireError> {
        if !self.state.is_open() {
            return Ok(None);
        }
        let rest = &self.body[self.position..];
        if rest.is_empty() {
            self.state.close();
            return Ok(None);
        }
        match self.prefix(rest)? {
            Prefix::Incomplete => Err(cut_off("a message")),
            Prefix::EndOfStream { length } => {
                self.position += length;
                self.state.close();
                Ok(None)
            }
            Prefix::Header { start, length } => {
                let start = self.position + start;
                let end = check_end(&self.body, start, length)?;
                Ok(Some(Frame { header: start..end }))
            }
        }
    }

    /// Reads a prefix. Of a body that is all there, a length beyond its end is damage and not a size.
    fn prefix(&self, rest: &[u8]) -> Result<Prefix, WireError> {
        Prefix::read(rest, &self.state.limits).map_err(|error| match error.is_too_large() {
            true if rest.len() <= self.state.limits.max_header_bytes => cut_off("the header of a message"),
            _ => error,
        })
    }

    fn body_of(&self, frame: &Frame, message: &Message<'_>) -> Result<Buffer, WireError> {
        check_end(&self.body, frame.header.end, message.body_length)?;
        Ok(self.body.slice_with_length(frame.header.end, message.body_length))
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Decoder").field("remaining", &self.remaining()).finish_non_exhaustive()
    }
}

/// A message found in the body.
struct Frame {
    header: Range<usize>,
}

/// The only batch of an IPC stream. Bytes behind the end of the stream are not looked at.
///
/// # Errors
///
/// If the bytes are no IPC stream, exceed a limit, or hold no batch or several.
pub fn decode_batch(bytes: Buffer, limits: Limits) -> Result<AnnotatedBatch, WireError> {
    let mut decoder = Decoder::new(bytes, limits);
    if decoder.next_stream()?.is_none() {
        return Err(WireError::malformed("expected an IPC stream, found nothing"));
    }
    let Some(batch) = decoder.next_batch()? else {
        return Err(WireError::new(WireErrorKind::NoBatch, "expected one batch, the stream has none"));
    };
    if decoder.next_batch()?.is_some() {
        return Err(WireError::malformed("expected one batch, the stream has several"));
    }
    Ok(batch)
}

fn check_end(body: &Buffer, start: usize, length: usize) -> Result<usize, WireError> {
    start.checked_add(length).filter(|end| *end <= body.len()).ok_or_else(|| cut_off("a message"))
}

fn cut_off(what: &str) -> WireError {
    WireError::malformed(format!("{what} is cut off: the body ends within it"))
}
