//! From a batch to a request, and on to the head of its response: compression, sessions, resending, retries, time.

use std::sync::atomic::Ordering;

use arrow_array::RecordBatch;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};

use super::channel::{Channel, NO, UNKNOWN, YES};
use super::connect::ConnectionLost;
use super::otel::{self, RequestSpan};
use super::response::{ResponseReader, refusal};
use super::retry::Replayable;
use super::service::HttpService;
use super::time::{timed_out, within};
use super::token::{Token, is_worth_another};
use crate::generation::Generation;
use crate::headers::{ACCEPT_MAX_RESPONSE_BYTES, ACCEPT_PRODUCER_STREAM};
use crate::wire::{Frames, Metadata, StreamEncoder, WireSchema};
use crate::{Body, BoxError, ErrorCode, RpcError};

/// A request that can be sent any number of times.
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) body: Vec<Bytes>,
    /// RPC requests have headers of their own.
    pub(crate) rpc: Option<Generation>,
    /// Whether it may be repeated after it may have run.
    pub(crate) replayable: bool,
    /// Whether one streamed response is welcome.
    pub(crate) streamed: bool,
    pub(crate) compressed: bool,
    /// Whether the channel's token goes with it.
    with_token: bool,
    /// What traces the request, where that has begun.
    pub(crate) span: Option<RequestSpan>,
    /// The schema and the metadata of the batch: what is left of the request when it is uploaded.
    #[cfg(feature = "external")]
    pub(crate) envelope: Option<(std::sync::Arc<WireSchema>, Metadata)>,
}

impl Outgoing {
    pub(crate) fn rpc(uri: Uri, generation: Generation, frames: Frames) -> Self {
        Self {
            method: Method::POST,
            uri,
            body: frames.into_vec(),
            rpc: Some(generation),
            replayable: false,
            streamed: false,
            compressed: false,
            with_token: true,
            span: None,
            #[cfg(feature = "external")]
            envelope: None,
        }
    }

    /// Keeps what is needed to send a pointer in place of the batch.
    #[cfg(feature = "external")]
    pub(crate) fn with_envelope(mut self, schema: std::sync::Arc<WireSchema>, metadata: Metadata) -> Self {
        self.envelope = Some((schema, metadata));
        self
    }

    #[cfg(not(feature = "external"))]
    pub(crate) fn with_envelope(self, _schema: std::sync::Arc<WireSchema>, _metadata: Metadata) -> Self {
        self
    }

    pub(crate) fn plain(method: Method, uri: Uri) -> Self {
        Self {
            method,
            uri,
            body: Vec::new(),
            rpc: None,
            replayable: true,
            streamed: false,
            compressed: false,
            with_token: true,
            span: None,
            #[cfg(feature = "external")]
            envelope: None,
        }
    }

    /// For what everybody may ask.
    pub(crate) fn without_token(mut self) -> Self {
        self.with_token = false;
        self
    }

    /// Says in the request's span, where it has one, with what it was answered in the end.
    fn responded(&self, response: &Response<Body>) {
        if let Some(span) = &self.span {
            span.responded(response);
        }
    }

