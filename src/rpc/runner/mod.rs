//! One step of one method: check or open what came, run, catch a panic, seal what goes out.

mod exchange;
mod init;
mod producer;
mod turn;
mod unary;

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt as _;
use tower_service::Service;

use super::call::{Call, CallHead, Operation};
use super::context::CallContext;
use super::dispatcher::HostedMethod;
use super::erased_state::ErasedState;
use super::failed_call::FailedCall;
use super::handler::{BoxFuture, Handler};
use super::reply::{Part, Reply};
use super::token::Scope;
use crate::wire::{Metadata, WireSchema};
use crate::{BoxError, MethodError, RpcError};

/// Runs a call: what the layers of a method wrap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Runner;

impl Service<Call> for Runner {
    type Response = Reply;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Reply, BoxError>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Call) -> Self::Future {
        Box::pin(async move { run(call).await.map_err(|failed| failed as BoxError) })
    }
}

/// Runs a call.
///
/// The futures of streams, and of calls whose batch is elsewhere, are large and in boxes, so that those of small calls are
/// small.
pub(crate) async fn run(call: Call) -> Result<Reply, Box<FailedCall>> {
    match (&call.head.method.handler, call.head.operation) {
        (Handler::Unary(_), Operation::Unary) if call.head.deferred.is_some() => {
            Box::pin(unary::run_deferred(call)).await
        }
        (Handler::Unary(_), Operation::Unary) => unary::run(call).await,
        (Handler::Constant(schema, batch), Operation::Unary) => {
            let mut reply = Reply::complete(schema.clone(), vec![Part::new(batch.clone())]);
            reply.limit = call.head.limit;
            Ok(reply)
        }
        (Handler::Stream(handler), Operation::Init) => {
            let handler = handler.clone();
            Box::pin(init::run(call, handler)).await
        }
        (Handler::Stream(handler), Operation::Turn) => {
            let handler = handler.clone();
            Box::pin(turn::run(call, handler)).await
        }
        (Handler::Stream(handler), Operation::Cancel) => {
            let handler = handler.clone();
            Box::pin(turn::cancel(call, handler)).await
        }
        // The route has been checked before; a layer that changed the operation gets here.
        (_, operation) => Err(unsupported(&call.head.method, operation).into()),
    }
}

fn unsupported(method: &HostedMethod, operation: Operation) -> RpcError {
    RpcError::type_error(format!("{} does not support {operation:?}", method.full_name))
        .with_status(http::StatusCode::BAD_REQUEST)
}

/// Makes the context of a call out of its head; `metadata` is what the method sees as its tick's.
fn context(head: Box<CallHead>, metadata: Metadata) -> CallContext {
    let budget = head.parts.extensions.get::<crate::vocabulary::ResponseBudget>().copied().unwrap_or_default();
    let preferred = match (budget.preferred_response_bytes, head.limit) {
        (Some(preferred), Some(limit)) => Some(preferred.min(limit)),
        (preferred, _) => preferred,
    };
    CallContext::new(head, metadata, preferred)
}

/// For whom and what the tokens of a call are good.
fn scope(context: &CallContext) -> Scope<'_> {
    Scope {
        auth: context.auth(),
        generation: context.generation(),
        protocol: context.protocol(),
        method: &context.method().name,
    }
}

/// Runs code of the user's, when it is the call's turn if it has a session; a panic in it fails this step and nothing
/// else.
async fn isolated<T>(context: &CallContext, code: impl Future<Output = Result<T, MethodError>>) -> Result<T, RpcError> {
    let _step = match context.call_session() {
        Some(session) => Some(Box::pin(session.step()).await?),
        None => None,
    };
    match AssertUnwindSafe(code).catch_unwind().await {
        Ok(result) => result.map_err(MethodError::into_rpc_error),
        Err(panic) => Err(RpcError::from_panic(panic.as_ref(), context.protocol(), &context.method().name)),
    }
}

/// Serializes a state; a panic in that fails this step and nothing else.
fn save(context: &CallContext, state: &dyn ErasedState) -> Result<Vec<u8>, RpcError> {
    match std::panic::catch_unwind(AssertUnwindSafe(|| state.save())) {
        Ok(result) => result.map_err(MethodError::into_rpc_error),
        Err(panic) => Err(RpcError::from_panic(panic.as_ref(), context.protocol(), &context.method().name)),
    }
}

/// A failure of a method, on the schema that its answer would have had.
fn failed(context: &CallContext, schema: Option<&Arc<WireSchema>>, error: RpcError) -> Box<FailedCall> {
    Box::new(FailedCall {
        error,
        schema: schema.cloned(),
        logs: context.take_logs(),
        headers: context.take_response_headers(),
    })
}
