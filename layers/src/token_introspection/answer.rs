//! From a request with a credential to whose it is.

use std::pin::pin;

use bytes::{Buf as _, BytesMut};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Body as HttpBody;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower_vgi::drain::Drain;
use tower_vgi::identity::{IdentityError, Introspection, token_digest};
use tower_vgi::{AuthContext, Body};

use super::TARGET;

/// There is one credential in it.
const MAX_BODY_BYTES: usize = 8192;

pub(super) async fn answer<B: HttpBody>(
    introspection: Introspection,
    caller: AuthContext,
    request: Request<B>,
) -> Response<Body> {
    // A request that cannot be read has no answer of its own, by which somebody could find out how it is read.
    let Some(token) = token(request).await else { return unresolved() };
    let answered = introspection.introspect(&caller, &token).await;
    let (caller, token_digest) = (caller.principal, token_digest(&token));
    match answered {
        Ok(identity) => {
            tracing::info!(target: TARGET, caller, token_digest, principal = identity.principal, "introspection: resolved");
            let body = json!({
                "principal": identity.principal,
                "token_name": identity.token_name,
                "ttl_seconds": identity.ttl_seconds,
            });
            respond(StatusCode::OK, &body)
        }
        Err(error) => match error.retry_delay() {
            Some(_) => {
                tracing::warn!(target: TARGET, caller, token_digest, why = error.detail(), "introspection: nobody can tell");
                unavailable(&error)
            }
            None => {
                tracing::info!(target: TARGET, caller, token_digest, "introspection: unresolved");
                unresolved()
            }
        },
    }
}

async fn token<B: HttpBody>(request: Request<B>) -> Option<String> {
    let (head, body) = request.into_parts();
    let mut body = pin!(body);
    let mut read = BytesMut::new();
    loop {
        let mut data = match body.frame().await {
            None => break,
            Some(Err(_)) => return None,
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => data,
                Err(_) => continue,
            },
        };
        if read.len() + data.remaining() > MAX_BODY_BYTES {
            Drain::new(head.version).finish(body.as_mut()).await;
            return None;
        }
        while data.has_remaining() {
            let chunk = data.chunk();
            let length = chunk.len();
            read.extend_from_slice(chunk);
            data.advance(length);
        }
    }
    match serde_json::from_slice(&read).ok()? {
        Value::Object(mut members) => match members.remove("token")? {
            Value::String(token) => Some(token),
            _ => None,
        },
        _ => None,
    }
}

fn unresolved() -> Response<Body> {
    refusal(StatusCode::NOT_FOUND, "unresolved")
}

fn unavailable(error: &IdentityError) -> Response<Body> {
    let mut response =
        respond(StatusCode::SERVICE_UNAVAILABLE, &json!({"error": "unavailable", "detail": error.detail()}));
    if let Some(after) = error.retry_delay() {
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    response
}

pub(super) fn refusal(status: StatusCode, error: &str) -> Response<Body> {
    respond(status, &json!({"error": error}))
}

fn respond(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
