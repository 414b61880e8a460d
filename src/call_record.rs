//! What is known of a request and its call, gathered by whoever knows it, for those who observe.
//!
//! An observing layer puts a [`CallRecord`] into the request's extensions. The core and the layers inside fill in what
//! they know, and the observer reads it when the body of the response has ended or was dropped. Where nobody
//! observes there is no record, and nothing is gathered.
//!
//! ```
//! use http::Request;
//! use tower_vgi::CallRecord;
//! use tower_vgi::call_record::{RecordedSession, SessionAction};
//!
//! let mut request = Request::new(());
//! // An observer, outside:
//! let record = CallRecord::of(request.extensions_mut());
//! // A layer that knows something, inside:
//! CallRecord::update_in(request.extensions(), |call| {
//!     call.session = Some(RecordedSession::new(SessionAction::Opened, "5f0c"));
//! });
//! // The observer, in the end:
//! record.read(|call| assert_eq!(call.session.as_ref().unwrap().id, "5f0c"));
//! ```

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::{Array as _, RecordBatch};
use http::{Extensions, HeaderValue};

use crate::RpcError;
use crate::rpc::call::CallHead;
use crate::rpc::{Generation, MethodDescription, MethodKind, Operation, Protocol, protocol_hash};
use crate::vocabulary::AuthContext;
use crate::wire::{AnnotatedBatch, Metadata, keys};

/// What is known of one request, shared by all who know something and all who observe. Clones are the same record.
#[derive(Clone, Debug, Default)]
pub struct CallRecord(Arc<Mutex<RecordedCall>>);

impl CallRecord {
    /// The record of a request, for observers: the one that an observer outside has put there, else a new one.
    pub fn of(extensions: &mut Extensions) -> Self {
        extensions.get_or_insert_default::<Self>().clone()
    }

    /// Fills in something, if the request with these extensions is observed.
    pub fn update_in(extensions: &Extensions, change: impl FnOnce(&mut RecordedCall)) {
        if let Some(record) = extensions.get::<Self>() {
            record.update(change);
        }
    }

    /// Fills in something.
    pub fn update(&self, change: impl FnOnce(&mut RecordedCall)) {
        change(&mut self.lock());
    }

    /// Looks at what is known so far. All of it is there when the body of the response has ended or was dropped.
    pub fn read<R>(&self, look: impl FnOnce(&RecordedCall) -> R) -> R {
        look(&self.lock())
    }

    /// A panic while it is held leaves a record of which something is missing, which any may be.
    fn lock(&self) -> MutexGuard<'_, RecordedCall> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known of a request and its call.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RecordedCall {
    /// The call, once the request has passed all checks before it; `None` for requests that were refused, and for those
    /// that are no calls.
    pub dispatched: Option<DispatchedCall>,
    /// Who calls; `None` for anonymous callers.
    pub auth: Option<AuthContext>,
    /// Which stream the call belongs to: the same in all its requests.
    pub stream_id: Option<[u8; 16]>,
    /// Whether the caller gave up the stream.
    pub cancelled: bool,
    /// Why the call failed, or the request was refused.
    pub error: Option<RpcError>,
    /// What the caller sent and was not believed.
    pub refused_token: Option<RefusedToken>,
    /// The session, where the server has sessions.
    pub session: Option<RecordedSession>,
    /// What came in: batches as they were on the wire, so that one that is stored elsewhere has no rows here.
    pub input: Traffic,
    /// What went out so far.
    pub output: Traffic,
    /// How large the stream's cursor was that came with the request.
    pub request_state_bytes: Option<u64>,
    /// How large the last cursor was that went out.
    pub response_state_bytes: Option<u64>,
    /// How many bytes were stored elsewhere instead of being sent to the caller.
    pub externalized_output_bytes: u64,
    /// How many bytes were fetched from elsewhere, to which the request points.
    pub externalized_input_bytes: u64,
    /// The span of a distributed trace in which the call runs.
    pub span: Option<SpanIds>,
}

/// A call that was handed on to its method.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DispatchedCall {
    /// What is called.
    pub method: Arc<CalledMethod>,
    /// What is asked of it.
    pub operation: Operation,
    /// Which form of the wire the caller speaks.
    pub generation: Generation,
    /// The id of the request.
    pub request_id: HeaderValue,
    /// How many rows the request has: its parameters are one; a call without parameters may have none.
    pub request_rows: u64,
}

impl DispatchedCall {
    /// A call, for testing a layer without a core.
    pub fn new(
        method: impl Into<Arc<CalledMethod>>,
        operation: Operation,
        generation: Generation,
        request_id: HeaderValue,
    ) -> Self {
        Self { method: method.into(), operation, generation, request_id, request_rows: 1 }
    }
}

