//! [`ProducerStream`]: the batches of a producer, whatever responses they come in.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use futures_util::Stream;
use http::Uri;
use tokio::task::JoinHandle;
use tokio::time::Sleep;

use super::call::{Item, Opened, classify};
use super::channel::Channel;
use super::connect::Connection;
use super::envelope::Target;
use super::outgoing::{Outgoing, encode};
use super::response::{ReadError, ResponseReader};
use super::resume::ResumeToken;
use super::service::HttpService;
use crate::generation::Generation;
use crate::wire::{AnnotatedBatch, Event, Metadata, WireSchema, keys};
use crate::{Result, RpcError};

/// How often a streamed response is taken up again without a batch in between.
const MAX_FAILURES: u32 = 3;

type Request = Pin<Box<dyn Future<Output = Result<Box<ResponseReader>, RpcError>> + Send>>;
type Resolution = Pin<Box<dyn Future<Output = (Result<AnnotatedBatch, RpcError>, Box<ResponseReader>)> + Send>>;

/// The batches of a producer: a `futures::Stream`, which ends with the producer or with an error.
///
/// Each batch is given as soon as it is there. A server that streams producers sends them in one response; should its
/// connection break, the stream goes on where it was, without loss or repetition. From other servers one batch a
/// request is taken, and the next asked for before it is wanted. Dropping the stream ends what is under way and tells
/// the server nothing; [`cancel`](Self::cancel) does.
#[must_use = "a stream does nothing unless it is read"]
pub struct ProducerStream<S: HttpService = Connection, H = ()> {
    header: H,
    inner: Box<Inner<S>>,
}

struct Inner<S> {
    channel: Channel<S>,
    target: Target,
    generation: Generation,
    uri: Uri,
    schema: Option<Arc<WireSchema>>,
    state: State,
    queue: VecDeque<Queued>,
    /// An error that was found while looking ahead.
    deferred: Option<RpcError>,
    cursor: Option<Arc<[u8]>>,
    call: Option<Arc<[u8]>>,
    /// Batches delivered after the cursor.
    since: u64,
    /// Batches that come again and were delivered before.
    skip: u64,
    /// This response has ended with a cursor.
    has_next: bool,
    /// Batches have come with cursors: the response is a streamed one.
    streamed: bool,
    failures: u32,
    /// The place after the batch that was taken last.
    position: Option<Position>,
}

type Position = (Arc<[u8]>, u64);

struct Queued {
    batch: AnnotatedBatch,
    position: Option<Position>,
}

enum State {
    Reading(Box<ResponseReader>),
    Resolving(Resolution),
    Requesting(Request),
    /// Before a response is taken up again.
    Waiting(Pin<Box<Sleep>>),
    /// Nothing is under way, and the stream has not ended.
    Idle,
    Ended,
}

enum Fill {
    Batch,
    Ended,
    /// A request would have to be sent.
    Blocked,
}

impl<S: HttpService> ProducerStream<S, Option<AnnotatedBatch>> {
    pub(crate) fn opened(channel: Channel<S>, target: Target, opened: Opened) -> Result<Self, RpcError> {
        let Opened { generation, uri, header, reader, first, output } = opened;
        let mut inner = Inner::new(channel, target, generation, uri);
        inner.schema = output;
        inner.state = State::Reading(reader);
        if let Some(first) = first {
            inner.take(first)?;
        }
        Ok(Self { header, inner: Box::new(inner) })
    }

    pub(crate) fn map_header<H>(
        self,
        read: impl FnOnce(Option<AnnotatedBatch>) -> Result<H, RpcError>,
    ) -> Result<ProducerStream<S, H>, RpcError> {
        Ok(ProducerStream { header: read(self.header)?, inner: self.inner })
    }
}

impl<S: HttpService> ProducerStream<S> {
    pub(crate) fn resumed(
        channel: Channel<S>,
        target: Target,
        generation: Generation,
        uri: Uri,
        token: ResumeToken,
    ) -> Self {
        let mut inner = Inner::new(channel, target, generation, uri);
        inner.position = Some((token.cursor.clone(), token.skip));
        inner.cursor = Some(token.cursor);
        inner.call = token.call;
        inner.since = token.skip;
        inner.skip = token.skip;
        Self { header: (), inner: Box::new(inner) }
    }
}

impl<S: HttpService, H> ProducerStream<S, H> {
    /// What came before the batches.
    pub fn header(&self) -> &H {
        &self.header
    }

    /// The columns of the batches, as soon as they are known.
    pub fn schema(&self) -> Option<&SchemaRef> {
        self.inner.schema.as_ref().map(|schema| schema.schema())
    }

