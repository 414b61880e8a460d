//! Requests whose batch is a pointer.

use tower_vgi::external::Fetcher;
use tower_vgi::rpc::{Call, MethodKind, Operation};
use tower_vgi::wire::{AnnotatedBatch, BatchKind, keys};
use tower_vgi::{CallRecord, Reference, RequestMemory, RpcError};

/// Has what a request points to fetched once it is needed.
pub(super) fn defer(fetcher: &Fetcher, call: &mut Call) {
    if !takes_a_batch(call) || !matches!(call.input.kind(), BatchKind::Pointer { .. }) {
        return;
    }
    let fetching = Fetching {
        fetcher: fetcher.clone(),
        memory: call.extensions().get().cloned(),
        record: call.extensions().get().cloned(),
        is_turn: call.operation() == Operation::Turn,
    };
    call.defer_input(|pointer| fetching.run(pointer));
}

/// Whether a call has a batch of the caller's: the turn of a producer, and a cancel, have metadata alone.
fn takes_a_batch(call: &Call) -> bool {
    match call.operation() {
        Operation::Unary | Operation::Init => true,
        Operation::Turn => call.method().kind == MethodKind::Exchange,
        Operation::Cancel => false,
    }
}

/// What is needed to fetch without the call.
struct Fetching {
    fetcher: Fetcher,
    memory: Option<RequestMemory>,
    record: Option<CallRecord>,
    is_turn: bool,
}

impl Fetching {
    /// What the pointer stands for.
    async fn run(self, pointer: AnnotatedBatch) -> Result<AnnotatedBatch, RpcError> {
        let Some(reference) = Reference::of(&pointer)? else { return Ok(pointer) };
        let resolved = self.fetcher.resolve(&reference, &pointer.batch.schema(), self.memory).await?;
        if let Some(record) = &self.record {
            record.update(|recorded| recorded.externalized_input_bytes += resolved.bytes);
        }
        let fetched = resolved.batch;
        if self.is_turn {
            // What a turn's batch says belongs to it, wherever it came from.
            return Ok(fetched);
        }
        // What a request says of its call stands on the request, the rest is where it came from.
        let mut metadata = pointer.metadata;
        metadata.remove(keys::LOCATION);
        metadata.remove(keys::LOCATION_SHA256);
        for key in [keys::LOCATION_FETCH_MS, keys::LOCATION_SOURCE] {
            if let Some(value) = fetched.metadata.get(key) {
                metadata.insert(key, value);
            }
        }
        Ok(AnnotatedBatch::new(fetched.batch, metadata))
    }
}
