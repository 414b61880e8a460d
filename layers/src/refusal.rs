//! Answers to requests that a layer does not let through.
//!
//! Clients of the protocol read Arrow, and find in it which limit was broken.

use http::{HeaderMap, HeaderName, HeaderValue, Response};
use tower_vgi::{Body, RpcError, rpc};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a refusal says of the request, kept while the request itself is on its way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refusals {
    request_id: Option<HeaderValue>,
}

impl Refusals {
    pub(crate) fn new(headers: &HeaderMap) -> Self {
        Self { request_id: headers.get(X_REQUEST_ID).cloned() }
    }

    /// The request's id, as far as it can be read.
    #[cfg(feature = "catch-panic")]
    pub(crate) fn request_id(&self) -> Option<&str> {
        self.request_id.as_ref()?.to_str().ok()
    }

    /// The response that carries `error`, with its status.
    pub(crate) fn refuse(&self, error: &RpcError) -> Response<Body> {
        let mut headers = HeaderMap::new();
        if let Some(id) = &self.request_id {
            headers.insert(X_REQUEST_ID, id.clone());
        }
        rpc::error_response(error, &headers)
    }
}

/// The type's name of a 413, by which clients know that sending less would help.
#[cfg(any(feature = "compression", feature = "limit"))]
pub(crate) const REQUEST_TOO_LARGE: &str = "RequestTooLargeError";
