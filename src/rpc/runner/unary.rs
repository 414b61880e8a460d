//! One row in, one row out.

use super::{context, failed, isolated};
use crate::rpc::call::{Call, Part, Reply};
use crate::rpc::failed_call::FailedCall;
use crate::rpc::handler::UnaryFn;
use crate::rpc::params::Params;
use crate::rpc::result::result_batch;
use crate::wire::{AnnotatedBatch, Metadata};

pub(super) async fn run(mut call: Call, handler: &UnaryFn) -> Result<Reply, Box<FailedCall>> {
    let description = call.method.description.clone();
    let params = Params::check(&description, &call.input.batch, call.generation.parameter_check())?;
    let schema = description.result_schema(call.generation);
    let limit = call.limit;
    let metadata = std::mem::take(&mut call.input.metadata);
    let context = context(call, metadata);
    let _gone = context.cancel_on_drop();

    let result = isolated(&context, async { handler.run(context.clone(), params).await }).await;
    let batch =
        result.and_then(|array| result_batch(schema.schema(), array).map_err(crate::MethodError::into_rpc_error));
    match batch {
        Ok(batch) => {
            let data = Some(AnnotatedBatch { batch, metadata: Metadata::new() });
            let mut reply = Reply::complete(schema.clone(), vec![Part { logs: context.take_logs(), data }]);
            reply.headers = context.take_response_headers();
            reply.limit = limit;
            Ok(reply)
        }
        Err(error) => Err(failed(&context, Some(schema), error)),
    }
}
