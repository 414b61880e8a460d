//! [`LiveStream`]: a stream of batches as a producer.

use std::fmt;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::Pin;

use arrow_array::RecordBatch;
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use serde::de::Deserializer;
use serde::ser::{Error as _, Serializer};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;

use super::context::CallContext;
use super::stream::{Output, Producer, ProducerState};
use crate::session::{Lease, Owner, SessionId, Sessions, session_lost};
use crate::{MethodError, Result, RpcError};

/// A producer whose batches come from a stream that cannot be written down: the result of a query, a cursor, a socket.
/// [`Producer::from_stream`](super::Producer::from_stream) makes one.
///
/// Callers that take a producer in one response get each batch when it is there, and the stream ends when they leave.
/// For the others it stays in this process from turn to turn, with the [sessions](crate::session) and within their
/// limits, until it has been idle for
/// [a time](crate::session::SessionsBuilder::idle_stream_time_to_live). Their turns have to reach this process: a turn
/// that reaches another one is told so. The last batch is kept as well, so that a turn whose answer was lost can be
/// asked for again; not so the answer that ends the stream,
/// after which nothing of it is kept.
pub struct LiveStream(State);

type Batches = Pin<Box<dyn Stream<Item = Result<RecordBatch>> + Send>>;

enum State {
    /// As a method made it.
    New(Batches),
    /// In a call.
    Here(Here),
    /// In the registry, perhaps of another process.
    Parked(Ticket),
    /// At its end.
    Over,
}

/// What a caller carries in place of the stream: where it is, and which batch comes next.
#[derive(Clone, Serialize, Deserialize)]
struct Ticket {
    server_id: String,
    id: SessionId,
    next: u64,
}

/// The stream, while a call has it.
struct Here {
    home: Home,
    ticket: Ticket,
    /// Where the caller may go on: the place of the last ticket that it has.
    handed_out: Option<u64>,
}

/// Where the stream is.
enum Home {
    /// In the call that began it, with what it takes to be registered. It ends with the call.
    Call { source: Source, sessions: Sessions, owner: Owner, runtime: Handle },
    /// In the registry, where other turns and a cancel find it.
    Registry(Lease<Source>),
}

/// The stream with the batches around the place where it is.
struct Source {
    batches: Batches,
    /// How many batches were taken.
    taken: u64,
    last: Option<RecordBatch>,
    /// What was there already when the last batch was taken.
    ahead: Option<Option<Result<RecordBatch>>>,
}

impl LiveStream {
    /// A producer of these batches. An error among them ends the stream.
    pub fn new<S, E>(batches: S) -> Self
    where
        S: Stream<Item = Result<RecordBatch, E>> + Send + 'static,
        E: Into<MethodError>,
    {
        Self(State::New(Box::pin(batches.map(|batch| batch.map_err(Into::into)))))
    }

    /// Waits for the stream, where another turn has it: a step of this call may run.
    ///
    /// Before the step takes the call's session, which the other turn may be waiting for.
    pub(crate) async fn resume(&mut self, context: &CallContext) -> Result<()> {
        self.0 = State::Here(match std::mem::replace(&mut self.0, State::Over) {
            State::New(batches) => Here::begin(batches, context)?,
            State::Here(here) => here,
            State::Parked(ticket) => Here::resume(ticket, context).await?,
            State::Over => Err(over())?,
        });
        Ok(())
    }

    /// A ticket goes to the caller, who may come back with it: from now on the stream is registered.
    pub(crate) fn hand_out(&mut self, saved: &[u8]) -> Result<()> {
        let mut here = match std::mem::replace(&mut self.0, State::Over) {
            State::Here(here) => here,
            state => {
                self.0 = state;
                return Ok(());
            }
        };
        let ticket: Ticket = postcard::from_bytes(saved)?;
        if let Home::Call { source, sessions, owner, runtime } = here.home {
            here.home = Home::Registry(Lease::open(&sessions, ticket.id, source, owner, runtime)?);
        }
        here.handed_out = Some(ticket.next);
        self.0 = State::Here(here);
        Ok(())
    }

    /// Ends the stream now: its caller will not come back.
    pub(crate) fn abandon(&mut self) {
        self.0 = State::Over;
    }
}

fn over() -> RpcError {
    RpcError::runtime_error("the stream is over")
}

impl Producer<LiveStream> {
    /// A producer of the batches of any stream: the result of a query, a database's cursor. See [`LiveStream`] for where
    /// it lives. Its schema is the method's, or set with [`with_schema`](Self::with_schema).
    ///
    /// A [`SessionGuard`](crate::session::SessionGuard) cannot be part of the stream: the session has to be free between
    /// its steps. What the stream needs of a session's object is shared with it, or taken out of it.
    ///
    /// ```
    /// use arrow_array::RecordBatch;
    /// use arrow_schema::{ArrowError, SchemaRef};
    /// use futures_util::Stream;
    /// use tower_vgi::Result;
    /// use tower_vgi::rpc::{LiveStream, Producer};
    ///
    /// /// Answers with the result of a query, whatever columns it has.
    /// fn answer<S>(schema: SchemaRef, result: S) -> Result<Producer<LiveStream>>
    /// where
    ///     S: Stream<Item = Result<RecordBatch, ArrowError>> + Send + 'static,
    /// {
    ///     Ok(Producer::from_stream(result).with_schema(schema))
    /// }
    /// # let schema = std::sync::Arc::new(arrow_schema::Schema::empty());
    /// # assert!(answer(schema, futures_util::stream::empty()).is_ok());
    /// ```
    pub fn from_stream<S, E>(batches: S) -> Self
    where
        S: Stream<Item = Result<RecordBatch, E>> + Send + 'static,
        E: Into<MethodError>,
    {
        Self::new(LiveStream::new(batches))
    }
}

