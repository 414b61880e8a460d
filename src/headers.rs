//! Header names and values that server and client share.

// A store needs the media type only.
#![cfg_attr(not(any(feature = "client", feature = "server")), allow(dead_code))]

use http::{HeaderName, HeaderValue};

/// The media type of every RPC body.
pub(crate) const ARROW_STREAM: &str = "application/vnd.apache.arrow.stream";

pub(crate) const ARROW: HeaderValue = HeaderValue::from_static(ARROW_STREAM);

/// The header that names a request.
#[cfg(feature = "server")]
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// By which a caller of the namespaced generation limits the answer.
pub(crate) const ACCEPT_MAX_RESPONSE_BYTES: HeaderName = HeaderName::from_static("vgi-accept-max-response-bytes");

/// By which a server of the namespaced generation says that it knows the one above.
pub(crate) const ACCEPT_MAX_RESPONSE_BYTES_SUPPORT: HeaderName =
    HeaderName::from_static("vgi-accept-max-response-bytes-support");

/// A caller sends it to get a producer as one streamed response.
pub(crate) const ACCEPT_PRODUCER_STREAM: HeaderName = HeaderName::from_static("vgi-accept-producer-stream");

/// A server that streams producers says so.
pub(crate) const PRODUCER_STREAM: HeaderName = HeaderName::from_static("vgi-producer-stream");

/// Whether a server keeps large batches elsewhere.
pub(crate) const EXTERNALIZATION_ENABLED: HeaderName = HeaderName::from_static("vgi-externalization-enabled");

/// The token of a session: of a request that belongs to one, and of the response that opens one.
pub(crate) const SESSION: HeaderName = HeaderName::from_static("vgi-session");

/// With `true`, the caller keeps the token of a session that is opened for it.
pub(crate) const SESSION_ACCEPT: HeaderName = HeaderName::from_static("vgi-session-accept");

/// With `true`, the caller's session was closed.
pub(crate) const SESSION_CLOSE: HeaderName = HeaderName::from_static("vgi-session-close");
