//! [`Reply`]: what a call is answered with, as call layers see it.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use super::failed_call::FailedCall;
use super::handler::BoxFuture;
use super::log::LogMessage;
use super::mapped_steps::{MapParts, MapSteps};
use crate::delivery::{Delivery, Guards};
use crate::wire::{AnnotatedBatch, Metadata, WireSchema};
use crate::{BoxError, RpcError};

/// One step of an answer: log messages, then at most one batch. This is final wire content: the cursor of an
/// exchange is in the batch's metadata already.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Part {
    /// Messages of the method.
    pub logs: Vec<LogMessage>,
    /// The batch, if the step gave one.
    pub data: Option<AnnotatedBatch>,
}

impl Part {
    /// A part of one batch.
    pub fn new(data: AnnotatedBatch) -> Self {
        Self { logs: Vec::new(), data: Some(data) }
    }
}

/// Where a part stands in an answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PartPlace {
    /// The schema that it is encoded on.
    pub schema: Arc<WireSchema>,
    /// Whether it is the header of a stream, and no result or turn.
    pub is_header: bool,
}

/// One step of a producer.
#[derive(Debug)]
#[non_exhaustive]
pub struct Step {
    /// What it emitted.
    pub part: Part,
    /// Whether nothing follows.
    pub finished: bool,
}

/// A source of steps that the encoder pulls from with the room that is left.
pub(crate) trait Steps: Send {
    /// Runs the next step.
    fn next(&mut self) -> BoxFuture<'_, Result<Step, RpcError>>;

    /// The state as it is now, to be sealed later if the encoder has to go back here.
    fn checkpoint(&mut self) -> Result<Vec<u8>, RpcError>;

    /// Seals a checkpoint: the metadata with which a caller goes on from there. With the call token, if it is asked
    /// for and this response opens the stream.
    fn seal(&mut self, checkpoint: Vec<u8>, with_call_token: bool) -> Result<Metadata, RpcError>;

    /// The response fails, and nothing that was sealed for it arrives: a caller who has nothing else to go on with will
    /// not come back.
    fn take_back(&mut self);

    /// Whether a caller can go on from any checkpoint, and not only from where its response ends.
    fn is_resumable(&mut self) -> bool;

    /// How many bytes the tokens of a checkpoint of that size have at most.
    fn sealed_size(&self, checkpoint: usize) -> usize;

    /// What a step that failed had logged.
    fn take_logs(&mut self) -> Vec<LogMessage>;

    /// Headers that the steps so far have set.
    fn take_response_headers(&mut self) -> http::HeaderMap;
}

/// The answer of a call.
pub struct Reply {
    pub(crate) schema: Arc<WireSchema>,
    pub(crate) header: Option<(Arc<WireSchema>, Part)>,
    pub(crate) body: ReplyBody,
    pub(crate) headers: http::HeaderMap,
    pub(crate) limit: Option<u64>,
    guards: Guards,
}

pub(crate) enum ReplyBody {
    /// Everything is there.
    Complete { parts: Vec<Part>, sentinel: Option<Metadata> },
    /// A producer, which the encoder drives.
    Producer(Box<dyn Steps>),
}

impl Reply {
    pub(crate) fn new(schema: Arc<WireSchema>, body: ReplyBody) -> Self {
        Self { schema, header: None, body, headers: http::HeaderMap::new(), limit: None, guards: Guards::new() }
    }

    pub(crate) fn complete(schema: Arc<WireSchema>, parts: Vec<Part>) -> Self {
        Self::new(schema, ReplyBody::Complete { parts, sentinel: None })
    }

    /// The schema of the answer's batches.
    pub fn schema(&self) -> &Arc<WireSchema> {
        &self.schema
    }

    /// The parts that are there already: all of them, unless it is the answer of a producer.
    pub fn parts(&self) -> &[Part] {
        match &self.body {
            ReplyBody::Complete { parts, .. } => parts,
            ReplyBody::Producer(_) => &[],
        }
    }

    /// The header of the stream, where there is one.
    pub fn header(&self) -> Option<&Part> {
        self.header.as_ref().map(|(_, part)| part)
    }

