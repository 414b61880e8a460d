//! The headers by which callers name their sessions.

use http::HeaderName;

use crate::headers;

/// The token of a session: of a request that belongs to one, and of the response that opens one.
pub const SESSION: HeaderName = headers::SESSION;

/// With `true`, the caller keeps the token of a session that is opened for it.
pub const SESSION_ACCEPT: HeaderName = headers::SESSION_ACCEPT;

/// With `true`, the caller's session was closed.
pub const SESSION_CLOSE: HeaderName = headers::SESSION_CLOSE;