    /// The next batch; `None` at the end.
    ///
    /// # Errors
    ///
    /// What the server answers, or why it could not be asked. The stream has ended then.
    pub async fn next(&mut self) -> Result<Option<AnnotatedBatch>, RpcError> {
        poll_fn(|cx| self.inner.poll_next(cx)).await.transpose()
    }

    /// The next batch, with the place after it if the stream goes on: in lock-step the one that the server gave.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    pub async fn next_with_token(&mut self) -> Result<Option<(AnnotatedBatch, Option<ResumeToken>)>, RpcError> {
        let Some(batch) = self.next().await? else { return Ok(None) };
        let inner = &mut self.inner;
        // In lock-step the cursor comes after the batch, in the same response.
        while !inner.streamed && inner.queue.is_empty() && matches!(inner.state, State::Reading(_)) {
            match poll_fn(|cx| inner.poll_fill(cx, false)).await {
                Ok(Fill::Batch | Fill::Ended | Fill::Blocked) => {}
                Err(error) => inner.deferred = Some(error),
            }
        }
        Ok(Some((batch, self.resume_token())))
    }

    /// The place after the batch that was taken last: [`MethodCall::resume`](super::MethodCall::resume) goes on from it.
    /// `None` before the server has given a cursor, and after the end.
    pub fn resume_token(&self) -> Option<ResumeToken> {
        let (cursor, skip) = self.inner.position.clone()?;
        Some(ResumeToken { cursor, call: self.inner.call.clone(), skip })
    }

    /// Gives up, and tells the server. Does nothing where the stream has ended; what goes wrong on the way is ignored.
    pub async fn cancel(&mut self) {
        let inner = &mut self.inner;
        inner.queue.clear();
        inner.deferred = None;
        inner.position = None;
        let running = !matches!(std::mem::replace(&mut inner.state, State::Ended), State::Ended);
        if let (true, Some(cursor)) = (running, inner.cursor.take()) {
            cancel(&inner.channel, inner.uri.clone(), inner.generation, &cursor, inner.call.as_deref()).await;
        }
    }
}

impl<S: HttpService, H: Unpin> Stream for ProducerStream<S, H> {
    type Item = Result<AnnotatedBatch, RpcError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().inner.poll_next(cx)
    }
}

