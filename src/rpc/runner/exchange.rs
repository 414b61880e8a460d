//! One turn of an exchange: the caller's batch in, exactly one batch out, the new cursor on it.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::SchemaRef;

use super::{isolated, save, scope};
use crate::RpcError;
use crate::rpc::cast::cast_lossless;
use crate::rpc::context::CallContext;
use crate::rpc::dispatcher::Runtime;
use crate::rpc::erased_state::{ErasedState, OpenStream};
use crate::rpc::method::MethodDescription;
use crate::rpc::reply::Part;
use crate::rpc::stream::Output;
use crate::rpc::token::{self, CallPart, OpenCall};
use crate::wire::{AnnotatedBatch, Metadata, WireSchema, keys};

/// The schemas of one stream: the method's own, or those that the call brought.
pub(super) struct Schemas {
    pub(super) output: Arc<WireSchema>,
    pub(super) input: Option<Arc<WireSchema>>,
}

impl Schemas {
    pub(super) fn of_open(description: &MethodDescription, opened: &OpenStream) -> Result<Self, RpcError> {
        let output = opened.output.clone().or_else(|| description.wire.output.clone()).ok_or_else(|| {
            RpcError::runtime_error(format!(
                "{}() declares no output schema, so the method has to give one (`with_schema`)",
                description.name
            ))
        })?;
        Ok(Self { output, input: opened.input.clone().or_else(|| description.wire.input.clone()) })
    }

    pub(super) fn of_call(description: &MethodDescription, call: &CallPart) -> Result<Self, RpcError> {
        let parse = |own: &Option<Vec<u8>>, declared: &Option<Arc<WireSchema>>| match own {
            Some(message) => WireSchema::from_message(message).map(Some).map_err(|_| token::malformed_state()),
            None => Ok(declared.clone()),
        };
        let output = parse(&call.output, &description.wire.output)?.ok_or_else(token::malformed_state)?;
        Ok(Self { output, input: parse(&call.input, &description.wire.input)? })
    }
}

pub(super) async fn turn(
    context: &CallContext,
    mut state: Box<dyn ErasedState>,
    input: AnnotatedBatch,
    schemas: &Schemas,
    open: &OpenCall,
    runtime: &Runtime,
) -> Result<Part, RpcError> {
    let batch = match &schemas.input {
        Some(schema) => fit_input(schema.schema(), input.batch)?,
        None => input.batch,
    };
    let input = AnnotatedBatch { batch, metadata: input.metadata };
    let mut output = Output::new(schemas.output.schema().clone(), false);
    isolated(context, async { state.step(context, Some(input), &mut output).await }).await?;
    let (data, _) = output.into_parts();
    let mut data = data.ok_or_else(|| {
        RpcError::runtime_error(format!(
            "{}/{}: a turn of an exchange has to emit exactly one batch; this one emitted none",
            context.protocol(),
            context.method().name
        ))
    })?;
    let state = save(context, state.as_ref())?;
    data.metadata.insert(keys::STREAM_STATE, runtime.tokens.seal_cursor(open, state, &scope(context))?);
    Ok(Part { logs: context.take_logs(), data: Some(data) })
}

/// Takes the protocol's own keys off what the caller sent.
pub(super) fn strip_tokens(metadata: &mut Metadata) {
    for key in [keys::STREAM_STATE, keys::CALL_STATE, keys::CANCEL] {
        metadata.remove(key);
    }
}

/// The caller's batch on the declared schema: the same fields in any order, converted where nothing is lost.
fn fit_input(schema: &SchemaRef, batch: RecordBatch) -> Result<RecordBatch, RpcError> {
    let sent = batch.schema_ref();
    if Arc::ptr_eq(sent, schema) {
        return Ok(batch);
    }
    let mismatch = || {
        let describe = |schema: &SchemaRef| {
            let fields = schema.fields().iter().map(|field| format!("{}: {}", field.name(), field.data_type()));
            fields.collect::<Vec<_>>().join(", ")
        };
        RpcError::type_error(format!(
            "Input schema mismatch: expected {}, got {}",
            describe(schema),
            describe(batch.schema_ref())
        ))
    };
    if sent.fields().len() != schema.fields().len() {
        return Err(mismatch());
    }
    let mut columns = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let column = batch.column_by_name(field.name()).ok_or_else(mismatch)?;
        columns.push(cast_lossless(column, field.data_type()).ok_or_else(mismatch)?);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options)
        .map_err(|error| RpcError::type_error(format!("Input schema mismatch: {error}")))
}
