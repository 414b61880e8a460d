//! [`Reading`]: from one response of a producer to the next.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::Uri;
use tokio::time::Sleep;

use super::place::{Batch, Place, Position};
use super::turn::{Ahead, turn};
use crate::client::answer::{Item, classify};
use crate::client::channel::Channel;
use crate::client::envelope::Target;
use crate::client::response::{ReadError, ResponseReader};
use crate::client::service::HttpService;
use crate::client::time::timed_out;
use crate::generation::Generation;
use crate::wire::{AnnotatedBatch, Event, Metadata, WireSchema};
use crate::{Result, RpcError};

/// How often a streamed response is taken up again without a batch in between.
const MAX_FAILURES: u32 = 3;

type Request = Pin<Box<dyn Future<Output = Result<Box<ResponseReader>, RpcError>> + Send>>;
type Resolution = Pin<Box<dyn Future<Output = (Result<AnnotatedBatch, RpcError>, Box<ResponseReader>)> + Send>>;

/// Reads responses, asks for the next, and takes a streamed one up again that broke off.
pub(super) struct Reading<S> {
    pub(super) channel: Channel<S>,
    pub(super) target: Target,
    pub(super) generation: Generation,
    pub(super) uri: Uri,
    pub(super) schema: Option<Arc<WireSchema>>,
    pub(super) state: State,
    pub(super) queue: VecDeque<Queued>,
    /// An error that was found while looking ahead.
    pub(super) deferred: Option<RpcError>,
    pub(super) place: Place,
    /// This response has ended with a cursor.
    has_next: bool,
    /// Batches have come with cursors: the response is a streamed one.
    pub(super) streamed: bool,
    failures: u32,
    /// The place after the batch that was taken last.
    pub(super) position: Option<Position>,
    /// The application's own, on requests to come.
    pub(super) metadata: Metadata,
    /// Runs while nothing comes, where the channel has a timeout.
    patience: Option<Pin<Box<Sleep>>>,
}

pub(super) struct Queued {
    batch: AnnotatedBatch,
    position: Option<Position>,
}

pub(super) enum State {
    Reading(Box<ResponseReader>),
    Resolving(Resolution),
    Requesting(Request),
    /// Before a response is taken up again.
    Waiting(Pin<Box<Sleep>>),
    /// Nothing is under way, and the stream has not ended.
    Idle,
    Ended,
}

pub(super) enum Fill {
    Batch,
    Ended,
    /// A request would have to be sent.
    Blocked,
}

