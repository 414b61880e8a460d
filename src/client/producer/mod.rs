//! [`ProducerStream`]: the batches of a producer, whatever responses they come in.

mod place;
mod reading;
mod turn;

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use arrow_schema::SchemaRef;
use futures_util::Stream;
use http::Uri;

use self::place::Place;
use self::reading::{Fill, Reading, State};
pub(crate) use self::turn::cancel;
use super::call::Opened;
use super::channel::Channel;
use super::connect::Connection;
use super::envelope::Target;
use super::resume::ResumeToken;
use super::service::HttpService;
use crate::generation::Generation;
use crate::wire::{AnnotatedBatch, Metadata};
use crate::{Result, RpcError};

/// The batches of a producer: a `futures::Stream`, which ends with the producer or with an error.
///
/// Each batch is given as soon as it is there. A server that streams producers sends them in one response; should its
/// connection break, the stream goes on where it was, without loss or repetition. From other servers one batch a
/// request is taken, and the next asked for before it is wanted. Dropping the stream ends what is under way and tells
/// the server nothing; [`cancel`](Self::cancel) does.
#[must_use = "a stream does nothing unless it is read"]
pub struct ProducerStream<S: HttpService = Connection, H = ()> {
    header: H,
    reading: Box<Reading<S>>,
}

impl<S: HttpService> ProducerStream<S, Option<AnnotatedBatch>> {
    pub(crate) fn opened(channel: Channel<S>, target: Target, opened: Opened) -> Result<Self, RpcError> {
        let Opened { generation, uri, header, reader, first, output } = opened;
        let mut reading = Reading::new(channel, target, generation, uri, Place::default());
        reading.schema = output;
        reading.state = State::Reading(reader);
        if let Some(first) = first {
            reading.take(first)?;
        }
        Ok(Self { header, reading: Box::new(reading) })
    }

    pub(crate) fn map_header<H>(
        self,
        read: impl FnOnce(Option<AnnotatedBatch>) -> Result<H, RpcError>,
    ) -> Result<ProducerStream<S, H>, RpcError> {
        Ok(ProducerStream { header: read(self.header)?, reading: self.reading })
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
        let reading = Reading::new(channel, target, generation, uri, Place::of(token));
        Self { header: (), reading: Box::new(reading) }
    }
}

impl<S: HttpService, H> ProducerStream<S, H> {
    /// What came before the batches.
    pub fn header(&self) -> &H {
        &self.header
    }

    /// The columns of the batches, as soon as they are known.
    pub fn schema(&self) -> Option<&SchemaRef> {
        self.reading.schema.as_ref().map(|schema| schema.schema())
    }

    /// The next batch; `None` at the end.
    ///
    /// # Errors
    ///
    /// What the server answers, or why it could not be asked. The stream has ended then.
    pub async fn next(&mut self) -> Result<Option<AnnotatedBatch>, RpcError> {
        poll_fn(|cx| self.reading.poll_next(cx)).await.transpose()
    }

    /// The next batch, with the place after it if the stream goes on: in lock-step the one that the server gave.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    pub async fn next_with_token(&mut self) -> Result<Option<(AnnotatedBatch, Option<ResumeToken>)>, RpcError> {
        let Some(batch) = self.next().await? else { return Ok(None) };
        let reading = &mut self.reading;
        // In lock-step the cursor comes after the batch, in the same response.
        while !reading.streamed && reading.queue.is_empty() && matches!(reading.state, State::Reading(_)) {
            match poll_fn(|cx| reading.poll_fill(cx, false)).await {
                Ok(Fill::Batch | Fill::Ended | Fill::Blocked) => {}
                Err(error) => reading.deferred = Some(error),
            }
        }
        Ok(Some((batch, self.resume_token())))
    }

    /// The place after the batch that was taken last: [`MethodCall::resume`](super::MethodCall::resume) goes on from it.
    /// `None` before the server has given a cursor, and after the end.
    pub fn resume_token(&self) -> Option<ResumeToken> {
        self.reading.position.clone().map(|position| self.reading.place.resume_token(position))
    }

    /// Metadata of the application's own on each request that goes on with the stream, from the next one on. A method of
    /// the namespaced generation sees it as that of its turn.
    ///
    /// To say something else with each turn, take one batch a request, and none ahead:
    /// [`streamed_producers`](super::ChannelBuilder::streamed_producers) and
    /// [`request_ahead`](super::ChannelBuilder::request_ahead).
    pub fn set_metadata(&mut self, metadata: Metadata) {
        self.reading.metadata = metadata;
    }

    /// Gives up, and tells the server. Does nothing where the stream has ended; what goes wrong on the way is ignored.
    pub async fn cancel(&mut self) {
        let reading = &mut self.reading;
        reading.queue.clear();
        reading.deferred = None;
        reading.position = None;
        let running = !matches!(std::mem::replace(&mut reading.state, State::Ended), State::Ended);
        if let (true, Some(cursor)) = (running, reading.place.end()) {
            let (channel, uri) = (&reading.channel, reading.uri.clone());
            cancel(channel, uri, reading.generation, &cursor, reading.place.call()).await;
        }
    }
}

impl<S: HttpService, H: Unpin> Stream for ProducerStream<S, H> {
    type Item = Result<AnnotatedBatch, RpcError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().reading.poll_next(cx)
    }
}

impl<S: HttpService, H: fmt::Debug> fmt::Debug for ProducerStream<S, H> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ProducerStream")
            .field("method", &self.reading.target.method)
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}
