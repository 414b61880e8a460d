//! The response of a producer that callers take turn by turn: one step, or as many as fit under a soft cap.

use std::sync::Arc;

use http::{HeaderMap, Response};

use super::streamed::StreamedProducer;
use super::{ResponseContext, encode_error, frames_body};
use crate::rpc::budget;
use crate::rpc::failed_call::FailedCall;
use crate::rpc::generation::ProducerCap;
use crate::rpc::reply::{Part, Steps};
use crate::wire::{Frames, Metadata, StreamEncoder, WireSchema};
use crate::{Body, RpcError};

pub(super) struct Producer {
    pub(super) schema: Arc<WireSchema>,
    pub(super) header: Option<(Arc<WireSchema>, Part)>,
    pub(super) limit: Option<u64>,
    pub(super) headers: HeaderMap,
    pub(super) steps: Box<dyn Steps>,
}

impl Producer {
    /// The response, or the one of an error in its place.
    pub(super) async fn respond(mut self, response: ResponseContext) -> Result<Response<Body>, Response<Body>> {
        let mut frames = Frames::new();
        if let Err(error) = response.write_header(self.header.take(), &mut frames) {
            return Err(response.failed(encode_error(error).into()));
        }
        let mut encoder = StreamEncoder::new(self.schema.clone());
        encoder.write_schema(&mut frames);
        let cap = response.generation.producer_cap();
        if response.streamed {
            let headers = std::mem::take(&mut self.headers);
            let producer = StreamedProducer::new(self.steps, encoder, frames, self.limit, response);
            return producer.respond(headers).await;
        }
        let outcome = self.steps(&response, &mut encoder, &mut frames, cap).await;
        if outcome.is_err() {
            self.steps.take_back();
        }
        let rpc_error = match outcome {
            Ok(()) => false,
            Err(Failure::InBand(error)) => {
                response.record_error(&error);
                let _ = response.write_logs(&mut encoder, &self.steps.take_logs(), &mut frames);
                let _ = response.write_error(&mut encoder, &error, &mut frames);
                true
            }
            Err(Failure::Whole(error)) => return Err(response.failed(self.failed(error))),
        };
        encoder.write_end(&mut frames);
        Ok(response.ok(frames_body(frames), self.take_headers(), rpc_error))
    }

    /// One step; several where the cap is soft. Ends with a cursor unless the producer has finished.
    async fn steps(
        &mut self,
        response: &ResponseContext,
        encoder: &mut StreamEncoder,
        frames: &mut Frames,
        cap: ProducerCap,
    ) -> Result<(), Failure> {
        loop {
            let step = self.steps.next().await.map_err(Failure::InBand)?;
            response.write_part(encoder, &step.part, frames).map_err(|error| Failure::InBand(encode_error(error)))?;
            let full = match (cap, self.limit) {
                (ProducerCap::Soft, Some(limit)) => frames.len() as u64 >= limit,
                _ => true,
            };
            if step.finished {
                break;
            }
            if full {
                let sentinel = self.seal().map_err(Failure::InBand)?;
                response
                    .write_cursor(encoder, &sentinel, frames)
                    .map_err(|error| Failure::InBand(encode_error(error)))?;
                break;
            }
        }
        // What ends the stream is still to be written: 8 bytes.
        let size = frames.len() as u64 + 8;
        match (cap, self.limit) {
            (ProducerCap::Hard, Some(limit)) if size > limit => {
                Err(Failure::Whole(budget::too_large(size, limit, response.subject.method())))
            }
            _ => Ok(()),
        }
    }

    fn seal(&mut self) -> Result<Metadata, RpcError> {
        let checkpoint = self.steps.checkpoint()?;
        self.steps.seal(checkpoint, true)
    }

    fn failed(&mut self, error: RpcError) -> FailedCall {
        FailedCall { headers: self.take_headers(), ..error.into() }
    }

    fn take_headers(&mut self) -> HeaderMap {
        let mut headers = std::mem::take(&mut self.headers);
        headers.extend(self.steps.take_response_headers());
        headers
    }
}

/// How a step fails.
enum Failure {
    /// After what has been written already.
    InBand(RpcError),
    /// In place of everything.
    Whole(RpcError),
}
