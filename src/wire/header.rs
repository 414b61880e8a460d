//! Headers of outgoing messages.

use std::cell::RefCell;

use arrow_buffer::Buffer;
use arrow_ipc::{
    Buffer as Place, DictionaryBatchBuilder, KeyValue, KeyValueBuilder, MessageBuilder, MessageHeader, MetadataVersion,
    RecordBatchBuilder,
};
use flatbuffers::{FlatBufferBuilder, WIPOffset};

use super::flatten::Flattened;
use super::frames::{Frames, MIN_FRAME};
use super::message::CONTINUATION;
use super::{Metadata, WireError};

/// What a message carries beside arrays.
pub(super) enum Kind<'a> {
    RecordBatch(&'a Metadata),
    Dictionary(i64),
}

/// Memory that is used again from message to message.
#[derive(Default)]
struct Scratch {
    builder: FlatBufferBuilder<'static>,
    arrays: Flattened,
    places: Vec<Place>,
}

/// A scratch whose header had to grow beyond this is not kept.
const MAX_KEPT: usize = 64 * 1024;

/// A header's length has 31 bits.
const MAX_METADATA: usize = 1 << 30;

/// What an entry of the metadata takes beside its bytes, at most.
const ENTRY_BYTES: usize = 40;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Writes one message: prefix, header and body. `fill` adds the arrays.
pub(super) fn write_message(
    kind: &Kind<'_>,
    rows: usize,
    out: &mut Frames,
    fill: impl FnOnce(&mut Flattened) -> Result<(), WireError>,
) -> Result<(), WireError> {
    if let Kind::RecordBatch(metadata) = kind {
        let bytes: usize = metadata.iter().map(|(key, value)| key.len() + value.len() + ENTRY_BYTES).sum();
        if bytes > MAX_METADATA {
            return Err(WireError::too_large("bytes of metadata", bytes, MAX_METADATA));
        }
    }
    // Taken out while in use: nothing that runs in between can find it borrowed.
    let mut scratch = SCRATCH.with(RefCell::take);
    let Scratch { builder, arrays, places } = &mut scratch;
    let written = fill(arrays).map(|()| {
        let body_length = place(arrays, places);
        build(builder, kind, rows, body_length, arrays, places);
        append(builder.finished_data(), &arrays.buffers, out)
    });
    let is_small = arrays.buffers.capacity() <= 1024 && written.as_ref().is_ok_and(|header| *header <= MAX_KEPT);
    arrays.clear();
    places.clear();
    builder.reset();
    if is_small {
        SCRATCH.with(|kept| kept.replace(scratch));
    }
    written.map(drop)
}

/// Gives each buffer its place in the body, on a multiple of 8. Returns the body's length.
fn place(arrays: &Flattened, places: &mut Vec<Place>) -> usize {
    let mut end = 0;
    for buffer in &arrays.buffers {
        let length = buffer.as_ref().map_or(0, |buffer| buffer.len());
        places.push(Place::new(end as i64, length as i64));
        end += length.next_multiple_of(8);
    }
    end
}

fn build(
    builder: &mut FlatBufferBuilder<'static>,
    kind: &Kind<'_>,
    rows: usize,
    body_length: usize,
    arrays: &Flattened,
    places: &[Place],
) {
    let metadata = match kind {
        Kind::RecordBatch(metadata) if !metadata.is_empty() => {
            let entries: Vec<_> = metadata.iter().map(|(key, value)| entry(builder, key, value)).collect();
            Some(builder.create_vector(&entries))
        }
        _ => None,
    };
    let variadic_counts = (!arrays.variadic_counts.is_empty()).then(|| builder.create_vector(&arrays.variadic_counts));
    let places = builder.create_vector(places);
    let nodes = builder.create_vector(&arrays.nodes);

    let mut batch = RecordBatchBuilder::new(builder);
    batch.add_length(rows as i64);
    batch.add_nodes(nodes);
    batch.add_buffers(places);
    if let Some(counts) = variadic_counts {
        batch.add_variadicBufferCounts(counts);
    }
    let batch = batch.finish();

    let (header_type, header) = match kind {
        Kind::RecordBatch(_) => (MessageHeader::RecordBatch, batch.as_union_value()),
        Kind::Dictionary(id) => {
            let mut dictionary = DictionaryBatchBuilder::new(builder);
            dictionary.add_id(*id);
            dictionary.add_data(batch);
            (MessageHeader::DictionaryBatch, dictionary.finish().as_union_value())
        }
    };
    let mut message = MessageBuilder::new(builder);
    message.add_version(MetadataVersion::V5);
    message.add_header_type(header_type);
    message.add_header(header);
    message.add_bodyLength(body_length as i64);
    if let Some(metadata) = metadata {
        message.add_custom_metadata(metadata);
    }
    let message = message.finish();
    builder.finish_minimal(message);
}

fn entry(builder: &mut FlatBufferBuilder<'static>, key: &[u8], value: &[u8]) -> WIPOffset<KeyValue<'static>> {
    // The schema says strings, but nobody holds writers to UTF-8.
    let [key, value] = [key, value].map(|bytes| WIPOffset::<&str>::new(builder.create_byte_string(bytes).value()));
    let mut entry = KeyValueBuilder::new(builder);
    entry.add_key(key);
    entry.add_value(value);
    entry.finish()
}

/// Appends prefix, header and body. Returns the header's length.
fn append(header: &[u8], buffers: &[Option<Buffer>], out: &mut Frames) -> usize {
    let padded = header.len().next_multiple_of(8);
    let small = buffers.iter().flatten().map(Buffer::len).filter(|length| *length < MIN_FRAME);
    out.reserve(8 + padded + small.map(|length| length.next_multiple_of(8)).sum::<usize>());
    out.push(&CONTINUATION);
    out.push(&(padded as i32).to_le_bytes());
    out.push(header);
    out.pad(header.len());
    for buffer in buffers.iter().flatten() {
        out.push_buffer(buffer);
        out.pad(buffer.len());
    }
    header.len()
}
