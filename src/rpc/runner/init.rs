//! Opening a stream.

use std::sync::Arc;

use super::exchange::Schemas;
use super::producer::ProducerSteps;
use super::{context, failed, isolated, save, scope};
use crate::rpc::call::Call;
use crate::rpc::context::CallContext;
use crate::rpc::erased_state::OpenStream;
use crate::rpc::failed_call::FailedCall;
use crate::rpc::handler::StreamFn;
use crate::rpc::identity::random_bytes;
use crate::rpc::method::{MethodDescription, MethodKind};
use crate::rpc::params::Params;
use crate::rpc::reply::{Part, Reply, ReplyBody};
use crate::rpc::token::{CallPart, OpenCall};
use crate::wire::{AnnotatedBatch, Metadata, WireSchema, keys};
use crate::{CallRecord, RpcError};

pub(super) async fn run(mut call: Call, handler: StreamFn) -> Result<Reply, Box<FailedCall>> {
    call.resolve_input().await?;
    let Call { head, input } = call;
    let method = head.method.clone();
    let description = &method.description;
    let call_id = random_bytes();
    CallRecord::update_in(&head.parts.extensions, |call| call.stream_id = Some(call_id));
    let params = Params::check(description, &input.batch, head.generation.parameter_check())?;
    let limit = head.limit;
    let sealed_limit = limit.filter(|_| head.generation.reads_budget_header());
    let context = context(head, input.metadata);
    let gone = context.cancel_on_drop();

    let opened = isolated(&context, async { handler.open(context.clone(), params).await }).await;
    let opened = opened.map_err(|error| failed(&context, None, error))?;
    let schemas = Schemas::of_open(description, &opened).map_err(|error| failed(&context, None, error))?;
    let open = OpenCall {
        call_id,
        call: CallPart {
            limit: sealed_limit,
            output: own_schema(&schemas.output, description.wire.output.as_ref()),
            input: schemas.input.as_ref().and_then(|input| own_schema(input, description.wire.input.as_ref())),
        },
        echoed: false,
    };
    let header = header_part(description, &opened, &context).map_err(|error| failed(&context, None, error))?;
    let output = schemas.output.clone();

    let mut reply = match description.kind {
        MethodKind::Exchange => {
            let runtime = &method.runtime;
            let sentinel = save(&context, opened.state.as_ref()).and_then(|state| {
                let mut metadata = Metadata::new();
                metadata.insert(keys::STREAM_STATE, runtime.tokens.seal_cursor(&open, state, &scope(&context))?);
                metadata.insert(keys::CALL_STATE, runtime.tokens.seal_call(&open, &scope(&context))?);
                Ok(metadata)
            });
            let sentinel = sentinel.map_err(|error| failed(&context, None, error))?;
            let logs = Part { logs: context.take_logs(), data: None };
            let body = ReplyBody::Complete { parts: vec![logs], sentinel: Some(sentinel) };
            let mut reply = Reply::new(output, body);
            reply.headers = context.take_response_headers();
            reply
        }
        MethodKind::Unary | MethodKind::Producer => {
            let mut steps =
                ProducerSteps::new(opened.state, context, gone, method.runtime.clone(), open, &schemas, true);
            steps.begin().await;
            Reply::new(output, ReplyBody::Producer(Box::new(steps)))
        }
    };
    reply.header = header;
    reply.limit = limit;
    Ok(reply)
}

/// The schema's message, unless every worker knows it from the method's declaration.
fn own_schema(schema: &Arc<WireSchema>, declared: Option<&Arc<WireSchema>>) -> Option<Vec<u8>> {
    let same = declared.is_some_and(|declared| declared.message() == schema.message());
    (!same).then(|| schema.message().to_vec())
}

/// The header stream's part, with everything that was logged until now.
fn header_part(
    description: &MethodDescription,
    opened: &OpenStream,
    context: &CallContext,
) -> Result<Option<(Arc<WireSchema>, Part)>, RpcError> {
    let Some(schema) = &description.wire.header else { return Ok(None) };
    let batch = opened
        .header
        .clone()
        .ok_or_else(|| RpcError::runtime_error(format!("{}() declares a header and gave none", description.name)))?;
    let data = Some(AnnotatedBatch { batch, metadata: Metadata::new() });
    Ok(Some((schema.clone(), Part { logs: context.take_logs(), data })))
}
