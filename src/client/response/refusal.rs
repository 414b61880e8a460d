//! Answers that are no answers of the protocol: a 401, a proxy's page, something else entirely.

use std::time::Duration;

use futures_util::FutureExt as _;
use http::{HeaderMap, Response, StatusCode, Uri, header};
use http_body_util::BodyExt as _;
use serde_json::Value;

use crate::client::outgoing::place;
use crate::client::retry::retry_after;
use crate::client::time::within;
use crate::error::AuthReason;
use crate::headers::ARROW_STREAM;
use crate::{Body, ErrorCode, ErrorDetail, RpcError};

/// As much as is read of such an answer.
const MOST: usize = 64 * 1024;

/// As long as is waited for the rest of it.
const PATIENCE: Duration = Duration::from_secs(5);

/// As much as is shown of a text.
const SHOWN: usize = 200;

pub(crate) fn is_arrow(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|value| {
        let bytes = value.as_bytes();
        bytes
            .split(|byte| *byte == b';')
            .next()
            .is_some_and(|media| media.trim_ascii().eq_ignore_ascii_case(ARROW_STREAM.as_bytes()))
    })
}

/// The error of a 401, whoever sent it.
pub(crate) async fn unauthorized(response: Response<Body>) -> RpcError {
    let (parts, body) = response.into_parts();
    let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = collect(body).await;
    let json = serde_json::from_slice::<Value>(&body).ok();
    let member = |name: &str| json.as_ref().and_then(|json| json.get(name)).and_then(Value::as_str).map(str::to_owned);
    let reason = text("vgi-auth-reason").or_else(|| member("reason"));
    let reason = reason.map_or(AuthReason::Unauthorized, |name| AuthReason::from_wire(&name));
    let detail = match &json {
        Some(Value::Object(_)) => member("detail").map(|detail| shorten(&detail)).unwrap_or_default(),
        _ if is_html(&parts.headers, &body) => "the server answered with an HTML page".to_owned(),
        _ if is_text(&parts.headers) => shorten(&String::from_utf8_lossy(&body)),
        _ => String::new(),
    };
    let message = match detail.is_empty() {
        true => reason.to_string(),
        false => format!("{reason}: {detail}"),
    };
    let hint = member("proxy_hint").map(|hint| shorten(&hint)).filter(|hint| !hint.is_empty());
    let required = text("vgi-auth-proxy-required").is_some_and(|value| value == "true");
    let mut error = RpcError::new("AuthenticationError", message).with_code(ErrorCode::Unauthenticated);
    let received = error.received_mut();
    received.http_status = Some(StatusCode::UNAUTHORIZED);
    received.auth_reason = Some(reason);
    received.request_id = text("x-request-id");
    received.proxy_hint =
        hint.or_else(|| required.then(|| "credentials are added by a proxy: call the server through it".to_owned()));
    error
}

/// The error of an answer that nobody who knows the protocol has written: short, with what came and from where.
pub(crate) async fn not_of_the_protocol(response: Response<Body>, uri: &Uri) -> RpcError {
    let (parts, body) = response.into_parts();
    let body = collect(body).await;
    let what = match parts.status.is_redirection().then(|| target(&parts.headers)).flatten() {
        Some(target) => format!("a redirect to {target}, which is not followed"),
        None => describe(&parts.headers, &body),
    };
    // Servers say what they can do with every answer. One that says nothing may be none.
    let of_server = parts.headers.keys().any(|name| name.as_str().starts_with("vgi-"));
    let hint = match parts.headers.get("vgi-max-request-bytes").and_then(|value| value.to_str().ok()) {
        _ if !of_server => "; that is no answer of a vgi-rpc server".to_owned(),
        Some(most) if parts.status == StatusCode::PAYLOAD_TOO_LARGE => {
            format!("; the server takes requests of up to {} bytes: send less at once", shorten(most))
        }
        _ => String::new(),
    };
    let text = format!("HTTP {} from {}: {what}{hint}", parts.status.as_u16(), place(uri));
    let mut error = RpcError::new("HttpError", text).with_code(match parts.status {
        StatusCode::BAD_REQUEST | StatusCode::UNSUPPORTED_MEDIA_TYPE => ErrorCode::InvalidArgument,
        StatusCode::FORBIDDEN => ErrorCode::PermissionDenied,
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => ErrorCode::Unimplemented,
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::TOO_MANY_REQUESTS => ErrorCode::ResourceExhausted,
        StatusCode::INTERNAL_SERVER_ERROR => ErrorCode::Internal,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            ErrorCode::Unavailable
        }
        _ => ErrorCode::Unknown,
    });
    if let Some(delay) = retry_after(&parts.headers) {
        error = error.with_detail(ErrorDetail::retry_info(delay.min(Duration::from_secs(86_400))));
    }
    let received = error.received_mut();
    received.http_status = Some(parts.status);
    received.request_id = parts.headers.get("x-request-id").and_then(|value| value.to_str().ok()).map(str::to_owned);
    error
}

