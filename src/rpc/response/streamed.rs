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

use super::{ResponseContext, encode_error, write_empty};
use crate::rpc::budget;
use crate::rpc::failed_call::FailedCall;
use crate::rpc::generation::ProducerCap;
use crate::rpc::reply::{Step, Steps};
use crate::wire::{BatchKind, Frames, Metadata, StreamEncoder};
use crate::{Body, BoxError, RpcError};

/// A cursor at least once for so many bytes…
const CURSOR_EVERY_BYTES: usize = 64 * 1024;

/// …and at least once for so many batches.
const CURSOR_EVERY_BATCHES: usize = 32;

/// The mark at the end of an IPC stream.
const END_LENGTH: u64 = 8;

/// Room for the keys of the last cursor's metadata, besides the tokens themselves.
const METADATA_ROOM: u64 = 1024;

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
    /// The state after the last batch that was queued; kept only under a limit.
    checkpoint: Option<Vec<u8>>,
    /// Bytes of the batch that carries the last cursor, without its tokens.
    sentinel: u64,
    /// Whether the call token has been handed over, if this response has one to hand over.
    call_token_sent: bool,
    queue: VecDeque<Bytes>,
    ended: bool,
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
    ) -> Self {
        Self {
            steps,
            sentinel: sentinel_size(&encoder),
            encoder,
            response,
            limit,
            written: begun.len() as u64,
            largest: 0,
            batches: 0,
            // The very first batch carries the call token, if this response opens the stream.
            bytes_since_cursor: CURSOR_EVERY_BYTES,
            batches_since_cursor: CURSOR_EVERY_BATCHES,
            checkpoint: None,
            call_token_sent: false,
            queue: begun.into_vec().into(),
            ended: false,
        }
    }

    /// The head waits for the first step, so that an error there can still be said in it.
    pub(super) async fn respond(mut self, mut headers: HeaderMap) -> Result<Response<Body>, Response<Body>> {
        let outcome = self.advance().await;
        headers.extend(self.steps.take_response_headers());
        if outcome.is_err() {
            self.steps.take_back();
        }
        let rpc_error = match outcome {
            Ok(()) => false,
            Err(Failure::InBand(error)) => {
                self.end_with_error(&error);
                true
            }
            Err(Failure::Whole(error)) => {
                return Err(self.response.failed(FailedCall { headers, ..error.into() }));
            }
        };
        let mut response = self.response.ok(Body::empty(), headers, rpc_error);
        if self.ended {
            *response.body_mut() = Body::from_frames(self.queue);
            return Ok(response);
        }
        *response.body_mut() = Body::new(StreamBody::new(stream::unfold(self, |mut producer| async move {
            let frame = producer.next_frame().await?;
            Some((Ok::<_, BoxError>(Frame::data(frame)), producer))
        })));
        Ok(response)
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
        let before = self.checkpoint.take();
        // A batch that will not fit is better not made: it would have to be made again.
        let before = match (self.limit, before) {
            (Some(limit), Some(before)) if self.written + self.largest + self.room(&before) > limit => {
                return self.end_with_cursor(before).map_err(Failure::InBand);
            }
            (_, before) => before,
        };
        let step = self.steps.next().await.map_err(Failure::InBand)?;
        let sent = self.response.recorded_output();
        let finished = step.finished;
        let mut frames = Frames::new();
        let encoded = self.encode(step, &mut frames).and_then(|carries_cursor| {
            let after = (self.limit.is_some() && !finished).then(|| self.steps.checkpoint()).transpose()?;
            Ok((carries_cursor, after))
        });
        let (carries_cursor, after) = match encoded {
            Ok(encoded) => encoded,
            Err(error) => {
                // What was logged before still goes out.
                self.push(frames);
                return Err(Failure::InBand(error));
            }
        };
        if self.response.generation.producer_cap() == ProducerCap::Hard
            && let Some(limit) = self.limit
        {
            let room = after.as_deref().map_or(END_LENGTH, |after| self.room(after));
            if self.written + frames.len() as u64 + room > limit {
                if before.is_some() {
                    self.response.forget_output(sent);
                }
                return self.over_limit(frames, before, after, limit);
            }
        }
        self.count(frames.len(), carries_cursor);
        self.checkpoint = after;
        if finished {
            self.encoder.write_end(&mut frames);
            self.ended = true;
        }
        self.push(frames);
        Ok(())
    }

    /// What was just made does not fit with all that may have to follow: go back, or, where there is nothing to go
    /// back to, see whether it fits to the byte.
    fn over_limit(
        &mut self,
        mut frames: Frames,
        before: Option<Vec<u8>>,
        after: Option<Vec<u8>>,
        limit: u64,
    ) -> Result<(), Failure> {
        if let Some(before) = before {
            return self.end_with_cursor(before).map_err(Failure::InBand);
        }
        match after {
            Some(after) => {
                self.push(frames);
                self.end_with_cursor(after).map_err(Failure::InBand)?;
            }
            None => {
                self.encoder.write_end(&mut frames);
                self.ended = true;
                self.push(frames);
            }
        }
        if self.written > limit {
            return Err(Failure::Whole(budget::too_large(self.written, limit, self.response.subject.method())));
        }
        Ok(())
    }

    /// Writes a step's part; its batch carries a cursor when one is due. Says whether it does.
    fn encode(&mut self, step: Step, frames: &mut Frames) -> Result<bool, RpcError> {
        self.response.write_logs(&mut self.encoder, &step.part.logs, frames).map_err(encode_error)?;
        let Some(mut data) = step.part.data else { return Ok(false) };
        let size = data.batch.get_array_memory_size();
        let due = self.bytes_since_cursor + size >= CURSOR_EVERY_BYTES
            || self.batches_since_cursor + 1 >= CURSOR_EVERY_BATCHES;
        // A batch without rows and with a cursor would be read as a cursor alone, unless it is a pointer.
        let is_data = data.batch.num_rows() > 0 || matches!(data.kind(), BatchKind::Pointer { .. });
        let carries_cursor = due && !step.finished && is_data && self.steps.is_resumable();
        if carries_cursor {
            let checkpoint = self.steps.checkpoint()?;
            for (key, value) in self.steps.seal(checkpoint, !self.call_token_sent)?.iter() {
                data.metadata.insert(key, value);
            }
        }
        self.response.write_data(&mut self.encoder, &data, frames).map_err(encode_error)?;
        Ok(carries_cursor)
    }

    fn count(&mut self, size: usize, carries_cursor: bool) {
        self.batches += 1;
        self.largest = self.largest.max(size as u64);
        if carries_cursor {
            self.call_token_sent = true;
            self.bytes_since_cursor = 0;
            self.batches_since_cursor = 0;
        } else {
            self.bytes_since_cursor += size;
            self.batches_since_cursor += 1;
        }
    }

    fn end_with_cursor(&mut self, checkpoint: Vec<u8>) -> Result<(), RpcError> {
        let sentinel = self.steps.seal(checkpoint, !self.call_token_sent)?;
        let mut frames = Frames::new();
        self.response.write_cursor(&mut self.encoder, &sentinel, &mut frames).map_err(encode_error)?;
        self.encoder.write_end(&mut frames);
        self.ended = true;
        self.push(frames);
        Ok(())
    }

    fn end_with_error(&mut self, error: &RpcError) {
        self.response.record_error(error);
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

    /// What the end of the response may need: the batch with the cursor, and the end of the stream.
    fn room(&self, checkpoint: &[u8]) -> u64 {
        self.sentinel + METADATA_ROOM + self.steps.sealed_size(checkpoint.len()) as u64 + END_LENGTH
    }
}

/// How large a batch without rows is, with the dictionaries that it may need.
fn sentinel_size(encoder: &StreamEncoder) -> u64 {
    let mut scratch = Frames::new();
    let mut encoder = StreamEncoder::new(encoder.schema().clone());
    // What cannot be encoded here will fail where it can be said.
    let _ = write_empty(&mut encoder, &Metadata::new(), &mut scratch);
    scratch.len() as u64
}
