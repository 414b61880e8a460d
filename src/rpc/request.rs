//! From an HTTP request to a [`Call`]: the body, its first batch, and the checks before anything runs
//! (wire specification §4.4, steps 1 to 5).

use std::pin::Pin;
use std::sync::Arc;

use arrow_buffer::Buffer;
use bytes::Buf as _;
use http::{HeaderMap, StatusCode, header};
use http_body::Body as HttpBody;
use http_body_util::BodyExt as _;

use super::call::{Operation, SentTokens};
use super::dispatcher::HostedMethod;
use super::generation::Generation;
use super::route::protocol_not_supported;
use super::version;
use crate::drain::Drain;
use crate::wire::{AnnotatedBatch, BodyCollector, BufferPool, Decoder, Limits, Metadata, SchemaCache, WireError, keys};
use crate::{BoxError, ErrorCode, RequestMemory, RpcError};

/// The media type of every RPC body.
pub const ARROW_STREAM: &str = crate::headers::ARROW_STREAM;

/// A body that comes in one aligned piece of at least this size is not copied.
const MIN_SHARED: usize = 128 * 1024;

/// The only version of the request's envelope.
const REQUEST_VERSION: &str = "1";

/// From the body of a request to its batch: for the core, and for layers that answer requests of the protocol themselves.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::pin::pin;
///
/// use http::Request;
/// use tower_vgi::Body;
/// use tower_vgi::rpc::{ARROW_STREAM, RequestDecoder};
///
/// let decoder = RequestDecoder::new(1 << 20);
/// let request = Request::post("/x").header("content-type", ARROW_STREAM).body(Body::from("no Arrow"))?;
/// let (head, body) = request.into_parts();
/// RequestDecoder::check_head(&head.headers)?;
/// let error = decoder.decode(&head, pin!(body)).await.unwrap_err();
/// assert_eq!((error.type_name(), error.status().as_u16()), ("ArrowInvalid", 400));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RequestDecoder {
    pub(crate) max_request_bytes: usize,
    pub(crate) pool: Arc<BufferPool>,
    pub(crate) schemas: Arc<SchemaCache>,
}

/// Whether whoever sent this is a client of the protocol.
pub(crate) fn is_arrow(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes() == ARROW_STREAM.as_bytes())
}

pub(crate) fn check_content_type(headers: &HeaderMap) -> Result<(), RpcError> {
    if is_arrow(headers) {
        return Ok(());
    }
    let sent = headers.get(header::CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    Err(RpcError::type_error(format!(
        "Expected Content-Type: '{ARROW_STREAM}', got '{}'. Send the request as one Arrow IPC stream, without parameters \
         on the content type.",
        String::from_utf8_lossy(sent)
    ))
    .with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE))
}

/// A body that no layer has decoded is not what it seems: the caller has to know that before it is read.
pub(crate) fn check_content_encoding(headers: &HeaderMap) -> Result<(), RpcError> {
    let Some(coding) = headers.get(header::CONTENT_ENCODING).filter(|value| !value.is_empty()) else { return Ok(()) };
    Err(RpcError::type_error(format!(
        "Content-Encoding '{}' is not supported, send the body as it is",
        String::from_utf8_lossy(coding.as_bytes())
    ))
    .with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE))
}

impl RequestDecoder {
    /// For bodies of up to so many decoded bytes.
    pub fn new(max_request_bytes: usize) -> Self {
        Self { max_request_bytes, pool: BufferPool::new(), schemas: Arc::default() }
    }

    /// Whether a body may be what it has to be.
    ///
    /// # Errors
    ///
    /// A `TypeError` with status 415 for another content type, and for a content coding that no layer has decoded.
    pub fn check_head(headers: &HeaderMap) -> Result<(), RpcError> {
        check_content_type(headers)?;
        check_content_encoding(headers)
    }

