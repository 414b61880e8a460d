//! Arrow bodies as servers send them.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use bytes::Bytes;
use tower_vgi::wire::{Frames, Metadata, StreamEncoder, WireSchema};

/// A row of the table takes about this much.
const ROW: usize = 32;

/// Numbers and text of about some size.
pub(crate) fn table(bytes: usize) -> RecordBatch {
    let rows = bytes / ROW;
    let n: ArrayRef = Arc::new((0..rows as i64).collect::<Int64Array>());
    let x: ArrayRef = Arc::new((0..rows).map(|row| (row % 1000) as f64 / 4.0).collect::<Float64Array>());
    let text: ArrayRef = Arc::new((0..rows).map(|row| Some(format!("{row:012}"))).collect::<StringArray>());
    RecordBatch::try_from_iter([("n", n), ("x", x), ("text", text)]).unwrap()
}

/// Names of which there are few.
pub(crate) fn names(bytes: usize) -> RecordBatch {
    let names = ["Amsterdam", "Berlin", "Copenhagen", "Dublin", "Edinburgh"];
    let rows = bytes / 12;
    let text: ArrayRef = Arc::new((0..rows).map(|row| Some(names[row * 7 % 5])).collect::<StringArray>());
    RecordBatch::try_from_iter([("name", text)]).unwrap()
}

/// Measured values: noise in the lower digits.
pub(crate) fn measured(bytes: usize) -> RecordBatch {
    let mut state = 7_u64;
    let values = (0..bytes / 8).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        20.0 + (state >> 40) as f64 / 1e7
    });
    let x: ArrayRef = Arc::new(values.collect::<Float64Array>());
    RecordBatch::try_from_iter([("x", x)]).unwrap()
}

/// The frames of a body, as the core sends them.
pub(crate) fn frames(batch: &RecordBatch) -> Vec<Bytes> {
    let mut frames = Frames::new();
    let mut encoder = StreamEncoder::new(WireSchema::new(batch.schema()).unwrap());
    encoder.write_schema(&mut frames);
    encoder.write_batch(batch, &Metadata::new(), &mut frames).unwrap();
    encoder.write_end(&mut frames);
    frames.into_vec()
}
