//! From a [`Reply`] or an error to an HTTP response.

mod error_batch;
mod future;
mod producer;
mod streamed;

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

pub(crate) use error_batch::error_metadata;

pub use future::ResponseFuture;

use super::budget;
use super::call::Operation;
use super::dispatcher::HostedMethod;
use super::failed_call::FailedCall;
use super::generation::Generation;
use super::handler::BoxFuture;
use super::identity::{Identity, REQUEST_ID};
use super::log::LogMessage;
use super::part_encoder::{encode_error, write_empty};
use super::reply::{Part, Reply, ReplyBody};
use crate::call_record::Traffic;
use crate::delivery::Guards;
use crate::headers::ARROW;
use crate::wire::{AnnotatedBatch, Frames, Metadata, StreamEncoder, WireError, WireSchema};
use crate::{Body, CallRecord, RpcError};

/// Says that a response with status 200 carries an error.
pub(crate) const RPC_ERROR: HeaderName = HeaderName::from_static("x-vgi-rpc-error");

const TRUE: HeaderValue = HeaderValue::from_static("true");

/// Room for a schema and a batch of few columns: as much as allocators have at hand.
const SMALL_RESPONSE: usize = 1024;

/// What a response says about its request, whatever the outcome.
pub(crate) struct ResponseContext {
    pub(crate) identity: Identity,
    pub(crate) subject: Subject,
    pub(crate) generation: Generation,
    pub(crate) operation: Operation,
    pub(crate) tracebacks: bool,
    /// Whether the caller takes a producer as one streamed response.
    pub(crate) streamed: bool,
    /// How large the response may become.
    pub(crate) limit: Option<u64>,
    /// Where observers want to know what goes out.
    pub(crate) record: Option<CallRecord>,
}

/// A response, or the work that makes it.
pub(crate) enum Replied {
    Now(Response<Body>),
    Later(BoxFuture<'static, Response<Body>>),
}

/// What the request is about.
pub(crate) enum Subject {
    Method(Arc<HostedMethod>),
    /// Where no method was found.
    Path(String),
}

impl Subject {
    /// Where an error comes from.
    fn origin(&self) -> &str {
        match self {
            Self::Method(method) => &method.full_name,
            Self::Path(path) => path,
        }
    }

    fn method(&self) -> &str {
        match self {
            Self::Method(method) => &method.description.name,
            Self::Path(_) => "",
        }
    }
}

impl ResponseContext {
    /// The response of a call. That of a producer takes time, and keeps room for it only where it is needed.
    pub(crate) fn reply(self, mut reply: Reply) -> Replied {
        let guards = reply.take_guards();
        match reply.body {
            ReplyBody::Complete { parts, sentinel } => {
                let header = reply.header.take();
                let outcome = match self.complete(&reply.schema, header, parts, sentinel, reply.limit) {
                    Ok(frames) => Ok(self.ok(frames_body(frames), reply.headers, false)),
                    Err(error) => {
                        let unary = self.operation == Operation::Unary;
                        let schema = unary.then(|| reply.schema.clone());
                        Err(self.failed(FailedCall { schema, headers: reply.headers, ..error.into() }))
                    }
                };
                Replied::Now(held(outcome, guards))
            }
            ReplyBody::Producer(steps) => {
                let producer = producer::Producer {
                    schema: reply.schema,
                    header: reply.header,
                    limit: reply.limit,
                    headers: reply.headers,
                    steps,
                };
                Replied::Later(Box::pin(async move { held(producer.respond(self).await, guards) }))
            }
        }
    }

    /// The response of a call that failed, or of a request that was refused.
    pub(crate) fn failed(&self, failed: FailedCall) -> Response<Body> {
        self.record_error(&failed.error);
        let refused = failed.error.status() != StatusCode::OK;
        let schema = failed.schema.filter(|_| !refused).unwrap_or_else(WireSchema::empty);
        let mut frames = self.error_frames(schema.clone(), &failed.logs, &failed.error);
        // The error has to arrive; what was logged before is worth less than that.
        if self.limit.is_some_and(|limit| frames.len() as u64 > limit) {
            frames = self.error_frames(schema, &[], &failed.error);
        }
        let mut response = self.ok(frames_body(frames), failed.headers, false);
        mark(&mut response, &failed.error);
        response
    }