    /// Reads the body and its first batch; further batches are ignored, as the protocol has it.
    ///
    /// A caller whose body is refused is heard out before this returns.
    ///
    /// # Errors
    ///
    /// A refusal with its status: 413 for what is too large, 400 for what is no Arrow IPC stream with a batch, or that of
    /// a layer that has refused the body.
    pub async fn decode<B>(
        &self,
        head: &http::request::Parts,
        mut body: Pin<&mut B>,
    ) -> Result<AnnotatedBatch, RpcError>
    where
        B: HttpBody,
        B::Error: Into<BoxError>,
    {
        let announced = body.size_hint().exact().and_then(|size| usize::try_from(size).ok());
        let memory = head.extensions.get::<RequestMemory>();
        if let Err(refused) = self.admit(announced, memory) {
            Drain::untouched(head.version, &head.headers, &*body).finish(body).await;
            return Err(refused);
        }
        let collector = BodyCollector::new(self.pool.clone(), announced, self.max_request_bytes);
        let bytes = match collect(body.as_mut(), collector, announced, memory).await {
            Ok(bytes) => bytes,
            Err(stopped) => {
                // Nothing of the body is kept while the rest of it is heard out.
                let _ = memory.map(|memory| memory.resize_body(0));
                let refused = match stopped {
                    Stopped::Broken(error) => return Err(error),
                    Stopped::TooLarge => self.too_large(None),
                    Stopped::NoMemory(error) => error,
                };
                Drain::new(head.version).finish(body).await;
                return Err(refused);
            }
        };
        let limits = Limits::default().with_max_decoded_bytes(self.max_request_bytes);
        let mut decoder = Decoder::new(bytes, limits).with_schema_cache(self.schemas.clone());
        let stream = decoder.next_stream().map_err(|error| invalid(&error))?;
        if stream.is_none() {
            return Err(RpcError::new("ArrowInvalid", "the request body is empty; expected one Arrow IPC stream")
                .with_status(StatusCode::BAD_REQUEST));
        }
        let batch = decoder.next_batch().map_err(|error| invalid(&error))?.ok_or_else(|| {
            RpcError::new("StopIteration", "the request's IPC stream has a schema and no batch; expected one batch")
                .with_status(StatusCode::BAD_REQUEST)
        })?;
        if let Some(memory) = memory.filter(|_| decoder.decompressed() > 0) {
            memory.reserve(decoder.decompressed() as u64)?;
        }
        Ok(batch)
    }

    /// What can be said of a body before it is read. Memory for all of an announced size is taken at once: a body that
    /// is refused half-way has been sent for nothing.
    fn admit(&self, announced: Option<usize>, memory: Option<&RequestMemory>) -> Result<(), RpcError> {
        let Some(size) = announced else { return Ok(()) };
        if size > self.max_request_bytes {
            return Err(self.too_large(announced));
        }
        match memory {
            // A layer that has decoded the body has counted it already.
            Some(memory) => memory.resize_body(memory.body_bytes().max(size as u64)),
            None => Ok(()),
        }
    }

    fn too_large(&self, size: Option<usize>) -> RpcError {
        let size = size.map_or_else(|| "more".to_owned(), |size| format!("{size} bytes"));
        RpcError::new(
            "RequestTooLargeError",
            format!("Request body exceeds max_request_bytes: {size}, the limit is {} bytes", self.max_request_bytes),
        )
        .with_code(ErrorCode::ResourceExhausted)
        .with_status(StatusCode::PAYLOAD_TOO_LARGE)
    }
}

/// Why a body was not read to its end.
enum Stopped {
    /// It exceeds the collector's cap.
    TooLarge,
    NoMemory(RpcError),
    /// It ends or fails before its time.
    Broken(RpcError),
}

