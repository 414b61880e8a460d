//! A producer as one streamed response: each batch leaves when it is made, and the caller's reading sets the pace.
//!
//! This is an extension of ours, for callers that ask for it with `VGI-Accept-Producer-Stream: true`. Batches carry
//! a cursor often enough that a broken connection costs little, and the response ends with a cursor where its
//! budget is used up.

use std::collections::VecDeque;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Response};
use http_body::Frame;
use http_body_util::StreamBody;

use super::held::Guards;
use super::{ResponseContext, encode_error, write_empty};
use crate::rpc::budget;
use crate::rpc::call::{Step, Steps};
use crate::rpc::failed_call::FailedCall;
use crate::rpc::generation::ProducerCap;
use crate::wire::{Frames, StreamEncoder};
use crate::{Body, BoxError, RpcError};

/// A cursor at least once for so many bytes…
const CURSOR_EVERY_BYTES: usize = 64 * 1024;

/// …and at least once for so many batches.
const CURSOR_EVERY_BATCHES: usize = 32;

/// Room for the batch that carries the last cursor and for the end of the stream, besides the state itself.
const SENTINEL_ROOM: u64 = 4096;

pub(super) struct StreamedProducer {
    steps: Box<dyn Steps>,
    encoder: StreamEncoder,
    response: ResponseContext,
    limit: Option<u64>,
    /// Bytes in all, the queue included.
    written: u64,
    /// The largest batch so far: what the next one will probably need.
    largest: u64,
    batches: u64,
    bytes_since_cursor: usize,
    batches_since_cursor: usize,
    queue: VecDeque<Bytes>,
    ended: bool,
    _guards: Guards,
}

/// What a step led to.
enum Failure {
    /// The stream ends with this error.
    InBand(RpcError),
    /// Nothing has been sent, and nothing fits: the error takes the place of the response.
    Whole(RpcError),
}

impl StreamedProducer {
    /// Begins with what has been written of the body: the header stream and the schema.
    pub(super) fn new(
        steps: Box<dyn Steps>,
        encoder: StreamEncoder,
        begun: Frames,
        limit: Option<u64>,
        response: ResponseContext,
        guards: Guards,
    ) -> Self {
        Self {
            steps,
            encoder,
            response,
            limit,
            written: begun.len() as u64,
            largest: 0,
            batches: 0,
            // The very first batch carries the call token, if this response opens the stream.
            bytes_since_cursor: CURSOR_EVERY_BYTES,
            batches_since_cursor: CURSOR_EVERY_BATCHES,
            queue: begun.into_vec().into(),
            ended: false,
            _guards: guards,
        }
    }

    /// The head waits for the first step, so that an error there can still be said in it.
    pub(super) async fn respond(mut self, mut headers: HeaderMap) -> Response<Body> {
        let outcome = self.advance().await;
        headers.extend(self.steps.take_response_headers());
        let rpc_error = match outcome {
            Ok(()) => false,
            Err(Failure::InBand(error)) => {
                self.end_with_error(&error);
                true
            }
            Err(Failure::Whole(error)) => {
                return self.response.failed(FailedCall { headers, ..error.into() });
            }
        };
        let mut response = self.response.ok(Body::empty(), headers, rpc_error);
        let complete = self.ended;
        *response.body_mut() = if complete {
            Body::from_frames(self.queue)
        } else {
            Body::new(StreamBody::new(stream::unfold(self, |mut producer| async move {
                let frame = producer.next_frame().await?;
                Some((Ok::<_, BoxError>(Frame::data(frame)), producer))
            })))
        };
        response
    }