    fn error_frames(&self, schema: Arc<WireSchema>, logs: &[LogMessage], error: &RpcError) -> Frames {
        let mut frames = Frames::new();
        let mut encoder = StreamEncoder::new(schema);
        encoder.write_schema(&mut frames);
        // Nothing better can be said about an error that cannot be written.
        let _ = self.write_logs(&mut encoder, logs, &mut frames);
        let _ = self.write_error(&mut encoder, error, &mut frames);
        encoder.write_end(&mut frames);
        frames
    }

    fn complete(
        &self,
        schema: &Arc<WireSchema>,
        header: Option<(Arc<WireSchema>, Part)>,
        parts: Vec<Part>,
        sentinel: Option<Metadata>,
        limit: Option<u64>,
    ) -> Result<Frames, RpcError> {
        let mut frames = Frames::with_capacity(SMALL_RESPONSE);
        self.write_header(header, &mut frames).map_err(encode_error)?;
        let mut encoder = StreamEncoder::new(schema.clone());
        encoder.write_schema(&mut frames);
        for part in parts {
            self.write_part(&mut encoder, &part, &mut frames).map_err(encode_error)?;
        }
        if let Some(sentinel) = sentinel {
            self.write_cursor(&mut encoder, &sentinel, &mut frames).map_err(encode_error)?;
        }
        encoder.write_end(&mut frames);
        match limit {
            Some(limit) if frames.len() as u64 > limit => {
                Err(budget::too_large(frames.len() as u64, limit, self.subject.method()))
            }
            _ => Ok(frames),
        }
    }

    /// The header stream, where there is one: complete in itself.
    fn write_header(&self, header: Option<(Arc<WireSchema>, Part)>, frames: &mut Frames) -> Result<(), WireError> {
        let Some((schema, part)) = header else { return Ok(()) };
        let mut encoder = StreamEncoder::new(schema);
        encoder.write_schema(frames);
        self.write_part(&mut encoder, &part, frames)?;
        encoder.write_end(frames);
        Ok(())
    }

    fn write_part(&self, encoder: &mut StreamEncoder, part: &Part, frames: &mut Frames) -> Result<(), WireError> {
        self.write_logs(encoder, &part.logs, frames)?;
        match &part.data {
            Some(data) => self.write_data(encoder, data, frames),
            None => Ok(()),
        }
    }

    fn write_data(
        &self,
        encoder: &mut StreamEncoder,
        data: &AnnotatedBatch,
        frames: &mut Frames,
    ) -> Result<(), WireError> {
        if let Some(record) = &self.record {
            record.update(|call| call.sent(data));
        }
        encoder.write_batch(&data.batch, &data.metadata, frames)
    }

    /// Writes the batch with which a caller goes on later.
    fn write_cursor(
        &self,
        encoder: &mut StreamEncoder,
        cursor: &Metadata,
        frames: &mut Frames,
    ) -> Result<(), WireError> {
        if let Some(record) = &self.record {
            record.update(|call| call.sent_cursor(cursor));
        }
        write_empty(encoder, cursor, frames)
    }

    fn write_logs(
        &self,
        encoder: &mut StreamEncoder,
        logs: &[LogMessage],
        frames: &mut Frames,
    ) -> Result<(), WireError> {
        super::part_encoder::write_logs(&self.identity, self.operation, encoder, logs, frames)
    }

    /// What is recorded of the batches so far.
    fn recorded_output(&self) -> Traffic {
        self.record.as_ref().map_or_else(Traffic::default, CallRecord::output)
    }

    /// What was written after this is not sent.
    fn forget_output(&self, before: Traffic) {
        if let Some(record) = &self.record {
            record.update(|call| call.output = before);
        }
    }

    fn record_error(&self, error: &RpcError) {
        if let Some(record) = &self.record {
            record.update(|call| call.error = Some(error.clone()));
        }
    }

    fn write_error(&self, encoder: &mut StreamEncoder, error: &RpcError, frames: &mut Frames) -> Result<(), WireError> {
        write_empty(
            encoder,
            &error_metadata(error, Some(&self.identity), self.subject.origin(), self.tracebacks),
            frames,
        )
    }

