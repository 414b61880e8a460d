//! [`MethodCall`]: a call of a method by its names, and what all calls have in common.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::RecordBatch;
use http::Uri;

use super::answer::{Item, classify, only_batch};
use super::channel::Channel;
use super::envelope::{Endpoint, Target};
use super::exchange::ExchangeStream;
use super::otel::RequestSpan;
use super::outgoing::{Outgoing, encode};
use super::producer::ProducerStream;
use super::response::ResponseReader;
use super::resume::ResumeToken;
use super::service::HttpService;
use super::time::in_time;
use crate::generation::Generation;
use crate::log::LogMessage;
use crate::wire::{AnnotatedBatch, BatchKind, Event, Metadata, WireSchema};
use crate::{Result, RpcError};

/// A call of a method by its names on the wire.
///
/// ```no_run
/// # async fn call(channel: tower_vgi::client::Channel, row: arrow_array::RecordBatch) -> Result<(), tower_vgi::RpcError> {
/// let sum = channel.method("Calculator", "add").version("1.0.0").unary(row).await?;
/// # let _ = sum;
/// # Ok(())
/// # }
/// ```
#[must_use = "a call is made by `unary`, `producer` or `exchange`"]
pub struct MethodCall<'a, S> {
    channel: &'a Channel<S>,
    target: Target,
    with_header: bool,
    idempotent: bool,
}

impl<'a, S: HttpService> MethodCall<'a, S> {
    pub(crate) fn new(channel: &'a Channel<S>, protocol: &str, method: &str) -> Self {
        Self::of(channel, protocol.to_owned().into(), method.to_owned().into(), None)
    }

    pub(crate) fn of(
        channel: &'a Channel<S>,
        protocol: Cow<'static, str>,
        method: Cow<'static, str>,
        version: Option<&'static str>,
    ) -> Self {
        let on_log = channel.shared.settings.on_log.clone();
        let target = Target { protocol, method, version: version.map(Cow::Borrowed), metadata: None, on_log };
        Self { channel, target, with_header: false, idempotent: false }
    }

