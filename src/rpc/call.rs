//! [`Call`] and [`Reply`]: what call layers see.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use arrow_array::RecordBatch;

use super::dispatcher::HostedMethod;
use super::failed_call::FailedCall;
use super::generation::Generation;
use super::handler::{BoxFuture, Handler};
use super::identity::Identity;
use super::log::LogMessage;
use super::mapped_steps::{MapParts, MapSteps};
use super::method::MethodDescription;
use super::part_encoder::PartEncoder;
use crate::delivery::{Delivery, Guards};
use crate::vocabulary::AuthContext;
use crate::wire::{AnnotatedBatch, Metadata, WireSchema};
use crate::{BoxError, RpcError};

/// A decoded call on its way to its method.
///
/// A call layer is a tower layer over `Service<Call, Response = Reply>`; it may look at the call,
/// change its [`input`](Call::input) or extensions, answer in its place, or look at the [`Reply`].
pub struct Call {
    pub(crate) head: Box<CallHead>,
    /// The caller's batch. It may be a pointer to a batch elsewhere, which has no rows; where a layer
    /// [brings](Self::defer_input) such batches, [`resolve_input`](Self::resolve_input) puts what it stands for here.
    pub input: AnnotatedBatch,
}

/// What is known of a call before its body is read. In a box, since it passes through many hands.
pub(crate) struct CallHead {
    pub(crate) method: Arc<HostedMethod>,
    pub(crate) generation: Generation,
    pub(crate) operation: Operation,
    pub(crate) tokens: SentTokens,
    pub(crate) identity: Identity,
    pub(crate) limit: Option<u64>,
    pub(crate) parts: http::request::Parts,
    pub(crate) deferred: Option<DeferredInput>,
}

/// Brings a batch in place of what stands for it.
pub(crate) type DeferredInput =
    Box<dyn FnOnce(AnnotatedBatch) -> BoxFuture<'static, Result<AnnotatedBatch, RpcError>> + Send + Sync>;

/// The full name of a method, shown as `protocol/method`. Cheap to clone.
#[derive(Clone)]
pub struct MethodName(Arc<HostedMethod>);

impl MethodName {
    /// The wire name of the protocol.
    pub fn protocol(&self) -> &str {
        &self.0.protocol
    }

    /// The method's name within the protocol.
    pub fn method(&self) -> &str {
        &self.0.description.name
    }
}

impl fmt::Display for MethodName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.protocol(), self.method())
    }
}

impl fmt::Debug for MethodName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "MethodName({self})")
    }
}

/// What is asked of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// One row in, one row out.
    Unary,
    /// Open a stream.
    Init,
    /// The next batch of a producer, or one turn of an exchange.
    Turn,
    /// Give up a stream.
    Cancel,
}

/// The tokens that came on the outer batch, before a pointer is followed.
#[derive(Clone, Debug, Default)]
pub(crate) struct SentTokens {
    pub(crate) cursor: Option<Vec<u8>>,
    pub(crate) call: Option<Vec<u8>>,
}

impl Call {
    /// The wire name of the protocol.
    pub fn protocol(&self) -> &str {
        &self.head.method.protocol
    }

    /// What the method looks like to callers.
    pub fn method(&self) -> &MethodDescription {
        &self.head.method.description
    }

    /// Protocol and method in one, to be kept when the call is handed on.
    pub fn method_name(&self) -> MethodName {
        MethodName(self.head.method.clone())
    }

    /// Which form of the wire the caller speaks.
    pub fn generation(&self) -> Generation {
        self.head.generation
    }

    /// What is asked of the method.
    pub fn operation(&self) -> Operation {
        self.head.operation
    }

    /// Whether the server itself is described: such an answer is the same for everybody, and read by callers who do not
    /// know anything yet.
    pub fn describes_server(&self) -> bool {
        matches!(self.head.method.handler, Handler::Constant(..))
    }

    /// Writes parts of this call's answer as its response would.
    pub fn part_encoder(&self) -> PartEncoder {
        PartEncoder::new(self.head.identity.clone(), self.head.operation)
    }

    /// The id of the request.
    pub fn request_id(&self) -> &str {
        self.head.identity.request_id()
    }

    /// Who calls; `None` where no authentication layer said.
    pub fn auth(&self) -> Option<&AuthContext> {
        self.extensions().get()
    }

    /// The head of the HTTP request.
    pub fn parts(&self) -> &http::request::Parts {
        &self.head.parts
    }

    /// The head of the HTTP request. Layers inside of this one, and the method, see what is changed here.
    pub fn parts_mut(&mut self) -> &mut http::request::Parts {
        &mut self.head.parts
    }

    /// The headers of the HTTP request.
    pub fn headers(&self) -> &http::HeaderMap {
        &self.head.parts.headers
    }

    /// What layers put on the request.
    pub fn extensions(&self) -> &http::Extensions {
        &self.head.parts.extensions
    }

    /// What layers put on the request.
    pub fn extensions_mut(&mut self) -> &mut http::Extensions {
        &mut self.head.parts.extensions
    }

    /// Says that the batch is elsewhere: `bring` gets it in place of [`input`](Self::input), once and as late as can be.
    ///
    /// That is when all that may refuse the call has let it through: the layers inside of this one, those of its method
    /// among them, and the check of a stream's tokens. A call that is refused brings nothing. Of several layers that say
    /// so, the outermost brings it.
    pub fn defer_input<F, Fut>(&mut self, bring: F)
    where
        F: FnOnce(AnnotatedBatch) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<AnnotatedBatch, RpcError>> + Send + 'static,
    {
        self.head.deferred.get_or_insert_with(|| Box::new(move |pointer| Box::pin(bring(pointer))));
    }

    /// Makes sure that [`input`](Self::input) is the batch itself: for layers that look at it. The method's own step does
    /// the same. Where this fails or is not waited for, the call cannot go on.
    ///
    /// # Errors
    ///
    /// Why it cannot be brought.
    pub async fn resolve_input(&mut self) -> Result<(), RpcError> {
        if let Some(bring) = self.head.deferred.take() {
            // Until it is there, nobody takes what stands in its place for the batch.
            self.head.deferred = Some(Box::new(|_| Box::pin(async { Err(not_brought()) })));
            bring_input(bring, &mut self.input).await?;
            self.head.deferred = None;
        }
        Ok(())
    }
}

fn not_brought() -> RpcError {
    RpcError::new("RuntimeError", "the batch of this call is elsewhere, and was not brought when a layer asked for it")
}

pub(crate) async fn bring_input(bring: DeferredInput, input: &mut AnnotatedBatch) -> Result<(), RpcError> {
    let nothing = RecordBatch::new_empty(input.batch.schema());
    let pointer = std::mem::replace(input, AnnotatedBatch::new(nothing, Metadata::new()));
    *input = bring(pointer).await?;
    Ok(())
}

impl fmt::Debug for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Call")
            .field("protocol", &self.protocol())
            .field("method", &self.method().name)
            .field("generation", &self.generation())
            .field("operation", &self.operation())
            .field("rows", &self.input.batch.num_rows())
            .finish_non_exhaustive()
    }
}

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

    /// Tells whether what is made of this answer reaches the connection. Where an error takes its place after all, it
    /// does not.
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
