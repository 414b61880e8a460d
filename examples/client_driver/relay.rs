//! Between JSON and what the client takes and gives.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tower_vgi::client::LogMessage;
use tower_vgi::wire::{AnnotatedBatch, Decoder, Frames, Limits, Metadata, StreamEncoder, WireSchema};
use tower_vgi::{ErrorDetail, RpcError};

use crate::{Object, Refusal, object};

/// The batch that a member holds as an IPC stream; `None` where there is no such member.
pub(crate) fn batch(request: &Object, member: &str) -> Result<Option<AnnotatedBatch>, Refusal> {
    let Some(text) = request.get(member).and_then(Value::as_str) else { return Ok(None) };
    let bytes = STANDARD.decode(text).map_err(|error| format!("{member} is no base64: {error}"))?;
    let mut decoder = Decoder::new(bytes.into(), Limits::default());
    let mut next = || match decoder.next_stream()? {
        Some(_) => decoder.next_batch(),
        None => Ok(None),
    };
    let batch = next().map_err(|error| format!("{member} is no IPC stream: {error}"))?;
    batch.map(Some).ok_or_else(|| format!("{member} has no batch"))
}

/// A batch with its metadata as an IPC stream.
pub(crate) fn stream(batch: &AnnotatedBatch) -> Result<Value, Refusal> {
    let frames = encode(batch.batch.schema(), Some(batch)).map_err(|error| format!("no IPC stream: {error}"))?;
    Ok(base64(&frames.into_vec().concat()).into())
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// A schema as an IPC stream without a batch.
pub(crate) fn schema(schema: arrow_schema::SchemaRef) -> Result<Value, Refusal> {
    let frames = encode(schema, None).map_err(|error| format!("no IPC stream: {error}"))?;
    Ok(base64(&frames.into_vec().concat()).into())
}

fn encode(
    schema: arrow_schema::SchemaRef,
    batch: Option<&AnnotatedBatch>,
) -> Result<Frames, tower_vgi::wire::WireError> {
    let mut frames = Frames::with_capacity(1024);
    let mut encoder = StreamEncoder::new(WireSchema::new(schema)?);
    encoder.write_schema(&mut frames);
    if let Some(AnnotatedBatch { batch, metadata }) = batch {
        encoder.write_batch(batch, metadata, &mut frames)?;
    }
    encoder.write_end(&mut frames);
    Ok(frames)
}

/// What came of a turn of a stream.
pub(crate) fn turn(outcome: Result<Option<AnnotatedBatch>, RpcError>) -> Result<Object, Refusal> {
    let response = match outcome {
        Ok(Some(batch)) => json!({"done": false, "batch_b64": stream(&batch)?, "error": null}),
        Ok(None) => json!({"done": true, "batch_b64": null, "error": null}),
        Err(error) => json!({"done": true, "batch_b64": null, "error": failure(&error)}),
    };
    Ok(object(response))
}

/// An error of the call, as the client has it.
pub(crate) fn failure(error: &RpcError) -> Value {
    let details: Vec<Value> = error.details().iter().map(detail).collect();
    json!({
        "error_type": error.type_name(),
        "error_message": error.message(),
        "traceback": error.traceback().unwrap_or_default(),
        "error_code": error.code().as_str(),
        "error_kind": error.kind().unwrap_or_default(),
        "error_details": details,
    })
}

fn detail(detail: &ErrorDetail) -> Value {
    let mut members = detail.members().clone();
    members.insert("@type".to_owned(), detail.type_name().into());
    members.into()
}

pub(crate) fn log(message: &LogMessage) -> Value {
    json!({"level": message.level.as_str(), "message": message.message, "extra": message.extra})
}

/// Text of the request's metadata.
pub(crate) fn text(metadata: &Metadata, key: &str) -> Result<String, Refusal> {
    metadata.get_str(key).map(str::to_owned).ok_or_else(|| format!("the request has no {key}"))
}
