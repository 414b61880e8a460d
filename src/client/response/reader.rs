//! [`ResponseReader`]: the batches of a response, each as soon as its bytes are there.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Response, StatusCode, header};
use http_body::Body as _;

use super::refusal;
use crate::client::channel::Shared;
use crate::client::outgoing::{Outgoing, chain, place};
use crate::client::time::within;
use crate::client::zstd::Decompressor;
use crate::wire::{Event, IncrementalDecoder};
use crate::{Body, ErrorCode, RpcError};

/// How long the end of a response is waited for in which nobody is interested any more.
const PATIENCE: Duration = Duration::from_secs(1);

/// Reads one response.
pub(crate) struct ResponseReader {
    body: Body,
    decoder: IncrementalDecoder,
    decompressor: Option<Decompressor>,
    received: u64,
    /// The most that may come, decoded.
    most: Option<u64>,
    /// Within an IPC stream, whose end has to come.
    open: bool,
    /// An IPC stream has come to its end.
    whole: bool,
    ended: bool,
    pub(crate) status: StatusCode,
    /// Where the request went.
    place: Arc<str>,
}

/// Why reading ended early.
pub(crate) enum ReadError {
    /// The connection broke, or the body ended too soon.
    Broken(RpcError),
    /// What came is of no use.
    Failed(RpcError),
}

impl From<ReadError> for RpcError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Broken(error) | ReadError::Failed(error) => error,
        }
    }
}

impl ResponseReader {
    /// Looks at the head; gives an error for what is no answer of the protocol.
    pub(crate) async fn new(
        response: Response<Body>,
        shared: &Shared,
        outgoing: &Outgoing,
    ) -> Result<Box<Self>, RpcError> {
        if !refusal::is_arrow(response.headers()) {
            return Err(refusal::not_of_the_protocol(response, &outgoing.uri).await);
        }
        let (parts, body) = response.into_parts();
        let coding =
            parts.headers.get(header::CONTENT_ENCODING).or_else(|| parts.headers.get("x-vgi-content-encoding"));
        let decompressor = match coding.map(|coding| coding.as_bytes().to_ascii_lowercase()).as_deref() {
            None | Some(b"identity" | b"") => None,
            Some(b"zstd") => shared.zstd.decompressor(),
            Some(other) => {
                return Err(RpcError::new(
                    "HttpError",
                    format!(
                        "HTTP {} from {}: the coding '{}' was not asked for",
                        parts.status.as_u16(),
                        place(&outgoing.uri),
                        String::from_utf8_lossy(other)
                    ),
                ));
            }
        };
        let decoder = IncrementalDecoder::new(shared.limits.clone())
            .with_schema_cache(shared.schemas.clone())
            .with_pool(shared.pool.clone());
        Ok(Box::new(Self {
            body,
            decoder: if shared.settings.strict { decoder } else { decoder.allow_nulls() },
            decompressor,
            received: 0,
            // A streamed response of the flat generation may be of any length: there each message is held to the limit.
            most: shared.settings.max_response_bytes.filter(|_| {
                !outgoing.streamed || outgoing.rpc.is_some_and(|generation| generation.reads_budget_header())
            }),
            open: false,
            whole: false,
            ended: false,
            status: parts.status,
            place: place(&outgoing.uri).into(),
        }))
    }

    /// What comes next; `None` at the end of the body.
    pub(crate) fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Event>, ReadError>> {
        loop {
            match self.decoder.next_event() {
                Ok(Some(event)) => {
                    match event {
                        Event::Schema(_) => self.open = true,
                        Event::EndOfStream => (self.open, self.whole) = (false, true),
                        Event::Batch(_) => {}
                    }
                    return Poll::Ready(Ok(Some(event)));
                }
                Ok(None) => {}
                Err(error) => {
                    let error = self.http_error(&format!("the response is not a valid Arrow IPC stream: {error}"));
                    return Poll::Ready(Err(ReadError::Failed(error)));
                }
            }
            if self.ended {
                return Poll::Ready(Ok(None));
            }
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.take(data).map_err(ReadError::Failed)?;
                    }
                }
                Some(Err(error)) => {
                    self.ended = true;
                    // Without a length, the end of a body is that of the connection, which some servers do not announce
                    // over TLS. The IPC stream itself says where it ends.
                    if self.whole && !self.is_cut() && is_end_of_connection(&*error) {
                        continue;
                    }
                    let text = format!("the response from {} broke off: {}", self.place, chain(&*error));
                    return Poll::Ready(Err(self.broken(text)));
                }
                None => {
                    self.ended = true;
                    if self.is_cut() {
                        let text = format!("the response from {} ends before its last message does", self.place);
                        return Poll::Ready(Err(self.broken(text)));
                    }
                }
            }
        }
    }

    /// Whether more would have to come.
    fn is_cut(&mut self) -> bool {
        self.open
            || self.decoder.finish().is_err()
            || self.decompressor.as_ref().is_some_and(|decompressor| !decompressor.is_complete())
    }

    /// What comes next; `None` at the end of the body.
    pub(crate) async fn event(&mut self) -> Result<Option<Event>, ReadError> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// Reads to the end, so that the connection can be used again, but lets nobody wait for it. What comes is of no
    /// interest.
    pub(crate) fn let_go(mut self: Box<Self>) {
        if self.drain().now_or_never().is_none()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move { within(PATIENCE, self.drain()).await });
        }
    }

    async fn drain(&mut self) {
        while let Ok(Some(_)) = self.event().await {}
    }

    fn take(&mut self, data: Bytes) -> Result<(), RpcError> {
        let Self { decoder, decompressor, received, most, place, .. } = self;
        let mut count = |length: usize| {
            *received += length as u64;
            match most {
                Some(most) if *received > *most => Err(RpcError::new(
                    "ResponseTooLargeError",
                    format!("the response from {place} exceeds max_response_bytes ({received} > {most})"),
                )
                .with_code(ErrorCode::ResourceExhausted)),
                _ => Ok(()),
            }
        };
        match decompressor {
            None => {
                count(data.len())?;
                decoder.push(data);
                Ok(())
            }
            Some(decompressor) => decompressor.push(&data, |decoded| {
                count(decoded.len())?;
                decoder.push(decoded);
                Ok(())
            }),
        }
    }

    /// The error of a response that ended as it should, and lacks something.
    pub(crate) fn incomplete(&self, what: &str) -> RpcError {
        self.http_error(&format!("the response ends without {what}"))
    }

    fn http_error(&self, text: &str) -> RpcError {
        let mut error =
            RpcError::new("HttpError", format!("HTTP {} from {}: {text}", self.status.as_u16(), self.place));
        error.received_mut().http_status = Some(self.status);
        error
    }

    fn broken(&self, text: String) -> ReadError {
        let mut error = RpcError::new("ConnectionError", text).with_code(ErrorCode::Unavailable);
        error.received_mut().broken = true;
        error.received_mut().http_status = Some(self.status);
        ReadError::Broken(error)
    }
}

fn is_end_of_connection(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .filter_map(|error| error.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::UnexpectedEof)
}
