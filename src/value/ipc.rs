//! IPC streams and schema messages inside of values.

use std::cell::Cell;
use std::sync::{Arc, LazyLock};

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_schema::{Schema, SchemaRef};
use bytes::Bytes;

use super::{ValueError, ValueErrorKind, allowance};
use crate::wire::{
    Decoder, Frames, Limits, Metadata, SchemaCache, StreamEncoder, WireError, WireSchema, encode_batch, encode_schema,
};

/// How deep streams may lie within streams. Deeper ones would only serve to exhaust the stack.
const MAX_DEPTH: usize = 32;

/// One batch as a whole stream.
pub(crate) fn encode(batch: &RecordBatch) -> Result<Bytes, ValueError> {
    encode_batch(batch, &Metadata::new()).map_err(refused)
}

/// The same with a schema that is already encoded.
pub(crate) fn encode_with(schema: Arc<WireSchema>, batch: &RecordBatch) -> Result<Bytes, ValueError> {
    let mut frames = Frames::new();
    let mut encoder = StreamEncoder::new(schema);
    encoder.write_schema(&mut frames);
    encoder.write_batch(batch, &Metadata::new(), &mut frames).map_err(refused)?;
    encoder.write_end(&mut frames);
    Ok(frames.into_bytes())
}

pub(crate) fn wire_schema(schema: SchemaRef) -> Result<Arc<WireSchema>, ValueError> {
    WireSchema::new(schema).map_err(refused)
}

/// The schema and the batch, if there is one, of a stream.
pub(crate) fn decode(bytes: Buffer) -> Result<(SchemaRef, Option<RecordBatch>), ValueError> {
    static SCHEMAS: LazyLock<Arc<SchemaCache>> = LazyLock::new(Arc::default);

    // What a payload decompresses to, and its dictionaries, are a small multiple of its size: the protocol compresses
    // bodies and not the buffers within, so more would only serve to exhaust memory.
    let decoded = bytes.len().saturating_mul(4);
    allowance::spend(decoded)?;
    let limits = Limits::default().with_max_decoded_bytes(decoded.max(4096));
    let mut decoder = Decoder::new(bytes, limits).with_schema_cache(Arc::clone(&SCHEMAS)).allow_nulls();
    let schema = decoder.next_stream().map_err(malformed)?;
    let schema = schema.ok_or_else(|| ValueError::payload("expected an IPC stream, got no bytes"))?;
    let batch = decoder.next_batch().map_err(malformed)?;
    if batch.is_some() && decoder.next_batch().map_err(malformed)?.is_some() {
        return Err(ValueError::payload("expected an IPC stream of one batch, got several batches"));
    }
    Ok((Arc::clone(schema.schema()), batch.map(|batch| batch.batch)))
}

/// Runs `read` unless there are too many streams around the one that it reads.
pub(crate) fn nested<T>(read: impl FnOnce() -> Result<T, ValueError>) -> Result<T, ValueError> {
    thread_local! {
        static DEPTH: Cell<usize> = const { Cell::new(0) };
    }
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            DEPTH.set(DEPTH.get() - 1);
        }
    }

    let depth = DEPTH.get() + 1;
    if depth > MAX_DEPTH {
        return Err(ValueError::payload(format!("records are nested as binary deeper than {MAX_DEPTH} levels")));
    }
    DEPTH.set(depth);
    let _leave = Leave;
    read()
}

pub(crate) fn schema_message(schema: &Schema) -> Result<Bytes, ValueError> {
    encode_schema(schema).map_err(refused)
}

pub(crate) fn decode_schema(message: &[u8]) -> Result<SchemaRef, ValueError> {
    let schema = WireSchema::from_message(message).map_err(malformed)?;
    Ok(Arc::clone(schema.schema()))
}

fn malformed(error: WireError) -> ValueError {
    ValueError::payload(format!("not the IPC stream that was expected: {error}"))
}

fn refused(error: WireError) -> ValueError {
    ValueError::new(ValueErrorKind::Array, format!("Arrow IPC cannot express the value: {error}"))
}