impl<S: HttpService> Inner<S> {
    fn new(channel: Channel<S>, target: Target, generation: Generation, uri: Uri) -> Self {
        Self {
            channel,
            target,
            generation,
            uri,
            schema: None,
            state: State::Idle,
            queue: VecDeque::new(),
            deferred: None,
            cursor: None,
            call: None,
            since: 0,
            skip: 0,
            has_next: false,
            streamed: false,
            failures: 0,
            position: None,
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<AnnotatedBatch, RpcError>>> {
        while self.queue.is_empty() {
            if let Some(error) = self.deferred.take() {
                return Poll::Ready(Some(Err(error)));
            }
            match ready!(self.poll_fill(cx, true)) {
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

    /// Goes on until there is a batch more.
    fn poll_fill(&mut self, cx: &mut Context<'_>, may_request: bool) -> Poll<Result<Fill, RpcError>> {
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
                    let batch = batch.inspect_err(|_| self.state = State::Ended)?;
                    if self.deliver(batch) {
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
                    Err(ReadError::Failed(error)) => {
                        self.state = State::Ended;
                        return Poll::Ready(Err(error));
                    }
                },
            }
        }
    }

    /// Takes a batch of the response; says whether there is one more for the caller.
    fn take(&mut self, batch: AnnotatedBatch) -> Result<bool, RpcError> {
        let State::Reading(reader) = &self.state else { return Ok(false) };
        // What was logged with a batch that comes again was told before.
        let on_log = self.target.on_log.as_ref().filter(|_| self.skip == 0);
        match classify(batch, reader, on_log).inspect_err(|_| self.state = State::Ended)? {
            None => Ok(false),
            Some(Item::Data(batch)) => Ok(self.deliver(batch)),
            Some(Item::Token(batch)) => {
                self.keep_tokens(&batch.metadata);
                (self.since, self.skip, self.has_next) = (0, 0, true);
                let position = self.cursor.clone().map(|cursor| (cursor, 0));
                self.set_last_position(position);
                Ok(false)
            }
            Some(Item::Pointer { location, batch }) => match self.channel.shared.settings.external.clone() {
                None => Ok(self.deliver(batch)),
                Some(external) => {
                    let State::Reading(reader) = std::mem::replace(&mut self.state, State::Ended) else {
                        return Ok(false);
                    };
                    self.state =
                        State::Resolving(Box::pin(async move { (external.resolve(location, batch).await, reader) }));
                    Ok(false)
                }
            },
        }
    }

    /// Queues a batch for the caller, unless it was delivered before.
    fn deliver(&mut self, mut batch: AnnotatedBatch) -> bool {
        let carries_cursor = self.keep_tokens(&batch.metadata);
        if carries_cursor {
            self.streamed = true;
            batch.metadata.remove(keys::STREAM_STATE);
        }
        batch.metadata.remove(keys::CALL_STATE);
        if self.skip > 0 {
            self.skip -= 1;
            if carries_cursor {
                self.since = self.skip;
            }
            return false;
        }
        self.since = if carries_cursor { 0 } else { self.since + 1 };
        self.failures = 0;
        let position = self.cursor.clone().map(|cursor| (cursor, self.since));
        self.queue.push_back(Queued { batch, position });
        true
    }

    /// Keeps the tokens of a batch; says whether it has a cursor. The call token comes once and does not change.
    fn keep_tokens(&mut self, metadata: &Metadata) -> bool {
        if metadata.is_empty() {
            return false;
        }
        if self.call.is_none() {
            self.call = metadata.get(keys::CALL_STATE).map(Into::into);
        }
        match metadata.get(keys::STREAM_STATE) {
            Some(cursor) => {
                self.cursor = Some(cursor.into());
                true
            }
            None => false,
        }
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
            self.cursor = None;
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
        let resumes = self.streamed && error.is_connection_error() && self.cursor.is_some();
        if !resumes || self.failures >= MAX_FAILURES {
            self.state = State::Ended;
            return Err(error);
        }
        self.skip = self.since;
        let most = Duration::from_millis(50) * 4_u32.pow(self.failures);
        self.failures += 1;
        self.state = State::Waiting(Box::pin(tokio::time::sleep(most.mul_f64(fastrand::f64()))));
        Ok(())
    }

    /// The request that goes on from the cursor.
    fn request(&self) -> Result<impl Future<Output = Result<Box<ResponseReader>, RpcError>> + Send + use<S>, RpcError> {
        let metadata = tokens(self.cursor.as_deref(), self.call.as_deref());
        let mut outgoing = turn(self.uri.clone(), self.generation, &metadata)?;
        outgoing.streamed = self.channel.shared.settings.streamed_producers;
        outgoing.replayable = self.generation.repeats_calls();
        let channel = self.channel.clone();
        Ok(async move { channel.ask(outgoing).await })
    }
}

impl<S: HttpService, H: fmt::Debug> fmt::Debug for ProducerStream<S, H> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ProducerStream")
            .field("method", &self.inner.target.method)
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

/// A request that runs by itself; ended when it is dropped.
struct Ahead(JoinHandle<Result<Box<ResponseReader>, RpcError>>);

impl Future for Ahead {
    type Output = Result<Box<ResponseReader>, RpcError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(Pin::new(&mut self.0).poll(cx));
        Poll::Ready(outcome.unwrap_or_else(|_| Err(RpcError::runtime_error("the request was given up by the runtime"))))
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The metadata of a turn.
pub(crate) fn tokens(cursor: Option<&[u8]>, call: Option<&[u8]>) -> Metadata {
    let mut metadata = Metadata::new();
    if let Some(cursor) = cursor {
        metadata.append(keys::STREAM_STATE, cursor);
    }
    if let Some(call) = call {
        metadata.append(keys::CALL_STATE, call);
    }
    metadata
}

/// A turn without a batch: it has neither columns nor rows.
fn turn(uri: Uri, generation: Generation, metadata: &Metadata) -> Result<Outgoing, RpcError> {
    let schema = WireSchema::empty();
    let empty = RecordBatch::new_empty(schema.schema().clone());
    Ok(Outgoing::rpc(uri, generation, encode(schema, &empty, metadata)?))
}

/// Tells the server that a stream is given up. One attempt; the answer is of no interest.
pub(crate) async fn cancel<S: HttpService>(
    channel: &Channel<S>,
    uri: Uri,
    generation: Generation,
    cursor: &[u8],
    call: Option<&[u8]>,
) {
    let mut metadata = tokens(Some(cursor), call);
    metadata.append(keys::CANCEL, "1");
    let Ok(outgoing) = turn(uri, generation, &metadata) else { return };
    if let Ok(mut reader) = channel.ask(outgoing).await {
        reader.drain().await;
    }
}