    async fn next_frame(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.queue.pop_front() {
                return Some(frame);
            }
            if self.ended {
                return None;
            }
            match self.advance().await {
                Ok(()) => {}
                Err(Failure::InBand(error) | Failure::Whole(error)) => self.end_with_error(&error),
            }
        }
    }

    /// Takes a step and queues what it gave, or ends the response where its budget is used up.
    async fn advance(&mut self) -> Result<(), Failure> {
        let before = match self.limit {
            Some(limit) => {
                let before = self.steps.checkpoint().map_err(Failure::InBand)?;
                // A batch that will not fit is better not made: it would have to be made again.
                if self.batches > 0 && self.written + self.largest + room(&before) > limit {
                    return self.end_with_cursor(before).map_err(Failure::InBand);
                }
                Some(before)
            }
            None => None,
        };
        let step = self.steps.next().await.map_err(Failure::InBand)?;
        let finished = step.finished;
        let mut frames = Frames::new();
        let carries_cursor = self.encode(step, &mut frames).map_err(Failure::InBand)?;
        if let (Some(limit), Some(before)) = (self.limit, before)
            && self.written + frames.len() as u64 + room(&before) > limit
            && self.response.generation.producer_cap() == ProducerCap::Hard
        {
            if self.batches == 0 {
                let size = self.written + frames.len() as u64;
                return Err(Failure::Whole(budget::too_large(size, limit, &self.response.method)));
            }
            return self.end_with_cursor(before).map_err(Failure::InBand);
        }
        self.count(frames.len(), carries_cursor);
        if finished {
            self.encoder.write_end(&mut frames);
            self.ended = true;
        }
        self.push(frames);
        Ok(())
    }

    /// Writes a step's part; its batch carries a cursor when one is due. Says whether it does.
    fn encode(&mut self, mut step: Step, frames: &mut Frames) -> Result<bool, RpcError> {
        let size = step.part.data.as_ref().map_or(0, |data| data.batch.get_array_memory_size());
        let due = self.bytes_since_cursor + size >= CURSOR_EVERY_BYTES
            || self.batches_since_cursor + 1 >= CURSOR_EVERY_BATCHES;
        let mut carries_cursor = false;
        if due
            && !step.finished
            && let Some(data) = &mut step.part.data
        {
            let checkpoint = self.steps.checkpoint()?;
            for (key, value) in self.steps.seal(checkpoint)?.iter() {
                data.metadata.insert(key, value);
            }
            carries_cursor = true;
        }
        self.response.write_part(&mut self.encoder, &step.part, frames).map_err(encode_error)?;
        Ok(carries_cursor)
    }

    fn count(&mut self, size: usize, carries_cursor: bool) {
        self.batches += 1;
        self.largest = self.largest.max(size as u64);
        if carries_cursor {
            self.bytes_since_cursor = 0;
            self.batches_since_cursor = 0;
        } else {
            self.bytes_since_cursor += size;
            self.batches_since_cursor += 1;
        }
    }

    fn end_with_cursor(&mut self, checkpoint: Vec<u8>) -> Result<(), RpcError> {
        let sentinel = self.steps.seal(checkpoint)?;
        let mut frames = Frames::new();
        write_empty(&mut self.encoder, &sentinel, &mut frames).map_err(encode_error)?;
        self.encoder.write_end(&mut frames);
        self.ended = true;
        self.push(frames);
        Ok(())
    }

    fn end_with_error(&mut self, error: &RpcError) {
        let mut frames = Frames::new();
        let logs = self.steps.take_logs();
        // What cannot be written leaves a stream without its end, which every reader notices.
        let _ = self.response.write_logs(&mut self.encoder, &logs, &mut frames);
        let _ = self.response.write_error(&mut self.encoder, error, &mut frames);
        self.encoder.write_end(&mut frames);
        self.ended = true;
        self.push(frames);
    }

    fn push(&mut self, frames: Frames) {
        self.written += frames.len() as u64;
        self.queue.extend(frames.into_vec().into_iter().filter(|frame| !frame.is_empty()));
    }
}

/// What the end of a response may need: the state sealed twice over in base64, and the batch around it.
fn room(checkpoint: &[u8]) -> u64 {
    SENTINEL_ROOM + 4 * checkpoint.len() as u64
}