/// The whole body in one piece.
async fn collect<B>(
    mut body: Pin<&mut B>,
    mut collector: BodyCollector,
    announced: Option<usize>,
    memory: Option<&RequestMemory>,
) -> Result<Buffer, Stopped>
where
    B: HttpBody,
    B::Error: Into<BoxError>,
{
    let mut counted = announced.unwrap_or(0);
    while let Some(frame) = body.frame().await {
        let Ok(mut data) = frame.map_err(|error| Stopped::Broken(body_error(error.into())))?.into_data() else {
            continue;
        };
        // What a layer has decoded comes like this. Copying smaller bodies is cheap, and lets go of hyper's buffer.
        let length = data.remaining();
        if length >= MIN_SHARED && announced == Some(length) && data.chunk().len() == length {
            collector.push_bytes(data.copy_to_bytes(length)).map_err(|_| Stopped::TooLarge)?;
            continue;
        }
        while data.has_remaining() {
            let chunk = data.chunk();
            let length = chunk.len();
            if let Some(memory) = memory {
                let room = collector.room_with(length);
                if room > counted {
                    memory.resize_body(memory.body_bytes().max(room as u64)).map_err(Stopped::NoMemory)?;
                    counted = room;
                }
            }
            collector.push(chunk).map_err(|_| Stopped::TooLarge)?;
            data.advance(length);
        }
    }
    Ok(collector.finish())
}

/// What went wrong while the body was read: a layer's refusal as it is, anything else is the caller's broken body.
fn body_error(error: BoxError) -> RpcError {
    if let Some(error) = super::failed_call::rpc_error(&error) {
        return error.clone();
    }
    RpcError::new("ArrowInvalid", format!("the request body could not be read: {error}"))
        .with_status(StatusCode::BAD_REQUEST)
}

fn invalid(error: &WireError) -> RpcError {
    let status = if error.is_too_large() { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST };
    RpcError::new(error.exception_type(), error.to_string()).with_status(status)
}

/// Checks the envelope of a unary or init request.
pub(crate) fn check_envelope(
    metadata: &Metadata,
    method: &HostedMethod,
    generation: Generation,
) -> Result<(), RpcError> {
    let name = &method.description.name;
    let bad = |error: RpcError| Err(error.with_status(StatusCode::BAD_REQUEST));
    let Some(sent) = metadata.get(keys::METHOD) else {
        return bad(RpcError::new(
            "RpcError",
            format!(
                "ProtocolError: Missing '{}' in request batch custom_metadata. Each request batch names its method.",
                keys::METHOD
            ),
        ));
    };
    match metadata.get(keys::REQUEST_VERSION) {
        Some(version) if version == REQUEST_VERSION.as_bytes() => {}
        Some(version) => {
            let version = String::from_utf8_lossy(version);
            return bad(RpcError::new(
                "VersionError",
                format!("Unsupported request version '{version}', expected '{REQUEST_VERSION}'"),
            ));
        }
        None => {
            return bad(RpcError::new(
                "VersionError",
                format!(
                    "Missing '{}' in request batch custom_metadata. Set it to '{REQUEST_VERSION}'.",
                    keys::REQUEST_VERSION
                ),
            ));
        }
    }
    if sent != name.as_bytes() {
        return bad(RpcError::type_error(format!(
            "Method name mismatch: URL path has '{name}' but the request batch's '{}' is '{}'",
            keys::METHOD,
            String::from_utf8_lossy(sent)
        )));
    }
    if generation.checks_protocol_key()
        && let Some(sent) = metadata.get(keys::PROTOCOL)
        && sent != method.protocol.as_bytes()
    {
        return bad(protocol_not_supported(format!(
            "Protocol mismatch: the request path resolved to '{}' but the request batch's '{}' is '{}'",
            method.protocol,
            keys::PROTOCOL,
            String::from_utf8_lossy(sent)
        )));
    }
    match method.version {
        Some(server) => version::check(&method.protocol, server, metadata.get(keys::PROTOCOL_VERSION)),
        None => Ok(()),
    }
}

/// What a request to `/exchange` asks for, and its tokens.
pub(crate) fn turn(metadata: &Metadata) -> (Operation, SentTokens) {
    let operation = if metadata.contains(keys::CANCEL) { Operation::Cancel } else { Operation::Turn };
    let copy = |key| metadata.get(key).map(<[u8]>::to_vec);
    (operation, SentTokens { cursor: copy(keys::STREAM_STATE), call: copy(keys::CALL_STATE) })
}