    /// Whether a producer has parts yet to make.
    pub fn has_steps(&self) -> bool {
        matches!(self.body, ReplyBody::Producer(_))
    }

    /// Headers that the response will carry.
    pub fn headers_mut(&mut self) -> &mut http::HeaderMap {
        &mut self.headers
    }

    /// Keeps something alive until the response's body has ended or was dropped: a permit, a lock.
    pub fn hold(&mut self, guard: impl Any + Send) {
        self.guards.hold(guard);
    }

    /// Tells whether what is made of this answer is taken, by the connection or by a layer that gathers it first. Where an
    /// error takes its place after all, it is not.
    pub fn on_delivery(&mut self, delivery: impl Delivery) {
        self.guards.add(delivery);
    }

    pub(crate) fn take_guards(&mut self) -> Guards {
        std::mem::take(&mut self.guards)
    }

    /// Passes every part through a function before it is encoded: the header, the parts that are there, and those that
    /// a producer has yet to make.
    ///
    /// # Errors
    ///
    /// Those of the function, for the parts that are there; an error for a later part ends the stream.
    pub async fn map_parts<F>(mut self, map: F) -> Result<Self, BoxError>
    where
        F: Fn(Part, PartPlace) -> BoxFuture<'static, Result<Part, RpcError>> + Send + Sync + 'static,
    {
        if let Some((schema, part)) = self.header.take() {
            let place = PartPlace { schema: schema.clone(), is_header: true };
            let part = self.map_part(&map, part, place).await?;
            self.header = Some((schema, part));
        }
        let place = PartPlace { schema: self.schema.clone(), is_header: false };
        let body = std::mem::replace(&mut self.body, ReplyBody::Complete { parts: Vec::new(), sentinel: None });
        self.body = match body {
            ReplyBody::Complete { parts, sentinel } => {
                let mut mapped = Vec::with_capacity(parts.len());
                for part in parts {
                    mapped.push(self.map_part(&map, part, place.clone()).await?);
                }
                ReplyBody::Complete { parts: mapped, sentinel }
            }
            ReplyBody::Producer(steps) => ReplyBody::Producer(Box::new(MapParts::new(steps, place, map))),
        };
        Ok(self)
    }

    /// Passes the work of every step that a producer has yet to do through a function: to limit its time, to trace it.
    /// An error ends the stream. A reply that is complete has no such steps.
    ///
    /// The first step of a response is done within the call already, so that its work is over at once.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_vgi::RpcError;
    /// use tower_vgi::rpc::Reply;
    ///
    /// fn hurry(reply: Reply) -> Reply {
    ///     reply.map_steps(|step| {
    ///         Box::pin(async {
    ///             let step = tokio::time::timeout(Duration::from_secs(5), step).await;
    ///             step.unwrap_or_else(|_| Err(RpcError::new("TimeoutError", "too slow")))
    ///         })
    ///     })
    /// }
    /// # let _ = hurry;
    /// ```
    #[must_use]
    pub fn map_steps<F>(mut self, map: F) -> Self
    where
        F: for<'a> Fn(BoxFuture<'a, Result<Step, RpcError>>) -> BoxFuture<'a, Result<Step, RpcError>> + Send + 'static,
    {
        self.body = match self.body {
            ReplyBody::Producer(steps) => ReplyBody::Producer(Box::new(MapSteps::new(steps, map))),
            complete @ ReplyBody::Complete { .. } => complete,
        };
        self
    }

    /// An error keeps what the call has said so far: its logs, its headers, and the schema of its answer.
    async fn map_part<F>(&mut self, map: &F, part: Part, place: PartPlace) -> Result<Part, BoxError>
    where
        F: Fn(Part, PartPlace) -> BoxFuture<'static, Result<Part, RpcError>>,
    {
        let logs = part.logs.clone();
        map(part, place).await.map_err(|error| {
            let headers = std::mem::take(&mut self.headers);
            FailedCall { error, schema: Some(self.schema.clone()), logs, headers }.into()
        })
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Reply").field("schema", self.schema.schema()).finish_non_exhaustive()
    }
}
