//! The states of streams, erased: what the runner works with.

use std::sync::Arc;

use arrow_array::RecordBatch;

use super::context::CallContext;
use super::handler::BoxFuture;
use super::live_stream::LiveStream;
use super::stream::{ExchangeState, Output, ProducerState};
use crate::wire::{AnnotatedBatch, WireSchema};
use crate::{Result, RpcError};

/// A stream that a method has opened. Schemas are set where they differ from call to call.
pub(crate) struct OpenStream {
    pub(crate) output: Option<Arc<WireSchema>>,
    pub(crate) input: Option<Arc<WireSchema>>,
    pub(crate) header: Option<RecordBatch>,
    pub(crate) state: Box<dyn ErasedState>,
}

/// The object-safe twin of the two state traits.
pub(crate) trait ErasedState: Send {
    /// One step; `input` is there for exchanges.
    fn step<'a>(
        &'a mut self,
        context: &'a CallContext,
        input: Option<AnnotatedBatch>,
        output: &'a mut Output,
    ) -> BoxFuture<'a, Result<()>>;

    fn cancel<'a>(&'a mut self, context: &'a CallContext) -> BoxFuture<'a, ()>;

    fn save(&self) -> Result<Vec<u8>>;

    /// The one state that is more than what is saved of it.
    fn as_live(&mut self) -> Option<&mut LiveStream> {
        None
    }
}

pub(super) struct ErasedProducer<S>(pub(super) S);

impl<S: ProducerState> ErasedState for ErasedProducer<S> {
    fn step<'a>(
        &'a mut self,
        context: &'a CallContext,
        _input: Option<AnnotatedBatch>,
        output: &'a mut Output,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.0.produce(context, output))
    }

    fn cancel<'a>(&'a mut self, context: &'a CallContext) -> BoxFuture<'a, ()> {
        Box::pin(self.0.cancel(context))
    }

    fn save(&self) -> Result<Vec<u8>> {
        Ok(postcard::to_allocvec(&self.0)?)
    }

    fn as_live(&mut self) -> Option<&mut LiveStream> {
        self.0.as_live()
    }
}

pub(super) struct ErasedExchange<S>(pub(super) S);

impl<S: ExchangeState> ErasedState for ErasedExchange<S> {
    fn step<'a>(
        &'a mut self,
        context: &'a CallContext,
        input: Option<AnnotatedBatch>,
        output: &'a mut Output,
    ) -> BoxFuture<'a, Result<()>> {
        match input {
            Some(input) => Box::pin(self.0.exchange(context, input, output)),
            None => Box::pin(async { Err(RpcError::runtime_error("an exchange needs a batch of its caller"))? }),
        }
    }

    fn cancel<'a>(&'a mut self, context: &'a CallContext) -> BoxFuture<'a, ()> {
        Box::pin(self.0.cancel(context))
    }

    fn save(&self) -> Result<Vec<u8>> {
        Ok(postcard::to_allocvec(&self.0)?)
    }
}
