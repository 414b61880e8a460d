//! Answers that are not Arrow: other verbs, and paths that are no RPC route (wire specification §1.3).

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};

use super::dispatcher::Hosts;
use super::route::{Shape, is_endpoint};
use crate::Body;

/// On a response of the core for a path at which it hosts nothing, so that a layer of pages may put a page for people
/// in its place: on its 404s that are not Arrow, and on its 405s for other verbs than `POST` where a `POST` would find
/// no method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotFound;

/// The path has not the shape of any RPC route.
pub(crate) fn not_found() -> Response<Body> {
    let mut response = json(StatusCode::NOT_FOUND, r#"{"title": "404 Not Found"}"#);
    response.extensions_mut().insert(NotFound);
    response
}

/// Everything but `POST` on an RPC route.
pub(crate) fn other_verb(verb: &Method, shape: &Shape<'_>, hosts: &Hosts) -> Response<Body> {
    if verb == Method::OPTIONS {
        // By the shape of the path alone, whatever is hosted: nobody has to say who they are to ask this.
        let allow = match shape {
            Shape::Unary { method, .. } if !is_endpoint(method) => "GET, POST",
            _ => "POST",
        };
        let mut response = Response::new(Body::empty());
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
        // Capabilities are discovered by OPTIONS; callers keep them for so long.
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
        return response;
    }
    let reads = verb == Method::GET || verb == Method::HEAD;
    match shape.allow(hosts) {
        None if reads => not_found(),
        allow => {
            let allow = match shape {
                Shape::Unary { .. } if !reads => "GET, POST, OPTIONS",
                _ => allow.unwrap_or("POST, OPTIONS"),
            };
            let mut response = json(StatusCode::METHOD_NOT_ALLOWED, r#"{"title": "405 Method Not Allowed"}"#);
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
            if !shape.leads_to_a_method(hosts) {
                response.extensions_mut().insert(NotFound);
            }
            response
        }
    }
}

/// Clients of some flat releases ask this in JSON and read the answer as JSON.
pub(crate) fn is_token_introspection(shape: &Shape<'_>, headers: &HeaderMap) -> bool {
    let json = headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    let name = match shape {
        Shape::FlatUnary { method } => method.as_ref(),
        Shape::Reserved { method } => method,
        _ => return false,
    };
    json && name == "__introspect_token__"
}

pub(crate) fn token_introspection_disabled() -> Response<Body> {
    let mut response = json(StatusCode::NOT_FOUND, r#"{"error":"not_enabled"}"#);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn json(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
