//! What the codec allocates, and what it makes of damaged input.
//!
//! A binary of its own, with one test: the allocator counts for the whole process, and so does
//! the panic hook.
#![allow(clippy::unwrap_used)]

#[path = "../wire/generate.rs"]
mod generate;
mod mutate;

use std::alloc::System;
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use arrow_buffer::Buffer;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tower_vgi::wire::{BodyCollector, BufferPool, Decoder, Frames, Limits, Metadata, StreamEncoder, WireSchema};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Runs something and says how many bytes it allocated, freed ones included.
pub(crate) fn allocated<T>(run: impl FnOnce() -> T) -> (T, usize) {
    let region = Region::new(ALLOCATOR);
    let result = run();
    (result, region.change().bytes_allocated)
}

#[test]
fn memory_is_bounded() {
    large_batches_are_not_copied();
    a_pool_saves_the_next_body();

    // The decoder catches panics of what it calls, but there should be none to catch.
    let default_hook = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        default_hook(info);
    }));
    mutate::damaged_streams_give_an_error_or_a_batch();
    assert_eq!(PANICS.load(Ordering::Relaxed), 0);
}

fn large_batch() -> RecordBatch {
    let n: ArrayRef = Arc::new((0..1 << 20).collect::<Int64Array>());
    let x: ArrayRef = Arc::new((0..1 << 20).map(f64::from).collect::<Float64Array>());
    RecordBatch::try_from_iter([("n", n), ("x", x)]).unwrap()
}

fn large_batches_are_not_copied() {
    const MOST: usize = 64 << 10;
    let batch = large_batch();
    let schema = WireSchema::new(batch.schema()).unwrap();
    let (frames, bytes) = allocated(|| {
        let mut frames = Frames::new();
        let mut encoder = StreamEncoder::new(schema.clone());
        encoder.write_schema(&mut frames);
        encoder.write_batch(&batch, &Metadata::from_iter([("key", "value")]), &mut frames).unwrap();
        encoder.write_end(&mut frames);
        frames.into_vec()
    });
    assert!(bytes < MOST, "encoding 16 MiB allocated {bytes} bytes");

    let body = Buffer::from(frames.concat());
    assert!(body.len() > 16 << 20);
    let (decoded, bytes) = allocated(|| {
        let mut decoder = Decoder::new(body, Limits::default());
        decoder.next_stream().unwrap();
        let decoded = decoder.next_batch().unwrap().unwrap();
        assert!(decoder.next_batch().unwrap().is_none());
        decoded
    });
    assert!(bytes < MOST, "decoding 16 MiB allocated {bytes} bytes");
    assert_eq!(decoded.batch, batch);
}

fn a_pool_saves_the_next_body() {
    let pool = BufferPool::new();
    let piece = vec![1; 1 << 20];
    let collect = || {
        let mut collector = BodyCollector::new(pool.clone(), Some(16 << 20), 64 << 20);
        (0..16).for_each(|_| collector.push(&piece).unwrap());
        collector.finish()
    };
    let (first, bytes) = allocated(collect);
    assert!(bytes >= 16 << 20);
    drop(first);
    let (second, bytes) = allocated(collect);
    assert!(bytes < 4096, "the second body allocated {bytes} bytes");
    assert_eq!(second.len(), 16 << 20);
}
