//! The states of the producers. Each step is one request of the caller.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};
use tower_vgi::rpc::{CallContext, LogLevel, Output, ProducerState};
use tower_vgi::wire::Metadata;
use tower_vgi::{Record, Result, RpcError};

use crate::probe;
use crate::rows::{Count, Number, TickSeen};

/// What callers put on a tick to see it come back.
pub(crate) const TICK_KEY: &str = "vgi.conformance.tick";

/// A text outside of ASCII, so that metadata is carried as bytes all the way.
const EMIT_LABEL: &str = "ünïcode-λ";

/// More rows than any caller asks for in earnest: a batch of them would take 4 GiB.
const MAX_ROWS: i64 = 1 << 28;

/// Counts to a number, one row a batch.
#[derive(Serialize, Deserialize)]
pub(crate) struct CountUp {
    count: i64,
    current: i64,
}

impl CountUp {
    pub(crate) fn to(count: i64) -> Self {
        Self { count, current: 0 }
    }
}

impl ProducerState for CountUp {
    async fn produce(&mut self, _context: &CallContext, output: &mut Output) -> Result<()> {
        if self.current >= self.count {
            return output.finish();
        }
        output.emit_rows([&Count::at(self.current)])?;
        self.current += 1;
        Ok(())
    }
}

/// The same with a message before each batch.
#[derive(Serialize, Deserialize)]
pub(crate) struct CountAloud(pub(crate) CountUp);

impl ProducerState for CountAloud {
    async fn produce(&mut self, context: &CallContext, output: &mut Output) -> Result<()> {
        if self.0.current < self.0.count {
            context.log(LogLevel::Info, format!("producing batch {}", self.0.current));
        }
        self.0.produce(context, output).await
    }
}

/// The same with an error at the end.
#[derive(Serialize, Deserialize)]
pub(crate) struct CountAndFail(pub(crate) CountUp);

impl ProducerState for CountAndFail {
    async fn produce(&mut self, context: &CallContext, output: &mut Output) -> Result<()> {
        if self.0.current >= self.0.count {
            let message = format!("intentional error after {} batches", self.0.count);
            return Err(RpcError::runtime_error(message))?;
        }
        self.0.produce(context, output).await
    }
}

/// Counts for ever, and tells the probe of it.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Endless {
    current: i64,
}

impl ProducerState for Endless {
    async fn produce(&mut self, context: &CallContext, output: &mut Output) -> Result<()> {
        probe::update(context, |counts| counts.produce_calls += 1).await?;
        output.emit_rows([&Count::at(self.current)])?;
        self.current += 1;
        Ok(())
    }

    async fn cancel(&mut self, context: &CallContext) {
        cancelled(context).await;
    }
}

/// Tells the probe of a cancel. Nobody waits for an answer any more, so a failure goes to the log.
pub(crate) async fn cancelled(context: &CallContext) {
    if let Err(error) = probe::update(context, |counts| counts.on_cancel_calls += 1).await {
        eprintln!("cannot count a cancel: {error}");
    }
}

/// Batches of many rows; without any, finishes at once.
#[derive(Serialize, Deserialize)]
pub(crate) struct Blocks {
    rows: i64,
    batches: i64,
    current: i64,
}

impl Blocks {
    pub(crate) fn new(rows: i64, batches: i64) -> Self {
        Self { rows, batches, current: 0 }
    }
}

impl ProducerState for Blocks {
    async fn produce(&mut self, _context: &CallContext, output: &mut Output) -> Result<()> {
        if self.current >= self.batches {
            return output.finish();
        }
        output.emit(counts(self.current.wrapping_mul(self.rows), self.rows)?)?;
        self.current += 1;
        Ok(())
    }
}

/// A batch of `rows` rows of which the first has the index `first`.
///
/// # Errors
///
/// When there would be more rows than [`MAX_ROWS`].
pub(crate) fn counts(first: i64, rows: i64) -> Result<RecordBatch> {
    let indices = numbers(first, rows)?;
    let values: Int64Array = indices.unary(|index: i64| index.wrapping_mul(10));
    Ok(RecordBatch::try_new(Count::schema(), vec![Arc::new(indices), Arc::new(values)])?)
}

fn numbers(first: i64, rows: i64) -> Result<Int64Array> {
    if rows > MAX_ROWS {
        Err(RpcError::value_error(format!("{rows} rows do not fit one batch; ask for at most {MAX_ROWS}")))?;
    }
    Ok(Int64Array::from_iter_values((0..rows).map(|row| first.wrapping_add(row))))
}

/// Batches of which each carries metadata of its own.
#[derive(Serialize, Deserialize)]
pub(crate) struct Annotated {
    count: i64,
    rows: i64,
    current: i64,
}

impl Annotated {
    pub(crate) fn new(count: i64, rows: i64) -> Self {
        Self { count, rows, current: 0 }
    }
}

impl ProducerState for Annotated {
    async fn produce(&mut self, _context: &CallContext, output: &mut Output) -> Result<()> {
        if self.current >= self.count {
            return output.finish();
        }
        let values = numbers(self.current.wrapping_mul(1_000_000), self.rows)?;
        let batch = RecordBatch::try_new(Number::schema(), vec![Arc::new(values)])?;
        let metadata = Metadata::from_iter([
            ("conformance.batch_index", self.current.to_string()),
            ("conformance.batch_total", self.count.to_string()),
            ("conformance.emit_label", EMIT_LABEL.to_owned()),
        ]);
        output.emit_with_metadata(batch, metadata)?;
        self.current += 1;
        Ok(())
    }
}

/// Reports the metadata of each tick; the last batch ends the stream.
#[derive(Serialize, Deserialize)]
pub(crate) struct TickEcho {
    count: i64,
    current: i64,
}

impl TickEcho {
    pub(crate) fn new(count: i64) -> Self {
        Self { count, current: 0 }
    }
}

impl ProducerState for TickEcho {
    async fn produce(&mut self, context: &CallContext, output: &mut Output) -> Result<()> {
        let seen = context.metadata().get(TICK_KEY).map(String::from_utf8_lossy).unwrap_or_default();
        output.emit_rows([&TickSeen { index: self.current, seen: seen.into_owned() }])?;
        self.current += 1;
        if self.current >= self.count { output.finish() } else { Ok(()) }
    }
}

/// Counts with the columns that its caller asked for.
#[derive(Serialize, Deserialize)]
pub(crate) struct Dynamic {
    count: i64,
    strings: bool,
    floats: bool,
    current: i64,
}

impl Dynamic {
    pub(crate) fn new(count: i64, strings: bool, floats: bool) -> Self {
        Self { count, strings, floats, current: 0 }
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        let mut fields = vec![Field::new("index", DataType::Int64, true)];
        if self.strings {
            fields.push(Field::new("label", DataType::Utf8, true));
        }
        if self.floats {
            fields.push(Field::new("score", DataType::Float64, true));
        }
        Arc::new(Schema::new(fields))
    }
}

impl ProducerState for Dynamic {
    async fn produce(&mut self, _context: &CallContext, output: &mut Output) -> Result<()> {
        if self.current >= self.count {
            return output.finish();
        }
        let mut columns: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(vec![self.current]))];
        if self.strings {
            columns.push(Arc::new(StringArray::from(vec![format!("row-{}", self.current)])));
        }
        if self.floats {
            columns.push(Arc::new(Float64Array::from(vec![self.current as f64 * 1.5])));
        }
        output.emit(RecordBatch::try_new(output.schema().clone(), columns)?)?;
        self.current += 1;
        Ok(())
    }
}
