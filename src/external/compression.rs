//! [`Compression`] of objects, piece by piece, and decoding under a cap.

use std::collections::VecDeque;
use std::io::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use flate2::write::GzEncoder;
use http_body::{Body as HttpBody, Frame};
use zstd::zstd_safe::zstd_sys::ZSTD_EndDirective::{ZSTD_e_continue, ZSTD_e_end};
use zstd::zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer, get_error_name};

use crate::{BoxError, RpcError};

/// About a millisecond's work: what is compressed before others get a turn.
const AT_ONCE: usize = 512 * 1024;

/// How objects are compressed in a store. HTTP calls it their content coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// zstd, at a level from 1 to 22.
    Zstd(i32),
    /// gzip, at a level from 1 to 9: for readers that know nothing else.
    Gzip(u32),
}

impl Default for Compression {
    /// zstd at level 3.
    fn default() -> Self {
        Self::Zstd(3)
    }
}

/// The content coding of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ContentCoding {
    /// zstd.
    Zstd,
    /// gzip.
    Gzip,
}

impl ContentCoding {
    /// The coding's name in `Content-Encoding`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// The coding of a name; `None` for identity.
    pub(super) fn from_header(text: &str) -> Result<Option<Self>, RpcError> {
        // Proxies have been seen to add parameters.
        let name = text.split(';').next().unwrap_or_default().trim();
        match name.to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(None),
            "zstd" => Ok(Some(Self::Zstd)),
            "gzip" | "x-gzip" => Ok(Some(Self::Gzip)),
            _ => Err(RpcError::runtime_error(format!(
                "the object's content coding '{name}' is not supported; zstd and gzip are"
            ))),
        }
    }
}

impl Compression {
    /// The coding that it makes.
    pub fn coding(self) -> ContentCoding {
        match self {
            Self::Zstd(_) => ContentCoding::Zstd,
            Self::Gzip(_) => ContentCoding::Gzip,
        }
    }

    /// Pieces of so many bytes in all, compressed when they are asked for.
    pub(super) fn body(self, pieces: Vec<Bytes>, length: u64) -> CompressedBody {
        CompressedBody { pieces: pieces.into(), state: State::New(self, length), paused: false }
    }
}

/// Compresses pieces as it is read.
pub(super) struct CompressedBody {
    pieces: VecDeque<Bytes>,
    state: State,
    paused: bool,
}

enum State {
    New(Compression, u64),
    Zstd(CCtx<'static>),
    Gzip(GzEncoder<Vec<u8>>),
    Ended,
}

impl State {
    fn begin(compression: Compression, length: u64) -> Result<Self, BoxError> {
        match compression {
            Compression::Gzip(level) => {
                Ok(Self::Gzip(GzEncoder::new(Vec::new(), flate2::Compression::new(level.clamp(1, 9)))))
            }
            Compression::Zstd(level) => {
                let mut context = CCtx::try_create().ok_or("there is no memory to compress")?;
                let level = CParameter::CompressionLevel(level.clamp(1, 22));
                context.set_parameter(level).map_err(get_error_name)?;
                // With the size at the front, readers refuse what is too large before they allocate.
                context.set_pledged_src_size(Some(length)).map_err(get_error_name)?;
                Ok(Self::Zstd(context))
            }
        }
    }
}

impl CompressedBody {
    /// Compresses up to [`AT_ONCE`] bytes; gives what has come out.
    fn step(&mut self) -> Result<Option<Bytes>, BoxError> {
        if let State::New(compression, length) = self.state {
            self.state = State::begin(compression, length)?;
        }
        let mut room = AT_ONCE;
        let mut output = Vec::new();
        while room > 0 {
            let Some(piece) = self.pieces.front_mut() else { break };
            let size = piece.len().min(room);
            match &mut self.state {
                State::Zstd(context) => zstd(context, &piece[..size], &mut output, false)?,
                State::Gzip(encoder) => encoder.write_all(&piece[..size])?,
                State::New(..) | State::Ended => return Ok(None),
            }
            room -= size;
            piece.advance(size);
            if piece.is_empty() {
                self.pieces.pop_front();
            }
        }
        if self.pieces.is_empty() {
            match std::mem::replace(&mut self.state, State::Ended) {
                State::Zstd(mut context) => zstd(&mut context, &[], &mut output, true)?,
                State::Gzip(encoder) => output = encoder.finish()?,
                State::New(..) | State::Ended => return Ok(None),
            }
        } else if let State::Gzip(encoder) = &mut self.state {
            output = std::mem::take(encoder.get_mut());
        }
        Ok(Some(output.into()))
    }
}

fn zstd(context: &mut CCtx<'static>, input: &[u8], output: &mut Vec<u8>, end: bool) -> Result<(), BoxError> {
    let mut source = InBuffer::around(input);
    loop {
        output.reserve(64 * 1024);
        let position = output.len();
        let mut target = OutBuffer::around_pos(output, position);
        let what = if end { ZSTD_e_end } else { ZSTD_e_continue };
        let left = context.compress_stream2(&mut target, &mut source, what).map_err(get_error_name)?;
        if if end { left == 0 } else { source.pos == input.len() } {
            return Ok(());
        }
    }
}

impl HttpBody for CompressedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        // Whoever sends what this gives may never have to wait, and others would.
        if std::mem::take(&mut self.paused) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        while !matches!(self.state, State::Ended) {
            match self.step() {
                Ok(Some(output)) if output.is_empty() => {}
                Ok(Some(output)) => {
                    self.paused = true;
                    return Poll::Ready(Some(Ok(Frame::data(output))));
                }
                Ok(None) => break,
                Err(error) => {
                    self.state = State::Ended;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.state, State::Ended)
    }
}
