//! Compression of a body of known length, before the response begins.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Body as HttpBody;
use tower_vgi::BoxError;

use super::encoder::Encoder;
use super::encoding::Encoding;
use super::layer::Settings;
use super::pause::Pause;

/// A body on its way through the encoder.
pub(super) struct Whole {
    encoder: Option<Encoder>,
    /// Of this body, not compressed yet and not in `frame`.
    left: u64,
    frame: Bytes,
    at_once: usize,
    piece: usize,
    pause: Pause,
}

impl Whole {
    /// `None` when there is no memory for it.
    pub(super) fn new(encoding: Encoding, settings: &Settings, length: u64) -> Option<Self> {
        Some(Self {
            encoder: Some(Encoder::new(encoding, settings, Some(length))?),
            left: length,
            frame: Bytes::new(),
            at_once: settings.at_once(encoding),
            piece: settings.piece(encoding),
            pause: Pause::after(settings.piece(encoding)),
        })
    }

    pub(super) fn poll<B>(&mut self, mut body: Pin<&mut B>, cx: &mut Context<'_>) -> Poll<Result<Bytes, BoxError>>
    where
        B: HttpBody<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        loop {
            ready!(self.pause.poll(cx));
            let is_last = self.left == 0 && self.frame.len() <= self.at_once;
            if is_last {
                let Some(encoder) = self.encoder.take() else { return Poll::Pending };
                return Poll::Ready(encoder.finish(&std::mem::take(&mut self.frame)).map_err(Into::into));
            }
            if self.frame.is_empty() {
                let frame = match ready!(body.as_mut().poll_frame(cx)) {
                    Some(frame) => frame.map_err(Into::into)?,
                    None => return Poll::Ready(Err(wrong_length())),
                };
                if let Ok(data) = frame.into_data() {
                    self.left = self.left.checked_sub(data.len() as u64).ok_or_else(wrong_length)?;
                    self.frame = data;
                }
                continue;
            }
            if let Some(encoder) = &mut self.encoder {
                let piece = self.frame.split_to(self.frame.len().min(self.piece));
                encoder.write(&piece)?;
                self.pause.count(piece.len());
            }
        }
    }
}

fn wrong_length() -> BoxError {
    BoxError::from("the response body is not as long as its size hint says")
}