/// Where a redirect leads, without what may be secret.
fn target(headers: &HeaderMap) -> Option<String> {
    let target: Uri = headers.get(header::LOCATION)?.to_str().ok()?.parse().ok()?;
    Some(shorten(&place(&target)))
}

/// What a body is, in a few words. Of pages only the title is shown: they may repeat what the request held.
fn describe(headers: &HeaderMap, body: &[u8]) -> String {
    let media = headers.get(header::CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    if is_html(headers, body) {
        let text = String::from_utf8_lossy(body);
        return match title(&text) {
            Some(title) => format!("an HTML page titled '{title}'"),
            None => "an HTML page".to_owned(),
        };
    }
    if let Ok(Value::Object(json)) = serde_json::from_slice::<Value>(body) {
        let member = |name: &str| json.get(name).and_then(Value::as_str).map(shorten);
        return match (member("title"), member("description")) {
            (Some(title), Some(description)) => format!("JSON that says '{title}: {description}'"),
            (Some(title), None) => format!("JSON that says '{title}'"),
            _ => "JSON".to_owned(),
        };
    }
    match media {
        _ if body.is_empty() => "no body".to_owned(),
        Some(media) => format!("{} bytes of {}", body.len(), shorten(&media)),
        None => format!("{} bytes without a content type", body.len()),
    }
}

/// Whether a body is said to be a page.
pub(crate) fn is_page(headers: &HeaderMap) -> bool {
    let media = headers.get(header::CONTENT_TYPE).map(|value| value.as_bytes());
    media.and_then(|media| media.get(..9)).is_some_and(|media| media.eq_ignore_ascii_case(b"text/html"))
}

/// Whether a body can be shown as it is.
fn is_text(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_none_or(|value| {
        let media = value.as_bytes().to_ascii_lowercase();
        media.starts_with(b"text/") || media.starts_with(b"application/json")
    })
}

fn is_html(headers: &HeaderMap, body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    let begins = |with: &[u8]| start.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    is_page(headers) || begins(b"<!doctype") || begins(b"<html")
}

fn title(page: &str) -> Option<String> {
    let lower = page.to_ascii_lowercase();
    let start = lower.find("<title>")? + "<title>".len();
    let end = start + lower.get(start..)?.find("</title>")?;
    page.get(start..end).map(shorten).filter(|title| !title.is_empty())
}

/// One line of bounded length.
fn shorten(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// The beginning of a body, as much as is needed to say what it is. One that does not go on is not waited for.
async fn collect(mut body: Body) -> Vec<u8> {
    let mut begun = Vec::new();
    let read = async {
        while let Some(Ok(frame)) = body.frame().await {
            if let Some(data) = frame.data_ref() {
                begun.extend_from_slice(data.get(..MOST - begun.len()).unwrap_or(data));
            }
            if begun.len() >= MOST {
                break;
            }
        }
    };
    let mut read = std::pin::pin!(read);
    // What is there needs no clock, nor a runtime that has one.
    if read.as_mut().now_or_never().is_none() {
        let _ = within(PATIENCE, read.as_mut()).await;
    }
    begun
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, content_type: &str, body: &'static str) -> Response<Body> {
        Response::builder().status(status).header("content-type", content_type).body(Body::from(body)).unwrap()
    }

    #[tokio::test]
    async fn a_page_is_named_by_its_title_and_not_repeated() {
        let page = "<html><title>502 Bad\n Gateway</title><body>Authorization: Bearer secret</body></html>";
        let uri = Uri::from_static("http://user:secret@host:80/Calc/add?key=secret");
        let error = not_of_the_protocol(answer(502, "text/html; charset=utf-8", page), &uri).await;
        let expected = "HttpError: HTTP 502 from http://host:80/Calc/add: an HTML page titled '502 Bad Gateway'; that is \
                        no answer of a vgi-rpc server";
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.http_status(), Some(StatusCode::BAD_GATEWAY));
        assert!(error.is_retryable());
    }

    #[tokio::test]
    async fn a_server_that_takes_no_such_request_says_how_much_it_takes() {
        let mut answer = answer(413, "application/json", r#"{"title": "Request body exceeds max_request_bytes"}"#);
        answer.headers_mut().insert("vgi-max-request-bytes", http::HeaderValue::from_static("4096"));
        let error = not_of_the_protocol(answer, &Uri::from_static("/x")).await;
        let expected = "HttpError: HTTP 413 from /x: JSON that says 'Request body exceeds max_request_bytes'; the server \
                        takes requests of up to 4096 bytes: send less at once";
        assert_eq!((error.to_string().as_str(), error.code()), (expected, ErrorCode::ResourceExhausted));
    }

    #[tokio::test]
    async fn json_of_the_framework_is_shown() {
        let body = r#"{"title": "413 Too Large", "description": "at most 10"}"#;
        let error = not_of_the_protocol(answer(413, "application/json", body), &Uri::from_static("/x")).await;
        assert!(error.message().contains("JSON that says '413 Too Large: at most 10'"), "{error}");
        let error = not_of_the_protocol(answer(200, "text/plain", "abc"), &Uri::from_static("/x")).await;
        assert!(error.message().contains("3 bytes of text/plain"), "{error}");
        let error = not_of_the_protocol(answer(204, "", ""), &Uri::from_static("/x")).await;
        assert!(error.message().contains("no body"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_long_answer_or_one_without_an_end_the_beginning_is_read() {
        use futures_util::{StreamExt as _, stream};
        use http_body::Frame;
        use http_body_util::StreamBody;

        let uri = Uri::from_static("/x");
        let page = bytes::Bytes::from(format!("<html><title>Down</title>{}", "x".repeat(1000)));
        let pieces = || stream::repeat(page.clone()).map(|page| Ok::<_, crate::BoxError>(Frame::data(page)));
        let bodies = [
            Body::new(StreamBody::new(pieces())),
            Body::new(StreamBody::new(pieces().take(2).chain(stream::pending()))),
        ];
        for body in bodies {
            let answer = Response::builder().status(503).body(body).unwrap();
            let error = not_of_the_protocol(answer, &uri).await;
            assert!(error.message().contains("an HTML page titled 'Down'"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_redirect_says_where_to() {
        let mut answer = answer(308, "text/plain", "");
        let location = http::HeaderValue::from_static("https://user:secret@host/vgi/add?key=secret");
        answer.headers_mut().insert(header::LOCATION, location);
        let error = not_of_the_protocol(answer, &Uri::from_static("/vgi/add")).await;
        assert!(error.message().contains("a redirect to https://host/vgi/add, which is not followed"), "{error}");
    }

    #[test]
    fn media_types_are_compared_without_case() {
        let is = |text| is_arrow(&HeaderMap::from_iter([(header::CONTENT_TYPE, http::HeaderValue::from_static(text))]));
        assert!(is("Application/Vnd.Apache.Arrow.Stream; charset=x") && !is("application/vnd.apache.arrow.file"));
    }

    #[tokio::test]
    async fn a_401_says_why() {
        let body = r#"{"error":"unauthorized","reason":"proxy_required","detail":"go away","proxy_hint":"use X"}"#;
        let error = unauthorized(answer(401, "application/json", body)).await;
        assert_eq!(error.to_string(), "AuthenticationError: proxy_required: go away");
        assert_eq!((error.auth_reason(), error.proxy_hint()), (Some(AuthReason::ProxyRequired), Some("use X")));
        assert!(error.is_unauthenticated());

        let error = unauthorized(answer(401, "text/html", "<html>go away")).await;
        assert_eq!(error.auth_reason(), Some(AuthReason::Unauthorized));
        assert_eq!(error.message(), "unauthorized: the server answered with an HTML page");
        let error = unauthorized(answer(401, "text/plain", "no\n such key")).await;
        assert_eq!(error.message(), "unauthorized: no such key");
        // Nobody can read it.
        let error = unauthorized(answer(401, ARROW_STREAM, "\u{1}\u{2}")).await;
        assert_eq!(error.message(), "unauthorized");
    }
}
