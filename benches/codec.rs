//! The wire codec beside arrow-ipc's own readers and writer, on the same batches in the same run.
//!
//! `stream_reader` copies each message, `stream_decoder` is arrow-ipc's way without copies; neither
//! shows metadata. Everything is validated in all of them.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;
use std::io::Cursor;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_buffer::Buffer;
use arrow_ipc::reader::{StreamDecoder, StreamReader};
use arrow_ipc::writer::StreamWriter;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tower_vgi::wire::{Decoder, Frames, Limits, Metadata, SchemaCache, StreamEncoder, WireSchema, keys};

/// The parameters of a call: `add(a, b)`.
fn parameters() -> RecordBatch {
    let a: ArrayRef = Arc::new(Float64Array::from(vec![1.5]));
    let b: ArrayRef = Arc::new(Float64Array::from(vec![2.5]));
    RecordBatch::try_from_iter([("a", a), ("b", b)]).unwrap()
}

/// Numbers and text of about some size.
fn table(bytes: usize) -> RecordBatch {
    let rows = bytes / 32;
    let n: ArrayRef = Arc::new((0..rows as i64).collect::<Int64Array>());
    let x: ArrayRef = Arc::new((0..rows).map(|row| row as f64 / 3.0).collect::<Float64Array>());
    let text: ArrayRef = Arc::new((0..rows).map(|row| Some(format!("{row:012}"))).collect::<StringArray>());
    RecordBatch::try_from_iter([("n", n), ("x", x), ("text", text)]).unwrap()
}

fn cases() -> Vec<(&'static str, RecordBatch)> {
    vec![("1 row", parameters()), ("64 KiB", table(64 << 10)), ("1 MiB", table(1 << 20)), ("16 MiB", table(16 << 20))]
}

fn metadata() -> Metadata {
    Metadata::from_iter([
        (keys::METHOD, "add"),
        (keys::REQUEST_VERSION, "1"),
        (keys::PROTOCOL, "Calculator"),
        (keys::PROTOCOL_VERSION, "1.0.0"),
    ])
}

fn encode(schema: &Arc<WireSchema>, batch: &RecordBatch, metadata: &Metadata) -> Frames {
    let mut frames = Frames::new();
    let mut encoder = StreamEncoder::new(schema.clone());
    encoder.write_schema(&mut frames);
    encoder.write_batch(batch, metadata, &mut frames).unwrap();
    encoder.write_end(&mut frames);
    frames
}

fn encoding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode");
    for (name, batch) in cases() {
        let schema = WireSchema::new(batch.schema()).unwrap();
        // What a response carries: nothing but the result.
        let metadata = Metadata::new();
        group.throughput(Throughput::Bytes(encode(&schema, &batch, &metadata).len() as u64));
        group.bench_function(BenchmarkId::new("ours", name), |bencher| {
            bencher.iter(|| black_box(encode(&schema, black_box(&batch), &metadata).into_vec()));
        });
        group.bench_function(BenchmarkId::new("stream_writer", name), |bencher| {
            bencher.iter(|| {
                let mut writer = StreamWriter::try_new(Vec::new(), batch.schema_ref()).unwrap();
                writer.write(black_box(&batch)).unwrap();
                black_box(writer.into_inner().unwrap())
            });
        });
    }
}

fn decoding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    let cache = Arc::new(SchemaCache::new());
    for (name, batch) in cases() {
        let schema = WireSchema::new(batch.schema()).unwrap();
        let bytes = encode(&schema, &batch, &metadata()).into_bytes();
        let body = Buffer::from(&bytes[..]);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(BenchmarkId::new("ours", name), |bencher| {
            bencher.iter(|| {
                let mut decoder = Decoder::new(body.clone(), Limits::default()).with_schema_cache(cache.clone());
                decoder.next_stream().unwrap().unwrap();
                let batch = decoder.next_batch().unwrap().unwrap();
                decoder.skip_rest().unwrap();
                black_box(batch)
            });
        });
        group.bench_function(BenchmarkId::new("stream_reader", name), |bencher| {
            bencher.iter(|| {
                let mut reader = StreamReader::try_new(Cursor::new(black_box(&bytes)), None).unwrap();
                black_box(reader.next().unwrap().unwrap())
            });
        });
        group.bench_function(BenchmarkId::new("stream_decoder", name), |bencher| {
            bencher.iter(|| {
                let mut decoder = StreamDecoder::new();
                black_box(decoder.decode(&mut black_box(body.clone())).unwrap().unwrap())
            });
        });
    }
}

criterion_group!(codec, encoding, decoding);
criterion_main!(codec);
