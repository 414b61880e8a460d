//! From a request with a credential to whose it is.

use std::pin::pin;

use bytes::{Buf as _, BytesMut};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Body as HttpBody;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower_vgi::drain::Drain;
use tower_vgi::identity::{IdentityError, Introspection};
use tower_vgi::rpc::error_response;
use tower_vgi::{AuthContext, Body, BoxError, RpcError};

use super::TARGET;
use crate::seconds::rounded_up;

/// There is one credential in it.
const MAX_BODY_BYTES: usize = 8192;

pub(super) async fn answer<B>(introspection: Introspection, caller: AuthContext, request: Request<B>) -> Response<Body>
where
    B: HttpBody<Error: Into<BoxError>>,
{
    let (head, body) = request.into_parts();
    let token = match read(&head, body.map_err(Into::into)).await {
        Ok(body) => body.as_deref().and_then(token),
        Err(error) => return unreadable(&head, error),
    };
    // A request that is not understood has no answer of its own, by which somebody could find out how it is read.
    let Some(token) = token else { return unresolved() };
    match introspection.introspect(&caller, &token).await {
        Ok(identity) => {
            let body = json!({
                "principal": identity.principal,
                "token_name": identity.token_name,
                "ttl_seconds": identity.ttl_seconds,
            });
            respond(StatusCode::OK, &body)
        }
        Err(error) => match error.retry_delay() {
            Some(_) => unavailable(&error),
            None => unresolved(),
        },
    }
}

/// `None` where it is too long.
async fn read(head: &Parts, body: impl HttpBody<Error = BoxError>) -> Result<Option<BytesMut>, BoxError> {
    let mut body = pin!(body);
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(mut data) = frame?.into_data() else { continue };
        if read.len() + data.remaining() > MAX_BODY_BYTES {
            Drain::new(head.version).finish(body.as_mut()).await;
            return Ok(None);
        }
        while data.has_remaining() {
            let chunk = data.chunk();
            let length = chunk.len();
            read.extend_from_slice(chunk);
            data.advance(length);
        }
    }
    Ok(Some(read))
}

fn token(body: &[u8]) -> Option<String> {
    match serde_json::from_slice(body).ok()? {
        Value::Object(mut members) => match members.remove("token")? {
            Value::String(token) => Some(token),
            _ => None,
        },
        _ => None,
    }
}

/// What has not come says nothing of a credential, and an answer that may be kept must not say that it does. A layer
/// outside that has refused the body says why with its own error.
fn unreadable(head: &Parts, error: BoxError) -> Response<Body> {
    let mut response = match error.downcast::<RpcError>() {
        Ok(refused) => error_response(&refused, &head.headers),
        Err(error) => {
            tracing::warn!(target: TARGET, error = %error, "introspection: the request could not be read");
            refusal(StatusCode::BAD_REQUEST, "unreadable_request")
        }
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn unresolved() -> Response<Body> {
    refusal(StatusCode::NOT_FOUND, "unresolved")
}

fn unavailable(error: &IdentityError) -> Response<Body> {
    let mut response =
        respond(StatusCode::SERVICE_UNAVAILABLE, &json!({"error": "unavailable", "detail": error.detail()}));
    if let Some(after) = error.retry_delay() {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(rounded_up(after).max(1)));
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
