//! Headers of outgoing messages.

use std::cell::RefCell;

use arrow_buffer::Buffer;
use arrow_ipc::{
    Buffer as Place, DictionaryBatchBuilder, FieldNode, KeyValue, KeyValueBuilder, MessageBuilder, MessageHeader,
    MetadataVersion, RecordBatchBuilder,
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
    last: Last,
}

/// The header that was built last for a batch without metadata. The answers of a method often have the same shape, and
/// copying a header costs a tenth of building it.
#[derive(Default)]
struct Last {
    rows: usize,
    nodes: Vec<FieldNode>,
    places: Vec<Place>,
    variadic_counts: Vec<i64>,
    header: Vec<u8>,
}

impl Last {
    /// The header, if it is that of these arrays.
    fn of(&self, rows: usize, arrays: &Flattened, places: &[Place]) -> Option<&[u8]> {
        let same = !self.header.is_empty()
            && self.rows == rows
            && self.nodes == arrays.nodes
            && self.places == places
            && self.variadic_counts == arrays.variadic_counts;
        same.then_some(&self.header)
    }

    fn keep(&mut self, rows: usize, arrays: &Flattened, places: &[Place], header: &[u8]) {
        self.header.clear();
        if header.len() > MAX_LAST {
            return;
        }
        self.header.extend_from_slice(header);
        self.rows = rows;
        self.nodes.clone_from(&arrays.nodes);
        self.places.clear();
        self.places.extend_from_slice(places);
        self.variadic_counts.clone_from(&arrays.variadic_counts);
    }
}

/// Longer headers belong to batches whose arrays cost more.
const MAX_LAST: usize = 1024;

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
    let Scratch { builder, arrays, places, last } = &mut scratch;
    let written = fill(arrays).map(|()| {
        let body_length = place(arrays, places);
        let is_plain = matches!(kind, Kind::RecordBatch(metadata) if metadata.is_empty());
        if let Some(header) = last.of(rows, arrays, places).filter(|_| is_plain) {
            return append(header, &arrays.buffers, out);
        }
        build(builder, kind, rows, body_length, arrays, places);
        if is_plain {
            last.keep(rows, arrays, places, builder.finished_data());
        }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};

    use crate::wire::{Metadata, decode_batch, encode_batch};

    #[test]
    fn a_header_is_taken_again_only_for_the_same_shape() {
        let numbers = |values: &[Option<i64>]| Arc::new(Int64Array::from(values.to_vec())) as ArrayRef;
        let texts = |values: &[&str]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
        let columns = [
            numbers(&[Some(1)]),
            numbers(&[Some(2)]),
            numbers(&[None]),
            numbers(&[Some(3), None]),
            numbers(&[None, Some(4)]),
            numbers(&[Some(5), Some(6)]),
            texts(&["a"]),
            texts(&["b"]),
            texts(&["bc"]),
            numbers(&[]),
            texts(&[]),
        ];
        for (metadata, column) in
            [[].as_slice(), &[("key", "value")]].iter().flat_map(|m| columns.iter().map(move |c| (m, c)))
        {
            let batch = RecordBatch::try_from_iter_with_nullable([("column", column.clone(), true)]).unwrap();
            let metadata = Metadata::from_iter(metadata.iter().copied());
            for _ in 0..2 {
                let bytes = encode_batch(&batch, &metadata).unwrap();
                let decoded = decode_batch(bytes.into(), Default::default()).unwrap();
                assert_eq!((decoded.batch, decoded.metadata), (batch.clone(), metadata.clone()));
            }
        }
    }
}
