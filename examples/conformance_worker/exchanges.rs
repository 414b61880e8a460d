//! The states of the exchanges.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Float64Type};
use arrow_array::{Float64Array, PrimitiveArray, RecordBatch};
use serde::{Deserialize, Serialize};
use tower_vgi::rpc::{CallContext, ExchangeState, LogLevel, Output};
use tower_vgi::wire::AnnotatedBatch;
use tower_vgi::{Result, RpcError};

use crate::probe;
use crate::producers::{cancelled, counts};
use crate::rows::{Accumulated, InputSeen};

/// What callers put on an input to see it come back.
const INPUT_KEY: &str = "vgi.conformance.input";

/// The first column of an input.
pub(crate) fn first_column<T: ArrowPrimitiveType>(input: &AnnotatedBatch) -> Result<&PrimitiveArray<T>> {
    let column = input.batch.columns().first().and_then(|column| column.as_primitive_opt::<T>());
    Ok(column.ok_or_else(|| RpcError::type_error(format!("the input needs one column of {}", T::DATA_TYPE)))?)
}

/// Multiplies each value; nulls stay.
#[derive(Serialize, Deserialize)]
pub(crate) struct Scale {
    pub(crate) factor: f64,
}

impl ExchangeState for Scale {
    async fn exchange(&mut self, _: &CallContext, input: AnnotatedBatch, output: &mut Output) -> Result<()> {
        let scaled: Float64Array = first_column::<Float64Type>(&input)?.unary(|value| value * self.factor);
        output.emit(RecordBatch::try_new(output.schema().clone(), vec![Arc::new(scaled)])?)
    }
}

/// Adds up all values of all inputs.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Accumulate {
    running_sum: f64,
    exchange_count: i64,
}

impl ExchangeState for Accumulate {
    async fn exchange(&mut self, _: &CallContext, input: AnnotatedBatch, output: &mut Output) -> Result<()> {
        self.running_sum += first_column::<Float64Type>(&input)?.iter().flatten().sum::<f64>();
        self.exchange_count += 1;
        output.emit_rows([&Accumulated { running_sum: self.running_sum, exchange_count: self.exchange_count }])
    }
}

/// Answers each input with itself, after two messages.
#[derive(Serialize, Deserialize)]
pub(crate) struct EchoAloud;

impl ExchangeState for EchoAloud {
    async fn exchange(&mut self, context: &CallContext, input: AnnotatedBatch, output: &mut Output) -> Result<()> {
        context.log(LogLevel::Info, "exchange processing");
        context.log(LogLevel::Debug, "exchange debug");
        output.emit(input.batch)
    }
}

/// Reports the metadata of each input: the value of one key, and which keys there are.
#[derive(Serialize, Deserialize)]
pub(crate) struct MetadataEcho;

impl ExchangeState for MetadataEcho {
    async fn exchange(&mut self, _: &CallContext, input: AnnotatedBatch, output: &mut Output) -> Result<()> {
        let seen = input.metadata.get(INPUT_KEY).map(String::from_utf8_lossy).unwrap_or_default();
        let mut keys: Vec<_> = input.metadata.iter().map(|(key, _)| String::from_utf8_lossy(key)).collect();
        keys.sort_unstable();
        output.emit_rows([&InputSeen { seen: seen.into_owned(), keys: keys.join(",") }])
    }
}

/// Answers without a column.
#[derive(Serialize, Deserialize)]
pub(crate) struct NoColumns;

impl ExchangeState for NoColumns {
    async fn exchange(&mut self, _: &CallContext, _: AnnotatedBatch, output: &mut Output) -> Result<()> {
        output.emit(RecordBatch::new_empty(output.schema().clone()))
    }
}

/// Answers each input with itself, until one too many.
#[derive(Serialize, Deserialize)]
pub(crate) struct EchoAndFail {
    fail_on: i64,
    exchange_count: i64,
}

impl EchoAndFail {
    pub(crate) fn on(fail_on: i64) -> Self {
        Self { fail_on, exchange_count: 0 }
    }
}

impl ExchangeState for EchoAndFail {
    async fn exchange(&mut self, _: &CallContext, input: AnnotatedBatch, output: &mut Output) -> Result<()> {
        self.exchange_count += 1;
        if self.exchange_count >= self.fail_on {
            let message = format!("intentional error on exchange {}", self.exchange_count);
            return Err(RpcError::runtime_error(message))?;
        }
        output.emit(input.batch)
    }
}

/// Answers with many rows whatever comes in.
#[derive(Serialize, Deserialize)]
pub(crate) struct Oversized {
    pub(crate) rows: i64,
}

impl ExchangeState for Oversized {
    async fn exchange(&mut self, _: &CallContext, _: AnnotatedBatch, output: &mut Output) -> Result<()> {
        output.emit(counts(0, self.rows)?)
    }
}

/// Answers each input with itself, and tells the probe of it.
#[derive(Serialize, Deserialize)]
pub(crate) struct ObservedEcho;

impl ExchangeState for ObservedEcho {
    async fn exchange(&mut self, context: &CallContext, input: AnnotatedBatch, output: &mut Output) -> Result<()> {
        probe::update(context, |counts| counts.exchange_calls += 1).await?;
        output.emit(input.batch)
    }

    async fn cancel(&mut self, context: &CallContext) {
        cancelled(context).await;
    }
}
