//! The `Bench` protocol.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use arrow_array::cast::AsArray as _;
use arrow_array::types::Float64Type;
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tower_vgi::rpc::{BuildError, CallContext, Exchange, ExchangeState, Output, Producer, ProducerState, RpcService};
use tower_vgi::wire::AnnotatedBatch;
use tower_vgi::{Record as _, Result, RpcError, VgiArrow};

/// The core alone.
pub(crate) fn service() -> Result<RpcService, BuildError> {
    RpcService::builder().protocol(BenchServer::new(Server)).build()
}

/// A row of `produce`.
#[derive(VgiArrow)]
pub(crate) struct Sample {
    i: i64,
    x: f64,
}

/// A row of `scale`, both ways.
#[derive(VgiArrow)]
pub(crate) struct Row {
    value: f64,
}

#[tower_vgi::service]
pub(crate) trait Bench {
    #[producer(Sample)]
    type Produce;
    #[exchange(Row => Row)]
    type Scale;

    /// A small unary call.
    async fn add(&self, a: f64, b: f64) -> Result<f64>;
    /// A unary call with a large payload.
    async fn echo_bytes(&self, data: Bytes) -> Result<Bytes>;
    /// Batches of `rows` rows, built beforehand.
    async fn produce(&self, batches: i64, rows: i64) -> Result<Producer<Self::Produce>>;
    /// Multiplies a column.
    async fn scale(&self, factor: f64) -> Result<Exchange<Self::Scale>>;
}

struct Server;

impl Bench for Server {
    type Produce = Produce;
    type Scale = Scale;

    async fn add(&self, a: f64, b: f64) -> Result<f64> {
        Ok(a + b)
    }

    async fn echo_bytes(&self, data: Bytes) -> Result<Bytes> {
        Ok(data)
    }

    async fn produce(&self, batches: i64, rows: i64) -> Result<Producer<Produce>> {
        if !(0..=MAX_ROWS).contains(&rows) {
            return Err(RpcError::value_error(format!("rows must be between 0 and {MAX_ROWS}, not {rows}")))?;
        }
        Ok(Producer::new(Produce { left: batches, rows }))
    }

    async fn scale(&self, factor: f64) -> Result<Exchange<Scale>> {
        Ok(Exchange::new(Scale { factor }))
    }
}

const MAX_ROWS: i64 = 1 << 20;

#[derive(Serialize, Deserialize)]
struct Produce {
    left: i64,
    rows: i64,
}

impl ProducerState for Produce {
    async fn produce(&mut self, _context: &CallContext, output: &mut Output) -> Result<()> {
        if self.left > 0 {
            output.emit(samples(self.rows)?)?;
            self.left -= 1;
        }
        if self.left <= 0 { output.finish() } else { Ok(()) }
    }
}

/// The batch of so many rows; built once.
fn samples(rows: i64) -> Result<RecordBatch> {
    static BUILT: LazyLock<RwLock<HashMap<i64, RecordBatch>>> = LazyLock::new(RwLock::default);
    if let Some(batch) = BUILT.read().unwrap_or_else(PoisonError::into_inner).get(&rows) {
        return Ok(batch.clone());
    }
    let i = Int64Array::from_iter_values(0..rows);
    let x = Float64Array::from_iter_values((0..rows).map(|row| row as f64 * 0.5));
    let batch = RecordBatch::try_new(Sample::schema(), vec![Arc::new(i), Arc::new(x)])?;
    BUILT.write().unwrap_or_else(PoisonError::into_inner).insert(rows, batch.clone());
    Ok(batch)
}

#[derive(Serialize, Deserialize)]
struct Scale {
    factor: f64,
}

impl ExchangeState for Scale {
    async fn exchange(&mut self, _context: &CallContext, input: AnnotatedBatch, output: &mut Output) -> Result<()> {
        let column = input.batch.column(0).as_primitive::<Float64Type>();
        let scaled: ArrayRef = Arc::new(column.unary::<_, Float64Type>(|value| value * self.factor));
        output.emit(RecordBatch::try_new(output.schema().clone(), vec![scaled])?)
    }
}
