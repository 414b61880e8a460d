//! Responses of this layer, and their headers.

use std::sync::LazyLock;

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Response, StatusCode};
use tower_vgi::Body;

use super::assets;
use crate::response::json_error;

/// Nothing but the style and the script of the pages, and the mark in the browser's tab.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; img-src data:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
        assets::hash(assets::STYLE),
        assets::hash(assets::SCRIPT),
    );
    // Base64 and what stands above are all visible ASCII; if they were not, a page without style is the safe one.
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// A page, or the head of one.
pub(super) fn page(html: Bytes, head: bool) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(html.len()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store, must-revalidate, max-age=0"));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY.clone());
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if !head {
        *response.body_mut() = Body::from(html);
    }
    response
}

pub(super) fn not_found(html: Bytes, head: bool) -> Response<Body> {
    let mut response = page(html, head);
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// What a verb gets that the page at this path does not take.
pub(super) fn wrong_verb() -> Response<Body> {
    let mut response = json_error(StatusCode::METHOD_NOT_ALLOWED);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, OPTIONS"));
    response
}

/// What `OPTIONS` of a page gets.
pub(super) fn discovery() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}
