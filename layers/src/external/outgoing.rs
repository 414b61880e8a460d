//! Answers whose batches are large.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tower_vgi::external::{ObjectId, Storage, batch_size};
use tower_vgi::rpc::{Call, MethodName, Operation, Part, PartEncoder, PartPlace, Reply};
use tower_vgi::{BoxError, CallRecord, Delivery, ErrorCode, RpcError};

use super::layer::Settings;

/// What is needed to send an answer by reference.
pub(super) struct Outgoing<T>(Option<Arc<Answer<T>>>);

struct Answer<T> {
    settings: Arc<Settings<T>>,
    encoder: PartEncoder,
    name: MethodName,
    operation: Operation,
    record: Option<CallRecord>,
    put: Mutex<Put>,
}

/// What has been put for this response.
#[derive(Default)]
struct Put {
    bytes: u64,
    /// Objects of which nobody may have heard.
    untold: Vec<ObjectId>,
}

impl<T: Storage> Outgoing<T> {
    pub(super) fn new(settings: &Arc<Settings<T>>, call: &Call) -> Self {
        if call.describes_server() || call.operation() == Operation::Cancel {
            return Self(None);
        }
        Self(Some(Arc::new(Answer {
            settings: settings.clone(),
            encoder: call.part_encoder(),
            name: call.method_name(),
            operation: call.operation(),
            record: call.extensions().get().cloned(),
            put: Mutex::default(),
        })))
    }

    /// Looks whether anything in an answer is, or may become, large.
    pub(super) fn apply(self, mut reply: Reply) -> Applied {
        let Some(answer) = self.0 else { return Applied::Unchanged(reply) };
        let mut there = reply.header().into_iter().chain(reply.parts());
        if !reply.has_steps() && !there.any(|part| answer.settings.is_large(part)) {
            return Applied::Unchanged(reply);
        }
        Applied::Putting(Box::pin(async move {
            reply.on_delivery(Untold(answer.clone()));
            reply
                .map_parts(move |part, place| {
                    let answer = answer.clone();
                    Box::pin(async move { answer.send(part, place).await })
                })
                .await
        }))
    }
}

/// An answer as it was, or the work that makes another of it. It is taken apart at once, and the first is the rule.
#[allow(clippy::large_enum_variant)]
pub(super) enum Applied {
    Unchanged(Reply),
    Putting(Pin<Box<dyn Future<Output = Result<Reply, BoxError>> + Send>>),
}

impl<T> Settings<T> {
    fn is_large(&self, part: &Part) -> bool {
        // A batch without rows is shorter than a pointer to it, if it is none itself.
        part.data.as_ref().is_some_and(|data| data.batch.num_rows() > 0 && batch_size(&data.batch) >= self.threshold)
    }
}

impl<T: Storage> Answer<T> {
    /// The part, or one with a pointer in place of what was put.
    async fn send(&self, mut part: Part, place: PartPlace) -> Result<Part, RpcError> {
        if !self.settings.is_large(&part) {
            return Ok(part);
        }
        // What a turn logs goes with it; before a result or a header logs are sent as ever.
        let is_turn = self.operation != Operation::Unary && !place.is_header;
        let logs = if is_turn { Vec::new() } else { std::mem::take(&mut part.logs) };
        let frames = self.encoder.encode(&part, &place)?;
        drop(part);
        self.admit(frames.len() as u64)?;
        let published = self.settings.publisher.publish_stream(ObjectId::random()?, frames).await?;
        self.lock().untold.push(published.id);
        if let Some(record) = &self.record {
            record.update(|call| call.externalized_output_bytes += published.bytes);
        }
        let mut sent = Part::new(published.reference.pointer(place.schema.schema().clone()));
        sent.logs = logs;
        Ok(sent)
    }

    /// Counts what is about to be put.
    fn admit(&self, bytes: u64) -> Result<(), RpcError> {
        let mut put = self.lock();
        let total = put.bytes.saturating_add(bytes);
        if let Some(max) = self.settings.max_response_bytes.filter(|max| total > *max) {
            return Err(RpcError::new(
                "ResponseTooLargeError",
                format!(
                    "Externalised payload exceeds max_externalized_response_bytes ({total} > {max}) for method '{}'",
                    self.name.method()
                ),
            )
            .with_code(ErrorCode::ResourceExhausted));
        }
        put.bytes = total;
        Ok(())
    }
}

impl<T> Answer<T> {
    /// A panic while it is held leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, Put> {
        self.put.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes the objects of which nobody hears.
struct Untold<T: Storage>(Arc<Answer<T>>);

impl<T: Storage> Delivery for Untold<T> {
    fn delivered(&mut self) {
        self.0.lock().untold.clear();
    }
}

impl<T: Storage> Drop for Untold<T> {
    fn drop(&mut self) {
        let untold = std::mem::take(&mut self.0.lock().untold);
        if !untold.is_empty() {
            self.0.settings.publisher.remove_later(untold);
        }
    }
}
