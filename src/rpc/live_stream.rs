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
use crate::session::{Owner, Place, SessionId, Sessions, session_lost};
use crate::{MethodError, Result, RpcError};

/// A producer whose batches come from a stream that cannot be written down: the result of a query, a cursor, a socket.
/// [`Producer::from_stream`](super::Producer::from_stream) makes one.
///
/// Callers that take a producer in one response get each batch when it is there, and the stream ends when they leave.
/// For the others it stays in this process between their turns, with the [sessions](crate::session) and within their
/// limits, until it has been idle for
/// [a time](crate::session::SessionsBuilder::idle_stream_time_to_live). Their turns have to reach this process: a turn
/// that reaches another one is told so. The last batch is kept as well, so that a turn whose answer was lost can be
/// asked for again.
pub struct LiveStream(State);

type Batches = Pin<Box<dyn Stream<Item = Result<RecordBatch>> + Send>>;

enum State {
    /// As a method made it.
    New(Batches),
    /// In a call.
    Here(Here),
    /// Between two turns, perhaps in another process.
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

/// The stream with what it needs to be parked.
struct Here {
    source: Source,
    ticket: Ticket,
    /// Where the caller may go on: the place of the last ticket that it has.
    handed_out: Option<u64>,
    place: Option<Place>,
    sessions: Sessions,
    owner: Owner,
    runtime: Handle,
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

    /// The stream, for one step in this call.
    fn here(&mut self, context: &CallContext) -> Result<&mut Here> {
        let state = std::mem::replace(&mut self.0, State::Over);
        self.0 = State::Here(match state {
            State::New(batches) => Here::begin(batches, context)?,
            State::Here(here) => here,
            State::Parked(ticket) => Here::resume(ticket, context)?,
            State::Over => Err(RpcError::runtime_error("the stream is over"))?,
        });
        match &mut self.0 {
            State::Here(here) => Ok(here),
            _ => Err(RpcError::runtime_error("the stream is over"))?,
        }
    }

    /// A ticket goes to the caller, who may come back with it: from now on there has to be a place for the stream.
    pub(crate) fn hand_out(&mut self, saved: &[u8]) -> Result<()> {
        let State::Here(here) = &mut self.0 else { return Ok(()) };
        let ticket: Ticket = postcard::from_bytes(saved)?;
        if here.place.is_none() {
            here.place = Some(here.sessions.reserve(&here.owner)?);
        }
        here.handed_out = Some(ticket.next);
        Ok(())
    }
}

impl Producer<LiveStream> {
    /// A producer of the batches of any stream: the result of a query, a database's cursor. See [`LiveStream`] for where
    /// it lives. Its schema is the method's, or set with [`with_schema`](Self::with_schema).
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
        let ticket = Ticket { server_id: context.server_id().to_owned(), id: SessionId::random(), next: 0 };
        let source = Source { batches, taken: 0, last: None, ahead: None };
        Self::new(source, ticket, context)
    }

    fn resume(ticket: Ticket, context: &CallContext) -> Result<Self> {
        if ticket.server_id != context.server_id() {
            Err(session_lost(format!(
                "this stream is on server '{}', and its turn has reached server '{}'; it cannot go on anywhere else",
                ticket.server_id,
                context.server_id()
            )))?;
        }
        let parked = context.sessions().unpark::<Source>(ticket.id, context.auth());
        let (source, place) = parked.ok_or_else(|| {
            session_lost(
                "this stream is not here any more: it has been idle for too long, it is over, or another request goes on \
                 with it at this moment",
            )
        })?;
        let next = ticket.next;
        let here = Self { handed_out: Some(next), place: Some(place), ..Self::new(*source, ticket, context)? };
        if here.source.has(next) {
            return Ok(here);
        }
        // Whoever has a newer ticket goes on from there.
        here.leave();
        Err(session_lost(
            "this stream has gone on since: only its last batch can be had again, and this turn asks for an earlier one",
        ))?
    }

    fn new(source: Source, ticket: Ticket, context: &CallContext) -> Result<Self> {
        Ok(Self {
            source,
            ticket,
            handed_out: None,
            place: None,
            sessions: context.sessions().clone(),
            owner: Owner::of(context.auth()),
            runtime: Handle::try_current()?,
        })
    }

    /// Keeps the stream for the caller, if it has a ticket that leads back to it.
    fn park(self) {
        if self.handed_out.is_some_and(|next| self.source.has(next)) {
            self.leave();
        }
    }

    fn leave(self) {
        if let Some(place) = self.place {
            self.sessions.park(self.ticket.id, self.source, self.owner, place, self.runtime);
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
        let here = self.here(context)?;
        let step = AssertUnwindSafe(async {
            let batch = here.source.batch(here.ticket.next).await.transpose()?;
            let over = batch.is_none() || (here.ticket.next + 1 == here.source.taken && here.source.is_over());
            here.ticket.next += 1;
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
        // Takes it out of its place, if it is there.
        let _ = self.here(context);
        self.0 = State::Over;
    }

    fn as_live(&mut self) -> Option<&mut LiveStream> {
        Some(self)
    }
}

impl Drop for LiveStream {
    fn drop(&mut self) {
        if let State::Here(here) = std::mem::replace(&mut self.0, State::Over) {
            here.park();
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