/// A method with its protocol: what observers group by. Names of methods alone may collide.
#[derive(Debug)]
#[non_exhaustive]
pub struct CalledMethod {
    /// The wire name of the protocol.
    pub protocol: Arc<str>,
    /// What the protocol looks like, as 64 hexadecimal digits; see [`protocol_hash`].
    pub protocol_hash: Arc<str>,
    /// What the method looks like.
    pub description: Arc<MethodDescription>,
}

impl CalledMethod {
    /// A method of a protocol, if it has it.
    ///
    /// ```
    /// use tower_vgi::call_record::CalledMethod;
    /// use tower_vgi::rpc::{Method, Protocol};
    ///
    /// let ping = Method::unary("ping").handler(|_ctx, _params| async { Ok(()) });
    /// let protocol = Protocol::new("Greeter").method(ping);
    /// assert_eq!(&*CalledMethod::of(&protocol, "ping").unwrap().protocol, "Greeter");
    /// ```
    pub fn of(protocol: &Protocol, method: &str) -> Option<Self> {
        let description = protocol.methods.get(method)?.description.clone();
        Some(Self { protocol: protocol.name().into(), protocol_hash: protocol_hash(protocol).into(), description })
    }
}

/// What a caller sent and was not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusedToken {
    /// What proves who calls.
    Credential,
    /// The state of a stream.
    Stream,
    /// The token of a session.
    Session,
}

impl RefusedToken {
    /// A name in lower case, for logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::Stream => "stream",
            Self::Session => "session",
        }
    }
}

/// What a request had to do with sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedSession {
    /// What happened.
    pub action: SessionAction,
    /// Which session it was; empty where there was none.
    pub id: String,
}

impl RecordedSession {
    /// Something that happened to a session.
    pub fn new(action: SessionAction, id: impl Into<String>) -> Self {
        Self { action, id: id.into() }
    }

    /// The server has sessions, and the request has nothing to do with one.
    pub fn none() -> Self {
        Self::new(SessionAction::None, "")
    }
}

/// What happens to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionAction {
    /// Nothing: there is none.
    None,
    /// It begins with this call.
    Opened,
    /// The call is one of the session.
    Resumed,
    /// It ends with this call.
    Closed,
}

/// How much Arrow data went one way. Rows and bytes are those of the columns, whatever their form on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// Batches of data.
    pub batches: u64,
    /// Their rows.
    pub rows: u64,
    /// Their size in memory.
    pub bytes: u64,
}

impl Traffic {
    /// Counts a batch.
    pub fn add(&mut self, batch: &RecordBatch) {
        self.batches += 1;
        self.rows += batch.num_rows() as u64;
        self.bytes += logical_size(batch);
    }
}

/// The ids of a span, as W3C Trace Context has them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanIds {
    /// The trace's.
    pub trace_id: [u8; 16],
    /// The span's.
    pub span_id: [u8; 8],
}

impl fmt::Debug for SpanIds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}-{:016x}", u128::from_be_bytes(self.trace_id), u64::from_be_bytes(self.span_id))
    }
}

impl RecordedCall {
    /// Says that a call is handed on to its method.
    pub(crate) fn dispatch(&mut self, head: &CallHead, input: &AnnotatedBatch) {
        self.dispatched = Some(DispatchedCall {
            method: head.method.called.clone(),
            operation: head.operation,
            generation: head.generation,
            request_id: head.identity.request_id.clone(),
            request_rows: input.batch.num_rows() as u64,
        });
        self.auth = head.parts.extensions.get().cloned();
        self.request_state_bytes = head.tokens.cursor.as_ref().map(|cursor| cursor.len() as u64);
        // The batch that asks a producer for its next step, or ends a stream, is nothing but a question.
        let asks = match head.operation {
            Operation::Unary | Operation::Init => false,
            Operation::Turn => head.method.description.kind == MethodKind::Producer,
            Operation::Cancel => true,
        };
        if !asks {
            self.input.add(&input.batch);
        }
    }

    /// Counts a batch of data that goes out, and the cursor that it carries.
    pub(crate) fn sent(&mut self, data: &AnnotatedBatch) {
        self.output.add(&data.batch);
        self.sent_cursor(&data.metadata);
    }

    /// Notices the cursor in the metadata of a batch that goes out.
    pub(crate) fn sent_cursor(&mut self, metadata: &Metadata) {
        if let Some(cursor) = metadata.get(keys::STREAM_STATE) {
            self.response_state_bytes = Some(cursor.len() as u64);
        }
    }
}

/// What the columns hold: slices count with what they show, not with the memory that they share.
fn logical_size(batch: &RecordBatch) -> u64 {
    let size = |column: &arrow_array::ArrayRef| {
        column.to_data().get_slice_memory_size().unwrap_or_else(|_| column.get_buffer_memory_size())
    };
    batch.columns().iter().map(size).sum::<usize>() as u64
}