impl<S: HttpService> Reading<S> {
    pub(super) fn new(channel: Channel<S>, target: Target, generation: Generation, uri: Uri, place: Place) -> Self {
        Self {
            channel,
            target,
            generation,
            uri,
            schema: None,
            state: State::Idle,
            queue: VecDeque::new(),
            deferred: None,
            position: place.position(),
            place,
            has_next: false,
            streamed: false,
            failures: 0,
            metadata: Metadata::new(),
            patience: None,
        }
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<AnnotatedBatch, RpcError>>> {
        while self.queue.is_empty() {
            if let Some(error) = self.deferred.take() {
                return Poll::Ready(Some(Err(error)));
            }
            match ready!(self.poll_in_time(cx)) {
                Ok(Fill::Batch | Fill::Blocked) => {}
                Ok(Fill::Ended) => return Poll::Ready(None),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
        // What is there already is looked at: the cursor behind the batch, with which the next one can be asked for.
        if self.queue.len() == 1
            && self.deferred.is_none()
            && let Poll::Ready(Err(error)) = self.poll_fill(cx, false)
        {
            self.deferred = Some(error);
        }
        let Some(Queued { batch, position }) = self.queue.pop_front() else { return Poll::Ready(None) };
        self.position = position;
        Poll::Ready(Some(Ok(batch)))
    }

    /// As [`poll_fill`](Self::poll_fill), unless nothing comes for too long.
    fn poll_in_time(&mut self, cx: &mut Context<'_>) -> Poll<Result<Fill, RpcError>> {
        let filled = self.poll_fill(cx, true);
        let Some(timeout) = self.channel.shared.settings.timeout else { return filled };
        if filled.is_ready() {
            self.patience = None;
            return filled;
        }
        let patience = self.patience.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        ready!(patience.as_mut().poll(cx));
        self.patience = None;
        self.state = State::Ended;
        Poll::Ready(Err(timed_out(&format!("no batch of '{}'", self.target.method), timeout)))
    }

    /// Goes on until there is a batch more. After an error the stream has ended.
    pub(super) fn poll_fill(&mut self, cx: &mut Context<'_>, may_request: bool) -> Poll<Result<Fill, RpcError>> {
        let filled = ready!(self.poll_step(cx, may_request));
        if filled.is_err()
            && let State::Reading(reader) = std::mem::replace(&mut self.state, State::Ended)
        {
            reader.let_go();
        }
        Poll::Ready(filled)
    }

    fn poll_step(&mut self, cx: &mut Context<'_>, may_request: bool) -> Poll<Result<Fill, RpcError>> {
        loop {
            match &mut self.state {
                State::Ended => return Poll::Ready(Ok(Fill::Ended)),
                State::Idle if !may_request => return Poll::Ready(Ok(Fill::Blocked)),
                State::Idle => self.state = State::Requesting(Box::pin(self.request()?)),
                State::Waiting(sleep) => {
                    ready!(sleep.as_mut().poll(cx));
                    self.state = State::Idle;
                }
                State::Requesting(request) => match ready!(request.as_mut().poll(cx)) {
                    Ok(reader) => self.state = State::Reading(reader),
                    Err(error) => self.recover(error)?,
                },
                State::Resolving(resolution) => {
                    let (batch, reader) = ready!(resolution.as_mut().poll(cx));
                    self.state = State::Reading(reader);
                    if self.deliver(batch?) {
                        return Poll::Ready(Ok(Fill::Batch));
                    }
                }
                State::Reading(reader) => match ready!(reader.poll_event(cx)) {
                    Ok(Some(Event::Batch(batch))) => {
                        if self.take(batch)? {
                            return Poll::Ready(Ok(Fill::Batch));
                        }
                    }
                    Ok(Some(Event::Schema(schema))) => {
                        self.schema.get_or_insert(schema);
                    }
                    Ok(Some(Event::EndOfStream)) => {}
                    Ok(None) => self.end_of_response()?,
                    Err(ReadError::Broken(error)) => self.recover(error)?,
                    Err(ReadError::Failed(error)) => return Poll::Ready(Err(error)),
                },
            }
        }
    }

    /// Takes a batch of the response; says whether there is one more for the caller.
    pub(super) fn take(&mut self, batch: AnnotatedBatch) -> Result<bool, RpcError> {
        let State::Reading(reader) = &self.state else { return Ok(false) };
        // What was logged with a batch that comes again was told before.
        let on_log = self.target.on_log.as_ref().filter(|_| !self.place.is_behind());
        match classify(batch, reader, on_log)? {
            None => Ok(false),
            Some(Item::Data(batch)) => Ok(self.deliver(batch)),
            Some(Item::Token(batch)) => {
                self.place.sentinel(&batch.metadata);
                self.has_next = true;
                self.set_last_position(self.place.position());
                Ok(false)
            }
            // What was delivered before is not fetched again.
            Some(Item::Pointer(batch))
                if self.place.is_behind() || !self.channel.shared.settings.external.fetches() =>
            {
                Ok(self.deliver(batch))
            }
            Some(Item::Pointer(batch)) => {
                let State::Reading(reader) = std::mem::replace(&mut self.state, State::Ended) else {
                    return Ok(false);
                };
                let external = self.channel.shared.settings.external.clone();
                let on_log = self.target.on_log.clone();
                self.state =
                    State::Resolving(Box::pin(async move { (external.resolve(batch, on_log.as_ref()).await, reader) }));
                Ok(false)
            }
        }
    }

    /// Queues a batch for the caller, unless it was delivered before.
    fn deliver(&mut self, mut batch: AnnotatedBatch) -> bool {
        let Batch { again, has_cursor } = self.place.batch(&mut batch.metadata);
        self.streamed |= has_cursor;
        if again {
            return false;
        }
        self.failures = 0;
        self.queue.push_back(Queued { batch, position: self.place.position() });
        true
    }

    fn set_last_position(&mut self, position: Option<Position>) {
        match self.queue.back_mut() {
            Some(last) => last.position = position,
            None => self.position = position,
        }
    }

    /// The response has ended as it should: the stream has, too, or there is a cursor to go on with.
    fn end_of_response(&mut self) -> Result<(), RpcError> {
        if !std::mem::take(&mut self.has_next) {
            self.state = State::Ended;
            self.place.end();
            self.set_last_position(None);
            return Ok(());
        }
        self.state = State::Idle;
        if self.channel.shared.settings.request_ahead
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let request = Ahead(runtime.spawn(self.request()?));
            self.state = State::Requesting(Box::pin(request));
        }
        Ok(())
    }

    /// After a broken connection: goes on from the last cursor, where the server streams.
    fn recover(&mut self, error: RpcError) -> Result<(), RpcError> {
        if self.has_next {
            // All of this response had come.
            return self.end_of_response();
        }
        let resumes = self.streamed && error.is_connection_error() && self.place.cursor().is_some();
        if !resumes || self.failures >= MAX_FAILURES {
            return Err(error);
        }
        self.place.rewind();
        let most = Duration::from_millis(50) * 4_u32.pow(self.failures);
        self.failures += 1;
        self.state = State::Waiting(Box::pin(tokio::time::sleep(most.mul_f64(fastrand::f64()))));
        Ok(())
    }

    /// The request that goes on from the cursor.
    fn request(&self) -> Result<impl Future<Output = Result<Box<ResponseReader>, RpcError>> + Send + use<S>, RpcError> {
        let (cursor, call) = (self.place.cursor(), self.place.call());
        let mut outgoing = turn(self.uri.clone(), self.generation, self.metadata.clone(), cursor, call)?;
        outgoing.streamed = self.channel.shared.settings.streamed_producers;
        outgoing.replayable = self.generation.repeats_calls();
        let channel = self.channel.clone();
        Ok(async move { channel.ask(outgoing).await })
    }
}
