//! The steps of a producer, each passed through a function of a layer: its part, or the work itself.

use super::handler::BoxFuture;
use super::log::LogMessage;
use super::reply::{Part, PartPlace, Step, Steps};
use crate::RpcError;
use crate::wire::Metadata;

/// Passes the work of each step through the function of [`Reply::map_steps`](super::reply::Reply::map_steps).
pub(super) struct MapSteps<F> {
    steps: Box<dyn Steps>,
    map: F,
}

impl<F> MapSteps<F> {
    pub(super) fn new(steps: Box<dyn Steps>, map: F) -> Self {
        Self { steps, map }
    }
}

impl<F> Steps for MapSteps<F>
where
    F: for<'a> Fn(BoxFuture<'a, Result<Step, RpcError>>) -> BoxFuture<'a, Result<Step, RpcError>> + Send,
{
    fn next(&mut self) -> BoxFuture<'_, Result<Step, RpcError>> {
        (self.map)(self.steps.next())
    }

    fn checkpoint(&mut self) -> Result<Vec<u8>, RpcError> {
        self.steps.checkpoint()
    }

    fn seal(&mut self, checkpoint: Vec<u8>, with_call_token: bool) -> Result<Metadata, RpcError> {
        self.steps.seal(checkpoint, with_call_token)
    }

    fn take_back(&mut self) {
        self.steps.take_back();
    }

    fn is_resumable(&mut self) -> bool {
        self.steps.is_resumable()
    }

    fn sealed_size(&self, checkpoint: usize) -> usize {
        self.steps.sealed_size(checkpoint)
    }

    fn take_logs(&mut self) -> Vec<LogMessage> {
        self.steps.take_logs()
    }

    fn take_response_headers(&mut self) -> http::HeaderMap {
        self.steps.take_response_headers()
    }
}

/// Passes each part through the function of [`Reply::map_parts`](super::reply::Reply::map_parts).
pub(super) struct MapParts<F> {
    steps: Box<dyn Steps>,
    map: F,
    place: PartPlace,
    /// What a part that could not be mapped had logged.
    logs: Vec<LogMessage>,
}

impl<F> MapParts<F> {
    pub(super) fn new(steps: Box<dyn Steps>, place: PartPlace, map: F) -> Self {
        Self { steps, map, place, logs: Vec::new() }
    }
}

impl<F> Steps for MapParts<F>
where
    F: Fn(Part, PartPlace) -> BoxFuture<'static, Result<Part, RpcError>> + Send + Sync,
{
    fn next(&mut self) -> BoxFuture<'_, Result<Step, RpcError>> {
        Box::pin(async move {
            let step = self.steps.next().await?;
            let logs = step.part.logs.clone();
            match (self.map)(step.part, self.place.clone()).await {
                Ok(part) => Ok(Step { part, finished: step.finished }),
                Err(error) => {
                    self.logs = logs;
                    Err(error)
                }
            }
        })
    }

    fn checkpoint(&mut self) -> Result<Vec<u8>, RpcError> {
        self.steps.checkpoint()
    }

    fn seal(&mut self, checkpoint: Vec<u8>, with_call_token: bool) -> Result<Metadata, RpcError> {
        self.steps.seal(checkpoint, with_call_token)
    }

    fn take_back(&mut self) {
        self.steps.take_back();
    }

    fn is_resumable(&mut self) -> bool {
        self.steps.is_resumable()
    }

    fn sealed_size(&self, checkpoint: usize) -> usize {
        self.steps.sealed_size(checkpoint)
    }

    fn take_logs(&mut self) -> Vec<LogMessage> {
        let mut logs = std::mem::take(&mut self.logs);
        logs.append(&mut self.steps.take_logs());
        logs
    }

    fn take_response_headers(&mut self) -> http::HeaderMap {
        self.steps.take_response_headers()
    }
}
