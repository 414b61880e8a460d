//! A large object by several requests at the same time, into one piece of memory.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use http::header::{CONTENT_RANGE, ETAG};
use http::{HeaderValue, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::Inner;
use super::download::{aligned, text};
use super::failure::{Failure, shown};
use super::request::Answer;
use crate::RpcError;

/// Reads an object whose first response has begun. It is read on from the front while other requests read ranges from
/// the back, until they meet.
pub(super) async fn read(
    inner: &Inner,
    url: &str,
    first: Answer,
    length: u64,
    etag: Option<HeaderValue>,
) -> Result<Bytes, Failure> {
    let mut parts = Parts::new(length, inner.settings.range_bytes)?;
    let fetch = |part: Part| fetch(inner, url, part, length, etag.clone());
    let mut helpers = FuturesUnordered::new();
    let mut front = Some(Front { body: first.response.into_body(), uri: first.uri, rest: Bytes::new() });
    let mut filling = parts.take_first().zip(front.take()).map(|(part, front)| Box::pin(front.fill(part)));
    loop {
        while helpers.len() + 1 < inner.settings.parallel_requests
            && let Some(part) = parts.take_last()
        {
            helpers.push(fetch(part));
        }
        match &mut filling {
            None => match helpers.next().await {
                Some(part) => parts.put_back(part?),
                None => break,
            },
            Some(front) => match select(front, helpers.next()).await {
                Either::Left((filled, _)) => {
                    let (part, front) = filled?;
                    parts.put_back(part);
                    // When all the rest is on its way already, this response is given up.
                    filling = parts.take_first().map(|part| Box::pin(front.fill(part)));
                }
                Either::Right((Some(part), _)) => parts.put_back(part?),
                Either::Right((None, front)) => {
                    let (part, front) = front.await?;
                    parts.put_back(part);
                    filling = parts.take_first().map(|part| Box::pin(front.fill(part)));
                }
            },
        }
    }
    parts.join()
}

/// The first response, as far as it has been read.
struct Front {
    body: Incoming,
    uri: http::Uri,
    /// What came with the end of the last part and belongs to the next.
    rest: Bytes,
}

impl Front {
    async fn fill(mut self, mut part: Part) -> Result<(Part, Self), Failure> {
        while let Some(missing) = part.missing() {
            if self.rest.is_empty() {
                let frame = self.body.frame().await.ok_or_else(|| too_short(&self.uri))?;
                let frame = frame.map_err(|error| Failure::of_body(&error, &self.uri))?;
                self.rest = frame.into_data().unwrap_or_default();
            }
            let piece = self.rest.split_to(self.rest.len().min(missing));
            part.buffer.extend_from_slice(&piece);
        }
        Ok((part, self))
    }
}

/// One range by a request of its own.
async fn fetch(
    inner: &Inner,
    url: &str,
    mut part: Part,
    length: u64,
    etag: Option<HeaderValue>,
) -> Result<Part, Failure> {
    let range = part.range.clone();
    let Answer { response, uri } = inner.get(url, Some(range.clone())).await?;
    if response.status() != StatusCode::PARTIAL_CONTENT {
        return Err(match response.status() {
            StatusCode::OK => not_the_range(&uri, "HTTP 200 in place of a part"),
            status => Failure::of_status(status, &uri),
        });
    }
    let expected = format!("bytes {}-{}/{length}", range.start, range.end - 1);
    let said = text(response.headers(), &CONTENT_RANGE);
    if said != expected {
        return Err(not_the_range(&uri, &format!("'{said}' in place of '{expected}'")));
    }
    if etag.is_some() && response.headers().get(ETAG) != etag.as_ref() {
        return Err(Failure::Transient(format!("the object at {} has changed while it was read", shown(&uri))));
    }
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(|error| Failure::of_body(&error, &uri))?.into_data() else { continue };
        if piece.len() > part.missing().unwrap_or(0) {
            return Err(not_the_range(&uri, "more bytes than the range has"));
        }
        part.buffer.extend_from_slice(&piece);
    }
    match part.missing() {
        None => Ok(part),
        Some(_) => Err(too_short(&uri)),
    }
}

fn too_short(uri: &http::Uri) -> Failure {
    Failure::Transient(format!("the response from {} ends before its announced length", shown(uri)))
}

fn not_the_range(uri: &http::Uri, what: &str) -> Failure {
    Failure::Final(RpcError::runtime_error(format!(
        "Failed to resolve ExternalLocation: {} was asked for a range and sent {what}",
        shown(uri)
    )))
}

/// One range with the memory that it belongs to.
struct Part {
    index: usize,
    range: Range<u64>,
    buffer: BytesMut,
}

impl Part {
    /// How many bytes have not come; `None` when all have.
    fn missing(&self) -> Option<usize> {
        let size = usize::try_from(self.range.end - self.range.start).unwrap_or(usize::MAX);
        Some(size - self.buffer.len()).filter(|missing| *missing > 0)
    }
}

/// All ranges, cut out of one piece of memory, which they become again.
struct Parts {
    /// Those that nobody reads yet.
    waiting: std::collections::VecDeque<Part>,
    done: Vec<Option<BytesMut>>,
}

impl Parts {
    fn new(length: u64, size: usize) -> Result<Self, Failure> {
        let total = usize::try_from(length)
            .map_err(|_| RpcError::runtime_error(format!("an object of {length} bytes does not fit into memory")))?;
        let mut rest = aligned(total);
        let count = total.div_ceil(size);
        let mut waiting = std::collections::VecDeque::with_capacity(count);
        for index in 0..count {
            let start = index * size;
            let end = total.min(start + size);
            let tail = if end < total { rest.split_off(end - start) } else { BytesMut::new() };
            let buffer = std::mem::replace(&mut rest, tail);
            waiting.push_back(Part { index, range: start as u64..end as u64, buffer });
        }
        Ok(Self { waiting, done: vec![None; count] })
    }

    fn take_first(&mut self) -> Option<Part> {
        self.waiting.pop_front()
    }

    fn take_last(&mut self) -> Option<Part> {
        self.waiting.pop_back()
    }

    fn put_back(&mut self, part: Part) {
        if let Some(place) = self.done.get_mut(part.index) {
            *place = Some(part.buffer);
        }
    }

    fn join(self) -> Result<Bytes, Failure> {
        let mut whole = BytesMut::new();
        for part in self.done {
            let part = part.ok_or_else(|| Failure::Transient("a range was not read".to_owned()))?;
            // Next to each other in memory, so that nothing is copied.
            whole.unsplit(part);
        }
        Ok(whole.freeze())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_one_piece_again_without_a_copy() {
        for (length, size) in [(10, 3), (9, 3), (1, 3), (100_000, 7_777)] {
            let mut parts = Parts::new(length, size).ok().unwrap();
            let start = parts.waiting[0].buffer.as_ptr();
            let mut from_front = true;
            while let Some(mut part) = if from_front { parts.take_first() } else { parts.take_last() } {
                from_front = !from_front;
                let bytes: Vec<u8> = part.range.clone().map(|index| index as u8).collect();
                part.buffer.extend_from_slice(&bytes);
                assert_eq!(part.missing(), None);
                parts.put_back(part);
            }
            let whole = parts.join().ok().unwrap();
            assert_eq!(whole, (0..length).map(|index| index as u8).collect::<Vec<_>>());
            assert_eq!(whole.as_ptr(), start);
            assert_eq!(start.align_offset(64), 0);
        }
    }
}
