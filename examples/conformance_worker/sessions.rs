//! The counter that callers keep in a session, and the streams that use it.

use arrow_array::types::Int64Type;
use serde::{Deserialize, Serialize};
use tower_vgi::rpc::{CallContext, ExchangeState, Output, ProducerState};
use tower_vgi::wire::AnnotatedBatch;
use tower_vgi::{Result, RpcError};

use crate::exchanges::first_column;
use crate::rows::Number;

/// What a session keeps.
pub(crate) struct Counter(pub(crate) i64);

impl Counter {
    /// Adds to the counter of the call's session; gives what it is then.
    pub(crate) fn add(ctx: &CallContext, by: i64) -> Result<i64> {
        let no_counter = |_| RpcError::runtime_error("no sticky counter bound to this request");
        let mut counter = ctx.session::<Self>().map_err(no_counter)?;
        counter.0 += by;
        Ok(counter.0)
    }
}

/// Counts in the caller's session.
#[derive(Serialize, Deserialize)]
pub(crate) struct SessionCount {
    left: i64,
}

impl SessionCount {
    pub(crate) fn to(count: i64) -> Self {
        Self { left: count }
    }
}

impl ProducerState for SessionCount {
    async fn produce(&mut self, ctx: &CallContext, output: &mut Output) -> Result<()> {
        if self.left <= 0 {
            return output.finish();
        }
        self.left -= 1;
        output.emit_rows([&Number { value: Counter::add(ctx, 1)? }])
    }
}

/// Adds to the counter in the caller's session.
#[derive(Serialize, Deserialize)]
pub(crate) struct SessionAdd;

impl ExchangeState for SessionAdd {
    async fn exchange(&mut self, ctx: &CallContext, input: AnnotatedBatch, output: &mut Output) -> Result<()> {
        let by = first_column::<Int64Type>(&input)?;
        let by = by.iter().flatten().sum();
        output.emit_rows([&Number { value: Counter::add(ctx, by)? }])
    }
}
