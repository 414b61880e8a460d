//! The states of streams, erased: what the runner works with.

use std::sync::Arc;

use arrow_array::RecordBatch;

use super::context::CallContext;
use super::handler::BoxFuture;
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

    /// Whether it can go on from any state that was saved, and not only from where it stops.
    fn is_resumable(&mut self) -> bool {
        true
    }

    /// What was saved goes to the caller, who may come back with it.
    fn hand_out(&mut self, saved: &[u8]) -> Result<()> {
        let _ = saved;
        Ok(())
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

    fn is_resumable(&mut self) -> bool {
        self.0.as_live().is_none()
    }

    fn hand_out(&mut self, saved: &[u8]) -> Result<()> {
        self.0.as_live().map_or(Ok(()), |live| live.hand_out(saved))
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
