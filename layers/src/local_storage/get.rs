//! Reading an object.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt as _};
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use object_store::path::Path;
use object_store::{GetOptions, GetResultPayload, ObjectStore, ObjectStoreExt as _};
use tower_vgi::rpc::ARROW_STREAM;
use tower_vgi::{Body, BoxError};

use super::LocalStorage;
use super::body::{FileBody, StreamBody};
use super::failure::{reason, status};
use super::range::{Wanted, wanted};
use super::service::text;

/// What all Arrow IPC streams, and nothing that is compressed, begin with.
const MAGIC_LEN: u64 = 4;

pub(super) async fn answer(storage: LocalStorage, key: String, head: Parts) -> Response<Body> {
    match open(&*storage.objects.settings.store, &key).await {
        Ok(object) => match send(object, &head).await {
            Ok(response) => response,
            Err(error) => text(status(&*error), &format!("the object cannot be read now: {}", reason(&*error))),
        },
        Err(object_store::Error::NotFound { .. }) => {
            text(StatusCode::NOT_FOUND, "there is no such object: it has not been put yet, or is there no more")
        }
        Err(error) => text(status(&error), &format!("the object cannot be read now: {}", reason(&error))),
    }
}

/// An object before any of it is sent.
struct Opened {
    size: u64,
    etag: Option<String>,
    /// How it is compressed.
    coding: Option<&'static str>,
    content: Content,
}

enum Content {
    File(File),
    /// All of it, in pieces.
    Stream(BoxStream<'static, object_store::Result<Bytes>>),
}

async fn open(store: &dyn ObjectStore, key: &str) -> object_store::Result<Opened> {
    let path = Path::parse(key)?;
    let found = store.get_opts(&path, GetOptions::default()).await?;
    let (size, etag) = (found.meta.size, found.meta.e_tag.map(|tag| format!("\"{}\"", tag.trim_matches('"'))));
    let begin = match size {
        0 => Bytes::new(),
        _ => store.get_range(&path, 0..MAGIC_LEN.min(size)).await?,
    };
    let content = match found.payload {
        GetResultPayload::File(file, _) => Content::File(file),
        GetResultPayload::Stream(stream) => Content::Stream(stream),
    };
    Ok(Opened { size, etag, coding: coding(&begin), content })
}

/// A directory keeps nothing but bytes. They tell by themselves: an Arrow IPC stream begins with a marker that no
/// compressed one has.
fn coding(begin: &[u8]) -> Option<&'static str> {
    match begin {
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("zstd"),
        [0x1f, 0x8b, ..] => Some("gzip"),
        _ => None,
    }
}

async fn send(object: Opened, head: &Parts) -> Result<Response<Body>, BoxError> {
    let Opened { size, etag, coding, content } = object;
    // Ranges are of GET alone.
    let wanted = if head.method == Method::GET { wanted(&head.headers, size, etag.as_deref()) } else { Wanted::Whole };
    let (status, range) = match wanted {
        Wanted::Whole => (StatusCode::OK, 0..size),
        Wanted::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Wanted::Nothing => {
            let mut response = text(StatusCode::RANGE_NOT_SATISFIABLE, "the object ends before that range");
            response.headers_mut().insert(CONTENT_RANGE, HeaderValue::try_from(format!("bytes */{size}"))?);
            return Ok(response);
        }
    };
    let length = range.end - range.start;
    let said = format!("bytes {}-{}/{size}", range.start, range.end.saturating_sub(1));
    let body = match content {
        _ if head.method == Method::HEAD => Body::empty(),
        Content::File(mut file) => {
            let file = tokio::task::spawn_blocking(move || file.seek(SeekFrom::Start(range.start)).map(|_| file));
            Body::new(FileBody::new(file.await??, length))
        }
        Content::Stream(pieces) => Body::new(StreamBody::new(pieces.boxed(), range)),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(ARROW_STREAM));
    headers.insert(CONTENT_LENGTH, length.into());
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    // Who has the URL may read it, and nobody else.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private"));
    // It is what callers have put, and no page of this origin.
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(coding) = coding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    if let Some(etag) = etag {
        headers.insert(ETAG, HeaderValue::try_from(etag)?);
    }
    if status == StatusCode::PARTIAL_CONTENT {
        headers.insert(CONTENT_RANGE, HeaderValue::try_from(said)?);
    }
    Ok(response)
}

/// The next bytes of a file, as many as there are room for and left.
pub(super) fn read(mut file: File, most: u64) -> io::Result<(File, Bytes)> {
    let mut piece = Vec::with_capacity(usize::try_from(most).unwrap_or(0));
    (&mut file).take(most).read_to_end(&mut piece)?;
    Ok((file, piece.into()))
}
