//! The bodies of objects.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::stream::{BoxStream, Stream as _};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::task::{JoinHandle, spawn_blocking};
use tower_vgi::BoxError;

use super::failure::reason;
use super::get::read;

/// What is read at once: two of them are in memory, one that is sent and one that is read meanwhile.
const PIECE: u64 = 256 * 1024;

/// Bytes of a file from where it stands.
pub(super) struct FileBody {
    reading: Option<JoinHandle<io::Result<(File, Bytes)>>>,
    left: u64,
}

impl FileBody {
    pub(super) fn new(file: File, length: u64) -> Self {
        Self { reading: next(file, length), left: length }
    }
}

fn next(file: File, left: u64) -> Option<JoinHandle<io::Result<(File, Bytes)>>> {
    (left > 0).then(|| spawn_blocking(move || read(file, left.min(PIECE))))
}

impl HttpBody for FileBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(reading) = &mut self.reading else { return Poll::Ready(None) };
        let outcome = ready!(Pin::new(reading).poll(cx));
        self.reading = None;
        let (file, piece) = match outcome {
            Ok(Ok(read)) => read,
            Ok(Err(error)) => return Poll::Ready(Some(Err(reason(&error).into()))),
            Err(error) => return Poll::Ready(Some(Err(error.into()))),
        };
        if piece.is_empty() {
            return Poll::Ready(Some(Err("the object is shorter than it was".into())));
        }
        self.left = self.left.saturating_sub(piece.len() as u64);
        self.reading = next(file, self.left);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.reading.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// A range of what comes in pieces.
pub(super) struct StreamBody {
    pieces: BoxStream<'static, object_store::Result<Bytes>>,
    /// How many bytes come before.
    skip: u64,
    left: u64,
}

impl StreamBody {
    pub(super) fn new(pieces: BoxStream<'static, object_store::Result<Bytes>>, range: Range<u64>) -> Self {
        Self { pieces, skip: range.start, left: range.end.saturating_sub(range.start) }
    }
}

impl HttpBody for StreamBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        while self.left > 0 {
            let mut piece = match ready!(Pin::new(&mut self.pieces).poll_next(cx)) {
                Some(Ok(piece)) => piece,
                Some(Err(error)) => return Poll::Ready(Some(Err(reason(&error).into()))),
                None => return Poll::Ready(Some(Err("the object is shorter than it was".into()))),
            };
            let skipped = usize::try_from(self.skip).map_or(piece.len(), |skip| skip.min(piece.len()));
            drop(piece.split_to(skipped));
            self.skip -= skipped as u64;
            piece.truncate(usize::try_from(self.left).map_or(piece.len(), |left| left.min(piece.len())));
            if !piece.is_empty() {
                self.left -= piece.len() as u64;
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
