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

mod dispatched;
mod session;
mod traffic;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::Extensions;

use crate::RpcError;
use crate::rpc::call::CallHead;
use crate::rpc::{Call, MethodKind, Operation};
use crate::vocabulary::AuthContext;
use crate::wire::{AnnotatedBatch, Metadata, keys};

pub use dispatched::{CalledMethod, DispatchedCall};
pub use session::{RecordedSession, SessionAction};
pub use traffic::Traffic;

/// What is known of one request, shared by all who know something and all who observe. Clones are the same record.
///
/// Whoever [fills in](Self::update) holds it meanwhile. Whoever [looks](Self::read) gets a copy, and may also fill in.
/// Whoever needs it no more, as an observer in the end, [takes it](Self::into_call), which copies nothing if nobody else
/// has it.
#[derive(Clone, Debug, Default)]
pub struct CallRecord(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    call: RecordedCall,
    /// There is rarely more than one, for which nothing is allocated.
    listener: Option<Arc<dyn CallListener>>,
    more_listeners: Vec<Arc<dyn CallListener>>,
}

/// Is told when a request becomes a call: for what depends on the batch of the request, such as a trace of which its
/// metadata says that it is a part.
pub trait CallListener: Send + Sync {
    /// All checks are passed, and the call is about to be handed on to the layers around calls and its method.
    ///
    /// This happens in the midst of the work for the request, which waits: it must not block.
    fn dispatched(&self, call: &Call, record: &CallRecord);
}

impl CallRecord {
    /// The record of a request, for observers: the one that an observer outside has put there, else a new one.
    pub fn of(extensions: &mut Extensions) -> Self {
        extensions.get_or_insert_default::<Self>().clone()
    }

    /// Fills in something, if the request with these extensions is observed. As with [`update`](Self::update), `change`
    /// must not use the record.
    pub fn update_in(extensions: &Extensions, change: impl FnOnce(&mut RecordedCall)) {
        if let Some(record) = extensions.get::<Self>() {
            record.update(change);
        }
    }

    /// Fills in something. The record is locked while `change` runs, which has to be short and must not use the record itself:
    /// it would wait for itself for ever.
    pub fn update(&self, change: impl FnOnce(&mut RecordedCall)) {
        change(&mut self.lock().call);
    }

    /// Looks at a copy of what is known so far. All of it is there when the body of the response has ended or was dropped.
    pub fn read<R>(&self, look: impl FnOnce(&RecordedCall) -> R) -> R {
        look(&self.snapshot())
    }

    /// A copy of what is known now. What is filled in later is not in it.
    pub fn snapshot(&self) -> RecordedCall {
        self.lock().call.clone()
    }

    /// What is known now: a copy only if others have the record, too.
    pub fn into_call(self) -> RecordedCall {
        match Arc::try_unwrap(self.0) {
            Ok(state) => state.into_inner().unwrap_or_else(PoisonError::into_inner).call,
            Err(shared) => Self(shared).snapshot(),
        }
    }

    /// What has gone out so far.
    pub(crate) fn output(&self) -> Traffic {
        self.lock().call.output
    }

    /// Tells a listener when the request becomes a call, unless it has. It must not keep the record, which keeps it.
    pub fn listen(&self, listener: Arc<dyn CallListener>) {
        let mut state = self.lock();
        match state.listener {
            None => state.listener = Some(listener),
            Some(_) => state.more_listeners.push(listener),
        }
    }

    /// Says that a call is handed on to its method.
    pub(crate) fn dispatch(&self, call: &Call) {
        let (first, more) = {
            let mut state = self.lock();
            state.call.dispatch(&call.head, &call.input);
            (state.listener.take(), std::mem::take(&mut state.more_listeners))
        };
        first.iter().chain(&more).for_each(|listener| listener.dispatched(call, self));
    }

    /// A panic while it is held leaves a record of which something is missing, which any may be.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.call.fmt(formatter)
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
    fn dispatch(&mut self, head: &CallHead, input: &AnnotatedBatch) {
        self.dispatched = Some(DispatchedCall {
            method: head.method.called.clone(),
            operation: head.operation,
            generation: head.generation,
            request_id: head.identity.request_id.clone(),
            request_rows: input.batch.num_rows() as u64,
        });
        // Most often it is what the layer that asked has said already.
        let auth = head.parts.extensions.get();
        if self.auth.as_ref() != auth {
            self.auth = auth.cloned();
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_looks_may_fill_in() {
        let record = CallRecord::default();
        record.read(|before| {
            record.update(|call| call.cancelled = true);
            assert!(!before.cancelled);
        });
        assert!(record.read(|call| call.cancelled));
    }

    #[test]
    fn who_takes_it_leaves_it_to_others() {
        let record = CallRecord::default();
        record.update(|call| call.cancelled = true);
        assert!(record.clone().into_call().cancelled);
        record.update(|call| call.externalized_input_bytes = 1);
        let call = record.into_call();
        assert!(call.cancelled && call.externalized_input_bytes == 1);
    }
}