impl Here {
    fn begin(batches: Batches, context: &CallContext) -> Result<Self> {
        let home = Home::Call {
            source: Source { batches, taken: 0, last: None, ahead: None },
            sessions: context.sessions().clone(),
            owner: Owner::of(context.auth()),
            runtime: Handle::try_current()?,
        };
        let ticket = Ticket { server_id: context.server_id().to_owned(), id: SessionId::random(), next: 0 };
        Ok(Self { home, ticket, handed_out: None })
    }

    async fn resume(ticket: Ticket, context: &CallContext) -> Result<Self> {
        if ticket.server_id != context.server_id() {
            Err(session_lost(format!(
                "this stream is on server '{}', and its turn has reached server '{}'; it cannot go on anywhere else",
                ticket.server_id,
                context.server_id()
            )))?;
        }
        let lease = Lease::<Source>::resume(context.sessions(), ticket.id, context.auth()).await;
        let mut lease = lease.ok_or_else(|| {
            session_lost("this stream is not here any more: it has been idle for too long, or it is over")
        })?;
        let next = ticket.next;
        if lease.object().is_some_and(|source| source.has(next)) {
            return Ok(Self { home: Home::Registry(lease), ticket, handed_out: Some(next) });
        }
        // Whoever has a newer ticket goes on from there.
        lease.leave();
        Err(session_lost(
            "this stream has gone on since: only its last batch can be had again, and this turn asks for an earlier one",
        ))?
    }

    /// Leaves the stream for the caller, if it has a ticket that leads back to it.
    fn leave(self) {
        if let Home::Registry(mut lease) = self.home
            && let Some(next) = self.handed_out
            && lease.object().is_some_and(|source| source.has(next))
        {
            lease.leave();
        }
    }
}

impl Home {
    fn source(&mut self) -> Result<&mut Source> {
        match self {
            Self::Call { source, .. } => Ok(source),
            Self::Registry(lease) => Ok(lease.object().ok_or_else(over)?),
        }
    }
}

impl Source {
    /// Whether batch number `next` can still be had.
    fn has(&self, next: u64) -> bool {
        next == self.taken || next + 1 == self.taken
    }

    /// Batch number `next`, which [it has](Self::has); `None` at the end.
    async fn batch(&mut self, next: u64) -> Option<Result<RecordBatch>> {
        if next + 1 == self.taken {
            return self.last.clone().map(Ok);
        }
        let batch = match self.ahead.take() {
            Some(batch) => batch,
            None => self.batches.next().await,
        };
        if let Some(Ok(batch)) = &batch {
            self.taken += 1;
            self.last = Some(batch.clone());
        }
        batch
    }

    /// Whether the stream is known to be over, without waiting: it saves callers a turn.
    fn is_over(&mut self) -> bool {
        if self.ahead.is_none() {
            self.ahead = self.batches.next().now_or_never();
        }
        matches!(self.ahead, Some(None))
    }
}

impl ProducerState for LiveStream {
    async fn produce(&mut self, context: &CallContext, output: &mut Output) -> Result<()> {
        self.resume(context).await?;
        let State::Here(Here { home, ticket, .. }) = &mut self.0 else { return Err(over().into()) };
        let source = home.source()?;
        let step = AssertUnwindSafe(async {
            let batch = source.batch(ticket.next).await.transpose()?;
            let over = batch.is_none() || (ticket.next + 1 == source.taken && source.is_over());
            ticket.next += 1;
            if let Some(batch) = batch {
                output.emit(batch)?;
            }
            if over { output.finish().map(|()| true) } else { Ok(false) }
        });
        let step = step.catch_unwind().await;
        // What is over, has failed or has panicked does not go on.
        if !matches!(step, Ok(Ok(false))) {
            self.0 = State::Over;
        }
        step.unwrap_or_else(|panic| resume_unwind(panic)).map(drop)
    }

    async fn cancel(&mut self, context: &CallContext) {
        // A turn under way does not hold this up: the stream ends with it, as it would with this.
        if let State::Parked(ticket) = std::mem::replace(&mut self.0, State::Over)
            && ticket.server_id == context.server_id()
        {
            context.sessions().discard_of(ticket.id, context.auth());
        }
    }

    fn as_live(&mut self) -> Option<&mut LiveStream> {
        Some(self)
    }
}

impl Drop for LiveStream {
    fn drop(&mut self) {
        if let State::Here(here) = std::mem::replace(&mut self.0, State::Over) {
            here.leave();
        }
    }
}

impl Serialize for LiveStream {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            State::Here(Here { ticket, .. }) | State::Parked(ticket) => ticket.serialize(serializer),
            State::New(_) | State::Over => Err(S::Error::custom("the stream has not begun, or is over")),
        }
    }
}

impl<'de> Deserialize<'de> for LiveStream {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ticket::deserialize(deserializer).map(|ticket| Self(State::Parked(ticket)))
    }
}

impl fmt::Debug for LiveStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match &self.0 {
            State::New(_) => "LiveStream::New",
            State::Here(_) => "LiveStream::Here",
            State::Parked(_) => "LiveStream::Parked",
            State::Over => "LiveStream::Over",
        })
    }
}
