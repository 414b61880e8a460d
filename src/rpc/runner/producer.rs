//! The steps of a producer, which the encoder drives.

use std::sync::Arc;

use super::exchange::Schemas;
use super::{isolated, save, scope};
use crate::RpcError;
use crate::rpc::context::{CallContext, CancelOnDrop};
use crate::rpc::dispatcher::Runtime;
use crate::rpc::erased_state::ErasedState;
use crate::rpc::handler::BoxFuture;
use crate::rpc::reply::{Part, Step, Steps};
use crate::rpc::stream::Output;
use crate::rpc::token::{self, OpenCall};
use crate::wire::{Metadata, WireSchema, keys};

/// A producer in the middle of its work.
pub(super) struct ProducerSteps {
    state: Box<dyn ErasedState>,
    context: CallContext,
    runtime: Arc<Runtime>,
    open: OpenCall,
    output: Arc<WireSchema>,
    /// Whether this response opens the stream, and so hands over the call token.
    opens: bool,
    first: bool,
    /// The first step, which has run within the call's layers.
    ready: Option<Result<Step, RpcError>>,
    _gone: CancelOnDrop,
}

impl ProducerSteps {
    pub(super) fn new(
        state: Box<dyn ErasedState>,
        context: CallContext,
        gone: CancelOnDrop,
        runtime: Arc<Runtime>,
        open: OpenCall,
        schemas: &Schemas,
        init: bool,
    ) -> Self {
        let output = schemas.output.clone();
        Self { state, context, runtime, open, output, opens: init, first: true, ready: None, _gone: gone }
    }

    /// Takes the first step now, so that it counts for the layers around the call: their time limits, their permits.
    pub(super) async fn begin(&mut self) {
        self.ready = Some(self.step().await);
    }

    /// The caller will not come back, whatever was handed out: nothing is kept.
    fn abandon(&mut self) {
        if let Some(live) = self.state.as_live() {
            live.abandon();
        }
    }

    async fn step(&mut self) -> Result<Step, RpcError> {
        // Only the first step of a response answers a tick; what follows was not asked for one by one.
        if !std::mem::take(&mut self.first) {
            self.context = self.context.with_metadata(Metadata::new());
        }
        let mut output = Output::new(self.output.schema().clone(), true);
        let context = &self.context;
        // Nothing follows a step that a layer gives up on; what the step has begun elsewhere has to hear of that now.
        let given_up = context.cancel_on_drop();
        // What a live stream waits for may be waiting for this call's session, which is not taken before.
        if let Some(live) = self.state.as_live() {
            live.resume(context).await.map_err(crate::MethodError::into_rpc_error)?;
        }
        let state = &mut self.state;
        let done = isolated(context, async { state.step(context, None, &mut output).await }).await;
        given_up.disarm();
        done?;
        let (data, finished) = output.into_parts();
        if !finished
            && let Some(session) = context.call_session()
            && let Err(error) = session.check_given_back()
        {
            // The guard may be part of the state, and would stay with it.
            self.abandon();
            return Err(error);
        }
        if data.is_none() && !finished {
            return Err(RpcError::runtime_error(format!(
                "{}/{}: a step has to emit a batch or call finish()",
                self.context.protocol(),
                self.context.method().name
            )));
        }
        Ok(Step { part: Part { logs: self.context.take_logs(), data }, finished })
    }
}

impl Steps for ProducerSteps {
    fn next(&mut self) -> BoxFuture<'_, Result<Step, RpcError>> {
        match self.ready.take() {
            Some(step) => Box::pin(std::future::ready(step)),
            None => Box::pin(self.step()),
        }
    }

    fn checkpoint(&mut self) -> Result<Vec<u8>, RpcError> {
        save(&self.context, self.state.as_ref())
    }

    fn seal(&mut self, checkpoint: Vec<u8>, with_call_token: bool) -> Result<Metadata, RpcError> {
        if let Some(live) = self.state.as_live() {
            live.hand_out(&checkpoint).map_err(crate::MethodError::into_rpc_error)?;
        }
        let tokens = &self.runtime.tokens;
        let mut metadata = Metadata::new();
        metadata.insert(keys::STREAM_STATE, tokens.seal_cursor(&self.open, checkpoint, &scope(&self.context))?);
        if self.opens && with_call_token {
            metadata.insert(keys::CALL_STATE, tokens.seal_call(&self.open, &scope(&self.context))?);
        }
        Ok(metadata)
    }

    fn take_back(&mut self) {
        // Callers of later responses have the ticket with which they asked for this one.
        if self.opens {
            self.abandon();
        }
    }

    fn is_resumable(&mut self) -> bool {
        self.state.as_live().is_none()
    }

    fn sealed_size(&self, checkpoint: usize) -> usize {
        token::sealed_size(&self.open, checkpoint)
    }

    fn take_logs(&mut self) -> Vec<crate::rpc::log::LogMessage> {
        self.context.take_logs()
    }

    fn take_response_headers(&mut self) -> http::HeaderMap {
        self.context.take_response_headers()
    }
}
