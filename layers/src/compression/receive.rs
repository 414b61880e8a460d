//! Decoding of a request body, before the service inside is called.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body::Body as HttpBody;
use tower_vgi::{BoxError, RequestMemory, RpcError};

use super::account::Account;
use super::decoder::{AT_ONCE, Decoder};
use super::encoding::Encoding;
use super::layer::Settings;
use super::pause::Pause;

/// Bodies up to this size are collected first, so that zstd decodes them at once and without a copy.
const COLLECTED: u64 = 1024 * 1024;

/// A body on its way through the decoder.
pub(super) struct Receive {
    decoder: Option<Decoder>,
    collected: Option<Collected>,
    input: Bytes,
    ended: bool,
    /// The body itself failed, so there is nothing more to be read.
    broken: bool,
    pause: Pause,
}

enum Collected {
    /// The only frame so far, as it came.
    One(Bytes),
    Several(BytesMut),
}

impl Receive {
    pub(super) fn new<B: HttpBody>(
        encoding: Encoding,
        settings: &Settings,
        body: &B,
        memory: Option<RequestMemory>,
    ) -> Result<Self, RpcError> {
        let small = body.size_hint().exact().filter(|size| *size <= COLLECTED);
        let account = Account::open(memory, small.unwrap_or(0))?;
        Ok(Self {
            decoder: Some(Decoder::new(encoding, settings, account)?),
            collected: small.map(|_| Collected::One(Bytes::new())),
            input: Bytes::new(),
            ended: false,
            broken: false,
            pause: Pause::after(AT_ONCE),
        })
    }

    /// Whether a client that is refused now may still be sending.
    pub(super) fn is_unread(&self) -> bool {
        !self.ended && !self.broken
    }

    pub(super) fn poll<B>(&mut self, body: Pin<&mut B>, cx: &mut Context<'_>) -> Poll<Result<Bytes, RpcError>>
    where
        B: HttpBody<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let decoded = ready!(self.decode(body, cx));
        if decoded.is_err() {
            // Nothing of the body is kept while the rest of it is heard out.
            self.decoder = None;
            self.collected = None;
            self.input = Bytes::new();
        }
        Poll::Ready(decoded)
    }

    fn decode<B>(&mut self, mut body: Pin<&mut B>, cx: &mut Context<'_>) -> Poll<Result<Bytes, RpcError>>
    where
        B: HttpBody<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        loop {
            ready!(self.pause.poll(cx));
            let Some(decoder) = &mut self.decoder else { return Poll::Pending };
            if !decoder.step(&mut self.input)? {
                self.pause.count(AT_ONCE);
                continue;
            }
            if self.ended {
                return Poll::Ready(match self.decoder.take() {
                    Some(decoder) => decoder.finish().map_err(Into::into),
                    None => return Poll::Pending,
                });
            }
            match ready!(body.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    match &mut self.collected {
                        Some(collected) => collected.push(data, body.size_hint().lower()),
                        None => self.input = data,
                    }
                }
                Some(Err(error)) => {
                    self.broken = true;
                    return Poll::Ready(Err(broken(error.into())));
                }
                None => {
                    self.ended = true;
                    if let Some(collected) = self.collected.take() {
                        self.input = collected.into_bytes();
                    }
                }
            }
        }
    }
}

impl Collected {
    fn push(&mut self, data: Bytes, following: u64) {
        match self {
            Self::One(first) if first.is_empty() => *first = data,
            Self::One(first) => {
                let following = usize::try_from(following.min(COLLECTED)).unwrap_or_default();
                let mut several = BytesMut::with_capacity(first.len() + data.len() + following);
                several.extend_from_slice(first);
                several.extend_from_slice(&data);
                *self = Self::Several(several);
            }
            Self::Several(several) => several.extend_from_slice(&data),
        }
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::One(bytes) => bytes,
            Self::Several(bytes) => bytes.freeze(),
        }
    }
}

/// The body itself failed: perhaps a layer outside refuses it, and says so with its own error.
fn broken(error: BoxError) -> RpcError {
    match error.downcast::<RpcError>() {
        Ok(refused) => *refused,
        Err(error) => RpcError::new("ArrowInvalid", format!("Request body could not be read: {error}"))
            .with_status(StatusCode::BAD_REQUEST),
    }
}