    /// The same request with other headers of every request.
    fn build(&self, base: &HeaderMap, max_response_bytes: Option<u64>) -> Request<Body> {
        let mut request = Request::new(Body::from_frames(self.body.iter().cloned()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        let mut headers = base.clone();
        if let Some(generation) = self.rpc {
            if let Some(bytes) = max_response_bytes.filter(|_| generation.reads_budget_header()) {
                headers.insert(ACCEPT_MAX_RESPONSE_BYTES, bytes.min((1 << 53) - 1).into());
            }
            if self.streamed {
                headers.insert(ACCEPT_PRODUCER_STREAM, HeaderValue::from_static("true"));
            }
            if self.compressed {
                headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("zstd"));
            }
        } else {
            headers.remove(header::CONTENT_TYPE);
            headers.remove(header::ACCEPT);
        }
        otel::inject(&mut headers);
        *request.headers_mut() = headers;
        if self.replayable {
            request.extensions_mut().insert(Replayable);
        }
        request
    }
}

/// One batch as the body of a request.
pub(crate) fn encode(
    schema: std::sync::Arc<WireSchema>,
    batch: &RecordBatch,
    metadata: &Metadata,
) -> Result<Frames, RpcError> {
    let mut frames = Frames::with_capacity(1024);
    let mut encoder = StreamEncoder::new(schema);
    encoder.write_schema(&mut frames);
    encoder
        .write_batch(batch, metadata, &mut frames)
        .map_err(|error| RpcError::type_error(format!("the batch cannot be sent: {error}")))?;
    encoder.write_end(&mut frames);
    Ok(frames)
}

impl<S: HttpService> Channel<S> {
    /// Sends an RPC request; gives what reads its response.
    pub(crate) async fn ask(&self, mut outgoing: Outgoing) -> Result<Box<ResponseReader>, RpcError> {
        let begin = |generation| RequestSpan::begin(&outgoing.uri, generation);
        let Some(span) = outgoing.span.take().or_else(|| outgoing.rpc.map(begin)) else {
            return self.ask_once(outgoing).await;
        };
        outgoing.span = Some(span.clone());
        span.around(self.ask_once(outgoing)).await
    }

    async fn ask_once(&self, mut outgoing: Outgoing) -> Result<Box<ResponseReader>, RpcError> {
        #[cfg(feature = "external")]
        let _uploaded = self.upload_large(&mut outgoing).await?;
        let response = self.send_compressed(&mut outgoing).await?;
        #[cfg(feature = "external")]
        if response.status() == StatusCode::PAYLOAD_TOO_LARGE {
            // Not said to be too large before, as it is from now on.
            if let Some(_uploaded) = self.upload(&mut outgoing).await? {
                let response = self.send_compressed(&mut outgoing).await?;
                return self.read(response, &outgoing).await;
            }
        }
        self.read(response, &outgoing).await
    }

    /// Reads the response that counts.
    async fn read(&self, response: Response<Body>, outgoing: &Outgoing) -> Result<Box<ResponseReader>, RpcError> {
        outgoing.responded(&response);
        ResponseReader::new(response, &self.shared, outgoing).await
    }

    /// Sends a request, compressed where that is worth it.
    async fn send_compressed(&self, outgoing: &mut Outgoing) -> Result<Response<Body>, RpcError> {
        let plain = self.compress(outgoing);
        let response = self.send(outgoing).await?;
        if let Some(plain) = plain.clone()
            && response.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE
        {
            // The server does not take this coding after all.
            self.shared.takes_zstd.store(NO, Ordering::Relaxed);
            outgoing.body = plain;
            outgoing.compressed = false;
            return self.send(outgoing).await;
        }
        if let Some(plain) = plain {
            outgoing.body = plain;
            outgoing.compressed = false;
        }
        Ok(response)
    }

    /// Compresses the body where that is worth it; gives it as it was.
    fn compress(&self, outgoing: &mut Outgoing) -> Option<Vec<Bytes>> {
        let settings = &self.shared.settings;
        let level = settings.compression_level?;
        let length = outgoing.body.iter().map(Bytes::len).sum::<usize>();
        if length < settings.min_compressed_bytes || self.shared.takes_zstd.load(Ordering::Relaxed) != YES {
            return None;
        }
        let compressed = self.shared.zstd.compress(&outgoing.body, length, level)?;
        outgoing.compressed = true;
        Some(std::mem::replace(&mut outgoing.body, vec![compressed]))
    }

