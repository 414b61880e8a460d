//! The next turn of a stream, and its early end.

use std::panic::AssertUnwindSafe;

use super::exchange::{self, Schemas};
use super::producer::ProducerSteps;
use super::{context, failed, isolated, scope};
use crate::call_record::RefusedToken;
use crate::rpc::budget;
use crate::rpc::call::{Call, SentTokens, bring_input};
use crate::rpc::context::CallContext;
use crate::rpc::erased_state::ErasedState;
use crate::rpc::failed_call::FailedCall;
use crate::rpc::handler::StreamFn;
use crate::rpc::method::MethodKind;
use crate::rpc::reply::{Reply, ReplyBody};
use crate::rpc::token::{self, OpenCall, Tokens};
use crate::wire::Metadata;
use crate::{CallRecord, RpcError};

pub(super) async fn run(call: Call, handler: StreamFn) -> Result<Reply, Box<FailedCall>> {
    let Call { mut head, mut input } = call;
    let method = head.method.clone();
    let sent = std::mem::take(&mut head.tokens);
    let deferred = head.deferred.take();
    let requested = head.limit;
    let generation = head.generation;
    let tick = match method.description.kind {
        MethodKind::Exchange => {
            exchange::strip_tokens(&mut input.metadata);
            input.metadata.clone()
        }
        _ => generation.continuation_tick(std::mem::take(&mut input.metadata)),
    };
    let context = context(head, tick);
    let gone = context.cancel_on_drop();
    let (open, state) = open(&method.runtime.tokens, &context, &sent, &handler)?;
    let schemas = Schemas::of_call(&method.description, &open.call)?;
    // Of a caller whose tokens are none, nothing is brought.
    let context = match deferred {
        None => context,
        Some(bring) => {
            bring_input(bring, &mut input).await?;
            exchange::strip_tokens(&mut input.metadata);
            context.with_metadata(input.metadata.clone())
        }
    };
    // What was agreed when the stream was opened can only become tighter.
    let limit = budget::tightest(open.call.limit, requested);

    let mut reply = match method.description.kind {
        MethodKind::Exchange => {
            let turn = exchange::turn(&context, state, input, &schemas, &open, &method.runtime).await;
            let part = turn.map_err(|error| failed(&context, Some(&schemas.output), error))?;
            let mut reply = Reply::complete(schemas.output.clone(), vec![part]);
            reply.headers = context.take_response_headers();
            reply
        }
        MethodKind::Unary | MethodKind::Producer => {
            let output = schemas.output.clone();
            let mut steps = ProducerSteps::new(state, context, gone, method.runtime.clone(), open, &schemas, false);
            steps.begin().await;
            Reply::new(output, ReplyBody::Producer(Box::new(steps)))
        }
    };
    reply.limit = limit;
    Ok(reply)
}

/// Tells the state that its caller gives up; an error of the hook helps nobody and is dropped.
pub(super) async fn cancel(call: Call, handler: StreamFn) -> Result<Reply, Box<FailedCall>> {
    let mut head = call.head;
    let method = head.method.clone();
    let sent = std::mem::take(&mut head.tokens);
    let context = context(head, Metadata::new());
    let (open, mut state) = open(&method.runtime.tokens, &context, &sent, &handler)?;
    let schemas = Schemas::of_call(&method.description, &open.call)?;
    CallRecord::update_in(context.extensions(), |call| call.cancelled = true);
    let _ = isolated(&context, async {
        state.cancel(&context).await;
        Ok(())
    })
    .await;
    Ok(Reply::complete(schemas.output, Vec::new()))
}

fn open(
    tokens: &Tokens,
    context: &CallContext,
    sent: &SentTokens,
    handler: &StreamFn,
) -> Result<(OpenCall, Box<dyn ErasedState>), Box<FailedCall>> {
    let refused = |error: RpcError| {
        CallRecord::update_in(context.extensions(), |call| call.refused_token = Some(RefusedToken::Stream));
        error
    };
    let opened = tokens.open(sent.cursor.as_deref(), sent.call.as_deref(), &scope(context));
    let (open, bytes) = opened.map_err(refused)?;
    // Bytes that another build of this server sealed may be anything to this one.
    let restored = std::panic::catch_unwind(AssertUnwindSafe(|| handler.restore(&bytes)));
    let state = restored.ok().flatten().ok_or_else(|| refused(token::malformed_state()))?;
    CallRecord::update_in(context.extensions(), |call| call.stream_id = Some(open.call_id));
    Ok((open, state))
}
