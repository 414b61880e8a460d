//! [`Call`]: what call layers see of a request.

use std::fmt;
use std::sync::Arc;

use arrow_array::RecordBatch;

use super::dispatcher::HostedMethod;
use super::generation::Generation;
use super::handler::{BoxFuture, Handler};
use super::identity::Identity;
use super::method::MethodDescription;
use super::part_encoder::PartEncoder;
use crate::RpcError;
use crate::vocabulary::AuthContext;
use crate::wire::{AnnotatedBatch, Metadata};

/// A decoded call on its way to its method.
///
/// A call layer is a tower layer over `Service<Call, Response = Reply>`; it may look at the call,
/// change its [`input`](Call::input) or extensions, answer in its place, or look at the [`Reply`](super::Reply).
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
