//! One row in, one row out.

use super::{context, failed, isolated, unsupported};
use crate::rpc::call::{Call, Operation};
use crate::rpc::failed_call::FailedCall;
use crate::rpc::handler::Handler;
use crate::rpc::params::Params;
use crate::rpc::reply::{Part, Reply};
use crate::rpc::result::result_batch;

/// Runs a call whose batch has to be brought first.
pub(super) async fn run_deferred(mut call: Call) -> Result<Reply, Box<FailedCall>> {
    call.resolve_input().await?;
    run(call).await
}

pub(super) async fn run(call: Call) -> Result<Reply, Box<FailedCall>> {
    let Call { head, input } = call;
    let limit = head.limit;
    let params = Params::check(&head.method.description, &input.batch, head.generation.parameter_check())?;
    drop(input.batch);
    let context = context(head, input.metadata);
    let method = context.hosted();
    let Handler::Unary(handler) = &method.handler else {
        return Err(unsupported(method, Operation::Unary).into());
    };
    let schema = method.description.result_schema(context.generation());
    let _gone = context.cancel_on_drop();

    let result = isolated(&context, async { handler.run(context.clone(), params).await }).await;
    let batch =
        result.and_then(|answer| result_batch(schema.schema(), answer).map_err(crate::MethodError::into_rpc_error));
    match batch {
        Ok(data) => {
            let mut reply = Reply::complete(schema.clone(), vec![Part { logs: context.take_logs(), data: Some(data) }]);
            reply.headers = context.take_response_headers();
            reply.limit = limit;
            Ok(reply)
        }
        Err(error) => Err(failed(&context, Some(schema), error)),
    }
}
