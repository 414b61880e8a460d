//! All bytes of an object, as they are sent.

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT_RANGES, CONTENT_ENCODING, ETAG};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt as _;

use super::Inner;
use super::decode::Account;
use super::failure::{Failure, too_large};
use super::ranges;
use super::request::Answer;
use crate::external::ContentCoding;
use crate::reference::Reference;

/// What is allocated on the word of a server before anything has come.
const ON_TRUST: usize = 1 << 20;

/// Arrow reads columns where they are in memory from here on.
const ALIGNMENT: usize = 64;

/// What has come.
pub(super) struct Downloaded {
    pub(super) bytes: Bytes,
    pub(super) coding: Option<ContentCoding>,
}

/// The first request is an ordinary one: most objects are small. One that turns out large, and whose server sends
/// ranges, is read from both ends: this response goes on while others bring what is behind.
pub(super) async fn download(
    inner: &Inner,
    reference: &Reference,
    account: &Account<'_>,
) -> Result<Downloaded, Failure> {
    let (url, max) = (reference.url(), inner.settings.max_fetch_bytes);
    let Answer { response, uri } = inner.get(url, None).await?;
    if response.status() != StatusCode::OK {
        return Err(Failure::of_status(response.status(), &uri));
    }
    let headers = response.headers();
    let coding = ContentCoding::from_header(&text(headers, &CONTENT_ENCODING))?;
    // As the body is framed: a header may say something else.
    let length = response.body().size_hint().exact();
    if let Some(length) = length.filter(|length| *length > max) {
        return Err(too_large("max_fetch_bytes", Some(length), max, url));
    }
    let takes_ranges = text(headers, &ACCEPT_RANGES).to_ascii_lowercase().contains("bytes");
    let bytes = match length {
        Some(length) if takes_ranges && length >= inner.settings.parallel_threshold => {
            account.reserve(length)?;
            let etag = headers.get(ETAG).cloned();
            ranges::read(inner, url, Answer { response, uri }, length, etag).await?
        }
        _ => whole(Answer { response, uri }, length, max, url, account).await?,
    };
    Ok(Downloaded { bytes, coding })
}

/// One response to its end.
async fn whole(
    answer: Answer,
    length: Option<u64>,
    max: u64,
    url: &str,
    account: &Account<'_>,
) -> Result<Bytes, Failure> {
    let expected = length.and_then(|length| usize::try_from(length).ok());
    account.reserve(length.unwrap_or(0))?;
    let mut buffer = aligned(expected.unwrap_or(0).min(ON_TRUST));
    let mut body = answer.response.into_body();
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(|error| Failure::of_body(&error, &answer.uri))?.into_data() else { continue };
        let size = buffer.len() + piece.len();
        if size as u64 > max {
            return Err(too_large("max_fetch_bytes", None, max, url));
        }
        if expected.is_none() {
            account.reserve(piece.len() as u64)?;
        }
        if size > buffer.capacity() {
            // Four times what there is, but not past what was announced.
            let room =
                expected.filter(|expected| *expected >= size).map_or(size * 2, |expected| expected.min(size * 4));
            let mut larger = aligned(room);
            larger.extend_from_slice(&buffer);
            buffer = larger;
        }
        buffer.extend_from_slice(&piece);
    }
    Ok(buffer.freeze())
}

/// Room for so many bytes, at an address that Arrow can work with.
pub(super) fn aligned(room: usize) -> BytesMut {
    let mut buffer = BytesMut::with_capacity(room + ALIGNMENT);
    let skipped = buffer.as_ptr().align_offset(ALIGNMENT);
    if skipped < ALIGNMENT {
        buffer.resize(skipped, 0);
        drop(buffer.split_to(skipped));
    }
    buffer
}

pub(super) fn text(headers: &HeaderMap, name: &HeaderName) -> String {
    headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default().trim().to_owned()
}