    /// Sends a request, again where that is safe; gives the head of the response.
    pub(crate) async fn send(&self, outgoing: &Outgoing) -> Result<Response<Body>, RpcError> {
        // Pinned here, so that it is not moved whether there is a timeout or not.
        let mut sending = std::pin::pin!(async {
            let mut first = self.attempt_as_known(outgoing).await;
            if first.as_ref().is_err_and(|error| error.is::<ConnectionLost>()) {
                first = self.attempt_as_known(outgoing).await;
            }
            match &self.shared.settings.retry {
                Some(policy) if outgoing.replayable => policy.repeat(first, || self.attempt_as_known(outgoing)).await,
                _ => first,
            }
        });
        let result = match self.shared.settings.timeout {
            None => sending.as_mut().await,
            Some(timeout) => match within(timeout, sending.as_mut()).await {
                Some(result) => result,
                None => return Err(timed_out(&format!("no response from {}", place(&outgoing.uri)), timeout)),
            },
        };
        let response = result.map_err(|error| unreachable(&error, &outgoing.uri))?;
        self.learn(response.headers());
        if response.status() == StatusCode::UNAUTHORIZED {
            outgoing.responded(&response);
            return Err(refusal::unauthorized(response).await);
        }
        Ok(response)
    }

    /// With a token, where the channel has some, and with another one if the server does not take it.
    async fn attempt_as_known(&self, outgoing: &Outgoing) -> Result<Response<Body>, BoxError> {
        let Some(tokens) = self.shared.settings.tokens.as_ref().filter(|_| outgoing.with_token) else {
            return self.attempt(outgoing, None).await;
        };
        let token = tokens.current().await?;
        let response = self.attempt(outgoing, Some(&token)).await?;
        if !is_worth_another(&response) {
            return Ok(response);
        }
        match tokens.instead_of(&token).await? {
            Some(other) => self.attempt(outgoing, Some(&other)).await,
            None => Ok(response),
        }
    }

    /// Said to be `Send` here, where that is checked for all services: for one with boxed errors the compiler finds no
    /// proof, and nobody could spawn a call.
    fn attempt(
        &self,
        outgoing: &Outgoing,
        token: Option<&Token>,
    ) -> impl Future<Output = Result<Response<Body>, BoxError>> + Send {
        let mut request = outgoing.build(&self.shared.headers, self.shared.settings.max_response_bytes);
        if let Some(token) = token {
            token.add_to(request.headers_mut());
        }
        async move {
            match &self.session {
                None => self.service.send(request).await,
                Some(session) => {
                    session.add_to(request.headers_mut());
                    let response = self.service.send(request).await?;
                    session.take_from(response.headers());
                    Ok(response)
                }
            }
        }
    }

    /// What any response says about codings, unless it is known.
    fn learn(&self, headers: &HeaderMap) {
        if self.shared.takes_zstd.load(Ordering::Relaxed) != UNKNOWN {
            return;
        }
        if let Some(list) = headers.get("vgi-supported-encodings").and_then(|value| value.to_str().ok()) {
            let zstd = list.split(',').any(|name| name.trim().eq_ignore_ascii_case("zstd"));
            self.shared.takes_zstd.store(if zstd { YES } else { NO }, Ordering::Relaxed);
        }
    }
}

/// Where a request went, without what may be secret.
pub(crate) fn place(uri: &Uri) -> String {
    let host = uri.authority().map(|authority| authority.as_str().rsplit('@').next().unwrap_or_default());
    match (uri.scheme_str(), host) {
        (Some(scheme), Some(host)) => format!("{scheme}://{host}{}", uri.path()),
        _ => uri.path().to_owned(),
    }
}

/// The error for a request that got no response.
fn unreachable(error: &BoxError, uri: &Uri) -> RpcError {
    if let Some(error) = error.downcast_ref::<RpcError>() {
        return error.clone();
    }
    let mut result = RpcError::new("ConnectionError", format!("no response from {}: {}", place(uri), chain(&**error)))
        .with_code(ErrorCode::Unavailable);
    result.received_mut().broken = true;
    result
}

/// The texts of an error and of what caused it.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    for _ in 0..8 {
        let Some(error) = next else { break };
        let cause = error.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
        next = error.source();
    }
    text
}