    /// The version of the protocol that the caller was written for.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.target.version = Some(Cow::Owned(version.into()));
        self
    }

    /// Metadata of the application's own on the request that calls the method.
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.target.metadata = Some(metadata);
        self
    }

    /// Is called with each message that the server logs, in place of the channel's.
    pub fn on_log(mut self, on_log: impl Fn(&LogMessage) + Send + Sync + 'static) -> Self {
        self.target.on_log = Some(Arc::new(on_log));
        self
    }

    /// The stream has a header, which comes before its batches. Typed proxies know.
    pub fn with_header(mut self) -> Self {
        self.with_header = true;
        self
    }

    /// The call may be repeated: the channel's retry policy counts for it.
    pub fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// Calls a unary method. The batch has one row, a column for each parameter.
    ///
    /// # Errors
    ///
    /// What the server answers, or why it could not be asked.
    pub async fn unary(self, parameters: RecordBatch) -> Result<AnnotatedBatch, RpcError> {
        let schema = self.channel.wire_schema(&parameters)?;
        self.unary_with(schema, &parameters).await
    }

    /// Opens a producer.
    ///
    /// # Errors
    ///
    /// As [`MethodCall::unary`].
    pub async fn producer(
        self,
        parameters: RecordBatch,
    ) -> Result<ProducerStream<S, Option<AnnotatedBatch>>, RpcError> {
        let schema = self.channel.wire_schema(&parameters)?;
        self.producer_with(schema, &parameters).await
    }

    /// Opens an exchange.
    ///
    /// # Errors
    ///
    /// As [`MethodCall::unary`].
    pub async fn exchange(
        self,
        parameters: RecordBatch,
    ) -> Result<ExchangeStream<S, Option<AnnotatedBatch>>, RpcError> {
        let schema = self.channel.wire_schema(&parameters)?;
        self.exchange_with(schema, &parameters).await
    }

    /// Goes on with a producer where [`ProducerStream::resume_token`] was taken, in this process or another.
    ///
    /// # Errors
    ///
    /// Why the server could not be asked which form of the wire it speaks.
    pub async fn resume(self, token: ResumeToken) -> Result<ProducerStream<S>, RpcError> {
        let generation = self.channel.generation().await?;
        let uri = self.channel.uri(&self.target.path(generation, Endpoint::Exchange)?)?;
        Ok(ProducerStream::resumed(self.channel.clone(), self.target, generation, uri, token))
    }

    pub(crate) async fn unary_with(
        self,
        schema: Arc<WireSchema>,
        parameters: &RecordBatch,
    ) -> Result<AnnotatedBatch, RpcError> {
        let (timeout, method) = (self.channel.shared.settings.timeout, self.target.method.clone());
        let mut call = std::pin::pin!(self.call_unary(schema, parameters));
        in_time(timeout, call.as_mut(), || format!("no result of '{method}'")).await
    }

    async fn call_unary(self, schema: Arc<WireSchema>, parameters: &RecordBatch) -> Result<AnnotatedBatch, RpcError> {
        let (reader, _) = self.send(Endpoint::Unary, schema, parameters, false).await?;
        only_batch(self.channel, reader, self.target.on_log.as_ref(), "a result").await
    }

    pub(crate) async fn producer_with(
        self,
        schema: Arc<WireSchema>,
        parameters: &RecordBatch,
    ) -> Result<ProducerStream<S, Option<AnnotatedBatch>>, RpcError> {
        let (channel, target) = (self.channel.clone(), self.target.clone());
        let opened = self.open(schema, parameters, true).await?;
        ProducerStream::opened(channel, target, opened)
    }

    pub(crate) async fn exchange_with(
        self,
        schema: Arc<WireSchema>,
        parameters: &RecordBatch,
    ) -> Result<ExchangeStream<S, Option<AnnotatedBatch>>, RpcError> {
        let (channel, target) = (self.channel.clone(), self.target.clone());
        let opened = self.open(schema, parameters, false).await?;
        let (timeout, method) = (channel.shared.settings.timeout, target.method.clone());
        let mut rest = std::pin::pin!(ExchangeStream::opened(channel, target, opened));
        in_time(timeout, rest.as_mut(), || format!("the exchange of '{method}' did not begin")).await
    }

    /// Opens a stream: reads up to its first batch, so that an error is told at once.
    async fn open(self, schema: Arc<WireSchema>, parameters: &RecordBatch, producer: bool) -> Result<Opened, RpcError> {
        let (timeout, method) = (self.channel.shared.settings.timeout, self.target.method.clone());
        let mut opening = std::pin::pin!(self.begin(schema, parameters, producer));
        in_time(timeout, opening.as_mut(), || format!("the stream of '{method}' did not begin")).await
    }

    async fn begin(
        self,
        schema: Arc<WireSchema>,
        parameters: &RecordBatch,
        producer: bool,
    ) -> Result<Opened, RpcError> {
        let (mut reader, generation) = self.send(Endpoint::Init, schema, parameters, producer).await?;
        let uri = self.channel.uri(&self.target.path(generation, Endpoint::Exchange)?)?;
        let mut header = None;
        let mut in_header = self.with_header;
        let mut output = None;
        let first = loop {
            match reader.event().await? {
                // Where a header is, the stream itself is as well, although it may have no batch.
                None if self.with_header && output.is_none() => return Err(reader.incomplete("the stream itself")),
                None => break None,
                Some(Event::Schema(schema)) if !in_header => output = Some(schema),
                Some(Event::Schema(_)) => {}
                Some(Event::EndOfStream) if in_header && header.is_none() => return Err(reader.incomplete("a header")),
                Some(Event::EndOfStream) => in_header = false,
                Some(Event::Batch(batch)) if in_header => {
                    match classify(batch, &reader, self.target.on_log.as_ref())? {
                        None => {}
                        Some(Item::Data(batch) | Item::Token(batch)) => header = Some(batch),
                        Some(Item::Pointer(batch)) => {
                            let external = &self.channel.shared.settings.external;
                            header = Some(external.resolve(batch, self.target.on_log.as_ref()).await?);
                        }
                    }
                }
                Some(Event::Batch(batch)) => match batch.kind() {
                    BatchKind::Log { .. } | BatchKind::Error { .. } => {
                        let outcome = classify(batch, &reader, self.target.on_log.as_ref());
                        if let Err(error) = outcome {
                            reader.let_go();
                            return Err(error);
                        }
                    }
                    _ => break Some(batch),
                },
            }
        };
        Ok(Opened { generation, uri, header, reader, first, output })
    }

    async fn send(
        &self,
        endpoint: Endpoint,
        schema: Arc<WireSchema>,
        parameters: &RecordBatch,
        producer: bool,
    ) -> Result<(Box<ResponseReader>, Generation), RpcError> {
        let generation = self.channel.generation().await?;
        let uri = self.channel.uri(&self.target.path(generation, endpoint)?)?;
        let span = RequestSpan::begin(&uri, generation);
        let mut metadata = self.target.metadata(generation);
        span.add_to(&mut metadata);
        let frames = encode(schema.clone(), parameters, &metadata)?;
        let mut outgoing = Outgoing::rpc(uri, generation, frames).with_envelope(schema, metadata);
        outgoing.span = Some(span);
        outgoing.replayable = self.idempotent || generation.repeats_calls();
        outgoing.streamed = producer && self.channel.shared.settings.streamed_producers;
        Ok((self.channel.ask(outgoing).await?, generation))
    }
}

impl<S> std::fmt::Debug for MethodCall<'_, S> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("MethodCall")
            .field("protocol", &self.target.protocol)
            .field("method", &self.target.method)
            .finish_non_exhaustive()
    }
}

/// A stream that has been opened.
pub(crate) struct Opened {
    pub(crate) generation: Generation,
    /// Where its next turns go.
    pub(crate) uri: Uri,
    pub(crate) header: Option<AnnotatedBatch>,
    pub(crate) reader: Box<ResponseReader>,
    /// The first batch that is neither log nor error.
    pub(crate) first: Option<AnnotatedBatch>,
    pub(crate) output: Option<Arc<WireSchema>>,
}
