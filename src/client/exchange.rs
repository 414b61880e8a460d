//! [`ExchangeStream`]: batch for batch.

use std::fmt;
use std::sync::Arc;

use http::Uri;

use super::answer::{Item, classify, only_batch};
use super::call::Opened;
use super::channel::Channel;
use super::connect::Connection;
use super::envelope::Target;
use super::outgoing::{Outgoing, encode};
use super::producer::cancel;
use super::service::HttpService;
use super::time::in_time;
use crate::generation::Generation;
use crate::wire::{AnnotatedBatch, Event, WireSchema, keys};
use crate::{Result, RpcError};

/// An exchange: each batch that is sent is answered with one.
///
/// It is ended by not going on, or by [`cancel`](Self::cancel), which tells the server. After an error it can be gone on
/// with from the state before the turn that failed.
pub struct ExchangeStream<S: HttpService = Connection, H = ()> {
    header: H,
    channel: Channel<S>,
    target: Target,
    generation: Generation,
    uri: Uri,
    cursor: Option<Arc<[u8]>>,
    call: Option<Arc<[u8]>>,
    /// Of the batch that was sent last.
    schema: Option<Arc<WireSchema>>,
}

impl<S: HttpService> ExchangeStream<S, Option<AnnotatedBatch>> {
    pub(crate) async fn opened(channel: Channel<S>, target: Target, opened: Opened) -> Result<Self, RpcError> {
        let Opened { generation, uri, header, mut reader, first, .. } = opened;
        let (mut cursor, mut call) = (None, None);
        let mut next = first;
        loop {
            if let Some(batch) = next.take()
                && let Some(Item::Token(batch)) = classify(batch, &reader, target.on_log.as_ref())?
            {
                cursor = batch.metadata.get(keys::STREAM_STATE).map(Into::into);
                call = batch.metadata.get(keys::CALL_STATE).map(Into::into);
            }
            match reader.event().await? {
                None => break,
                Some(Event::Batch(batch)) => next = Some(batch),
                Some(_) => {}
            }
        }
        if cursor.is_none() {
            return Err(reader.incomplete("the token of the exchange"));
        }
        Ok(Self { header, channel, target, generation, uri, cursor, call, schema: None })
    }

    pub(crate) fn map_header<H>(
        self,
        read: impl FnOnce(Option<AnnotatedBatch>) -> Result<H, RpcError>,
    ) -> Result<ExchangeStream<S, H>, RpcError> {
        let Self { header, channel, target, generation, uri, cursor, call, schema } = self;
        Ok(ExchangeStream { header: read(header)?, channel, target, generation, uri, cursor, call, schema })
    }
}

impl<S: HttpService, H> ExchangeStream<S, H> {
    /// What came when the exchange was opened.
    pub fn header(&self) -> &H {
        &self.header
    }

    /// Sends a batch, gives the answer. Metadata of the application's own travels with both.
    ///
    /// # Errors
    ///
    /// What the server answers, or why it could not be asked; a `ProtocolError` once the exchange was cancelled, or the
    /// last answer had no token to go on with, as one has that is kept elsewhere and was not fetched.
    pub async fn exchange(&mut self, input: impl Into<AnnotatedBatch>) -> Result<AnnotatedBatch, RpcError> {
        let Some(cursor) = &self.cursor else {
            return Err(RpcError::new("ProtocolError", "the exchange has ended: there is no token to go on with"));
        };
        let AnnotatedBatch { batch, mut metadata } = input.into();
        metadata.insert(keys::STREAM_STATE, cursor);
        if let Some(call) = &self.call {
            metadata.insert(keys::CALL_STATE, call);
        }
        let schema = match &self.schema {
            Some(schema) if Arc::ptr_eq(schema.schema(), batch.schema_ref()) => schema.clone(),
            _ => self.channel.wire_schema(&batch)?,
        };
        self.schema = Some(schema.clone());
        let frames = encode(schema.clone(), &batch, &metadata)?;
        let outgoing = Outgoing::rpc(self.uri.clone(), self.generation, frames).with_envelope(schema, metadata);
        let mut turn = std::pin::pin!(async {
            let reader = self.channel.ask(outgoing).await?;
            only_batch(&self.channel, reader, self.target.on_log.as_ref(), "an answer").await
        });
        let (timeout, method) = (self.channel.shared.settings.timeout, &self.target.method);
        let mut output = in_time(timeout, turn.as_mut(), || format!("no answer of '{method}'")).await?;
        // The answer of a turn has the state after it. Without, the next turn would begin where this one did.
        self.cursor = output.metadata.get(keys::STREAM_STATE).map(Into::into);
        output.metadata.remove(keys::STREAM_STATE);
        output.metadata.remove(keys::CALL_STATE);
        Ok(output)
    }

    /// Gives up, and tells the server. Does nothing the second time; what goes wrong on the way is ignored.
    pub async fn cancel(&mut self) {
        if let Some(cursor) = self.cursor.take() {
            cancel(&self.channel, self.uri.clone(), self.generation, &cursor, self.call.as_deref()).await;
        }
    }
}

impl<S: HttpService, H: fmt::Debug> fmt::Debug for ExchangeStream<S, H> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ExchangeStream")
            .field("method", &self.target.method)
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}
