//! The methods' schemas and the data that goes through them.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::Float64Type;
use arrow_array::{ArrayRef, BinaryArray, Float64Array, Int64Array, RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};

/// How many batches a measured producer sends, and how many rows each has: 64 MiB.
pub const PRODUCED_BATCHES: i64 = 64;
pub const PRODUCED_ROWS: i64 = 65_536;

/// The sizes of the echoes.
pub const ECHO_BYTES: [usize; 3] = [64 << 10, 1 << 20, 16 << 20];

/// What `scale` multiplies by.
pub const FACTOR: f64 = 2.5;

type Result<T> = std::result::Result<T, ArrowError>;

/// A schema of columns that have no nulls.
pub fn schema<const N: usize>(fields: [(&str, DataType); N]) -> SchemaRef {
    Arc::new(Schema::new(fields.map(|(name, kind)| Field::new(name, kind, false)).to_vec()))
}

/// The rows of `produce`.
pub fn sample_schema() -> SchemaRef {
    schema([("i", DataType::Int64), ("x", DataType::Float64)])
}

/// The rows of `scale`, both ways.
pub fn value_schema() -> SchemaRef {
    schema([("value", DataType::Float64)])
}

/// The one batch that every server's `produce` emits over and over: what is measured is the transport.
pub fn samples(rows: i64) -> Result<RecordBatch> {
    let i = Int64Array::from_iter_values(0..rows);
    let x = Float64Array::from_iter_values((0..rows).map(|row| row as f64 * 0.5));
    RecordBatch::try_new(sample_schema(), vec![Arc::new(i), Arc::new(x)])
}

/// One row of numbers.
pub fn floats<const N: usize>(columns: [(&str, f64); N]) -> Result<RecordBatch> {
    row(columns.map(|(name, value)| (name, DataType::Float64, Arc::new(Float64Array::from(vec![value])) as ArrayRef)))
}

/// One row of whole numbers.
pub fn integers<const N: usize>(columns: [(&str, i64); N]) -> Result<RecordBatch> {
    row(columns.map(|(name, value)| (name, DataType::Int64, Arc::new(Int64Array::from(vec![value])) as ArrayRef)))
}

/// One row of bytes.
pub fn binary(name: &str, bytes: &[u8]) -> Result<RecordBatch> {
    row([(name, DataType::Binary, Arc::new(BinaryArray::from_vec(vec![bytes])))])
}

fn row<const N: usize>(columns: [(&str, DataType, ArrayRef); N]) -> Result<RecordBatch> {
    let (fields, arrays): (Vec<_>, Vec<_>) =
        columns.into_iter().map(|(name, kind, array)| (Field::new(name, kind, false), array)).unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
}

/// A batch of neither columns nor rows: what asks a producer for its next batch.
pub fn tick() -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(0));
    RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &options)
}

/// So many rows for `scale`.
pub fn values(rows: usize) -> Result<RecordBatch> {
    let column = Float64Array::from_iter_values((0..rows).map(|row| row as f64));
    RecordBatch::try_new(value_schema(), vec![Arc::new(column)])
}

/// The answer of `scale`.
pub fn scaled(input: &RecordBatch, factor: f64) -> Result<RecordBatch> {
    let Some(column) = input.columns().first().and_then(|column| column.as_primitive_opt::<Float64Type>()) else {
        return Err(ArrowError::SchemaError("scale takes one column of float64".to_owned()));
    };
    let output = Float64Array::from_iter_values(column.values().iter().map(|value| value * factor));
    RecordBatch::try_new(value_schema(), vec![Arc::new(output)])
}

/// Bytes that do not compress.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&xorshift(&mut state).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Words out of a vocabulary of 256: zstd's level 1 takes them to about a fifth.
pub fn words(length: usize) -> Vec<u8> {
    let mut state = 0x1234_5678_9ABC_DEF0;
    let vocabulary: [[u8; 6]; 256] = std::array::from_fn(|_| {
        let bits = xorshift(&mut state);
        std::array::from_fn(|letter| b'a' + ((bits >> (letter * 5)) % 26) as u8)
    });
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        let word = (xorshift(&mut state) >> 20) as u8;
        bytes.extend_from_slice(&vocabulary[usize::from(word)]);
        bytes.push(b' ');
    }
    bytes.truncate(length);
    bytes
}

fn xorshift(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}