    fn ok(&self, body: Body, mut headers: HeaderMap, rpc_error: bool) -> Response<Body> {
        headers.insert(header::CONTENT_TYPE, ARROW);
        if rpc_error {
            headers.insert(RPC_ERROR, TRUE);
        }
        if self.identity.generated {
            headers.insert(REQUEST_ID, self.identity.request_id.clone());
        }
        let mut response = Response::new(body);
        *response.headers_mut() = headers;
        response
    }
}

/// The response of a reply, or of the error in its place, with what the reply kept.
fn held(outcome: Result<Response<Body>, Response<Body>>, guards: Guards) -> Response<Body> {
    match outcome {
        Ok(mut response) => {
            response.body_mut().hold_all(guards);
            response
        }
        Err(mut response) => {
            // Nothing of the reply is delivered with it.
            if !guards.is_empty() {
                response.body_mut().hold(guards);
            }
            response
        }
    }
}

fn frames_body(frames: Frames) -> Body {
    Body::from_frames(frames.into_vec())
}

/// The Arrow response of an error, for layers that refuse a request before the core sees it.
///
/// One IPC stream on the empty schema with the error batch (wire specification §1.6), the error's
/// status, and `X-VGI-RPC-Error` where that is 200. A 429 or 503 with a [`RetryInfo`](crate::ErrorDetail::retry_info)
/// carries `Retry-After`. The request id is taken from `request_headers`.
///
/// ```
/// use http::{HeaderMap, StatusCode};
/// use tower_vgi::RpcError;
/// use tower_vgi::rpc::error_response;
///
/// let error = RpcError::value_error("no").with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE);
/// let response = error_response(&error, &HeaderMap::new());
/// assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
/// assert_eq!(response.headers()["content-type"], "application/vnd.apache.arrow.stream");
/// ```
pub fn error_response(error: &RpcError, request_headers: &HeaderMap) -> Response<Body> {
    let mut metadata = error_metadata(error, None, "", true);
    if let Some(id) = request_headers.get(REQUEST_ID) {
        metadata.insert(crate::wire::keys::REQUEST_ID, id.as_bytes());
    }
    let mut frames = Frames::new();
    let mut encoder = StreamEncoder::new(WireSchema::empty());
    encoder.write_schema(&mut frames);
    // The empty schema has no column that could fail to encode.
    let _ = write_empty(&mut encoder, &metadata, &mut frames);
    encoder.write_end(&mut frames);
    let mut response = Response::new(frames_body(frames));
    response.headers_mut().insert(header::CONTENT_TYPE, ARROW);
    mark(&mut response, error);
    response
}

/// Says in the head what the body says of an error: its status, and when trying again may help.
fn mark(response: &mut Response<Body>, error: &RpcError) {
    let status = error.status();
    *response.status_mut() = status;
    if status == StatusCode::OK {
        response.headers_mut().insert(RPC_ERROR, TRUE);
    }
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
        && let Some(delay) = error.retry_delay()
    {
        // The header knows whole seconds only, and too early would be refused again.
        let seconds = delay.as_secs().saturating_add(u64::from(delay.subsec_nanos() > 0));
        response.headers_mut().entry(header::RETRY_AFTER).or_insert_with(|| seconds.into());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ErrorDetail;

    fn retry_after(status: StatusCode, delay: Option<Duration>) -> Option<String> {
        let mut error = RpcError::runtime_error("not now").with_status(status);
        if let Some(delay) = delay {
            error = error.with_detail(ErrorDetail::retry_info(delay));
        }
        let response = error_response(&error, &HeaderMap::new());
        response.headers().get(header::RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn refusals_that_pass_say_when_to_come_back() {
        for status in [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE] {
            for (delay, expected) in [(0, "0"), (1, "1"), (1000, "1"), (1001, "2"), (90_000, "90")] {
                let delay = Duration::from_millis(delay);
                assert_eq!(retry_after(status, Some(delay)).as_deref(), Some(expected), "{delay:?}");
            }
            assert_eq!(retry_after(status, None), None);
        }
        assert_eq!(retry_after(StatusCode::OK, Some(Duration::from_secs(1))), None);
        assert_eq!(retry_after(StatusCode::PAYLOAD_TOO_LARGE, Some(Duration::from_secs(1))), None);
    }
}
