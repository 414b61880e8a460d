//! Requests whose batch is a pointer.

use tower_vgi::external::Fetcher;
use tower_vgi::rpc::{Call, MethodKind, Operation};
use tower_vgi::wire::keys;
use tower_vgi::{CallRecord, Reference, RequestMemory, RpcError};

/// Whether a call has a batch of the caller's: the turn of a producer, and a cancel, have metadata alone.
pub(super) fn takes_a_batch(call: &Call) -> bool {
    match call.operation() {
        Operation::Unary | Operation::Init => true,
        Operation::Turn => call.method().kind == MethodKind::Exchange,
        Operation::Cancel => false,
    }
}

/// Puts in place of the pointer what it stands for.
pub(super) async fn fetch(fetcher: Fetcher, reference: Reference, mut call: Call) -> Result<Call, RpcError> {
    let memory = call.extensions().get::<RequestMemory>().cloned();
    let schema = call.input.batch.schema();
    let resolved = fetcher.resolve(&reference, &schema, memory).await?;
    CallRecord::update_in(call.extensions(), |recorded| recorded.externalized_input_bytes += resolved.bytes);
    let fetched = resolved.batch;
    call.input.batch = fetched.batch;
    match call.operation() {
        // What a turn's batch says belongs to it, wherever it came from.
        Operation::Turn => call.input.metadata = fetched.metadata,
        // What a request says of its call stands on the request, the rest is where it came from.
        _ => {
            let metadata = &mut call.input.metadata;
            metadata.remove(keys::LOCATION);
            metadata.remove(keys::LOCATION_SHA256);
            for key in [keys::LOCATION_FETCH_MS, keys::LOCATION_SOURCE] {
                if let Some(value) = fetched.metadata.get(key) {
                    metadata.insert(key, value);
                }
            }
        }
    }
    Ok(call)
}
