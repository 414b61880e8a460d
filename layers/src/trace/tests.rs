use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame};
use tower::{ServiceExt, service_fn};
use tower_layer::Layer;
use tower_vgi::{Body, BoxError};
use tracing::Level;

use super::*;
use crate::recorded::{Record, Recorded};
use crate::testing::collect;

fn request() -> Request<Body> {
    Request::post("/calc/add?password=secret")
        .header("x-request-id", "id-1")
        .header("authorization", "Bearer secret")
        .body(Body::empty())
        .unwrap()
}

/// What is recorded of a request that is answered like this, and read to the end.
async fn record(level: Level, response: Result<Response<Body>, BoxError>) -> Vec<Record> {
    let (recorded, _guard) = Recorded::start(level);
    let response = std::sync::Mutex::new(Some(response));
    let service = TraceLayer::new().layer(service_fn(async |_: Request<Body>| {
        tracing::error!(target: TARGET, "inside");
        response.lock().unwrap().take().unwrap()
    }));
    if let Ok(response) = service.oneshot(request()).await {
        let _ = collect(response.into_body()).await;
    }
    recorded.take(TARGET)
}

fn answer(status: u16, rpc_error: bool) -> Result<Response<Body>, BoxError> {
    let mut response = Response::builder().status(status);
    if rpc_error {
        response = response.header("x-vgi-rpc-error", "true");
    }
    Ok(response.body(Body::from("body")).unwrap())
}

fn messages(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| record.field("message").unwrap_or(record.metadata.name())).collect()
}

/// The failures: their levels and kinds.
fn failures(records: &[Record]) -> Vec<(Level, &str)> {
    let failures = records.iter().filter(|record| record.field("message") == Some("failure"));
    failures.map(|record| (record.level(), record.field("kind").unwrap())).collect()
}

#[tokio::test]
async fn a_request_is_a_span_with_events() {
    let records = record(Level::DEBUG, answer(200, false)).await;
    assert_eq!(messages(&records), ["request", "inside", "response", "end of body"]);
    let [span, _, response, end] = &records[..] else { panic!("{records:?}") };

    assert_eq!(span.level(), Level::INFO);
    assert_eq!(span.names(), ["method", "path", "version", "request_id"]);
    assert_eq!(span.field("method"), Some("POST"));
    assert_eq!(span.field("path"), Some("/calc/add"));
    assert_eq!(span.field("version"), Some("HTTP/1.1"));
    assert_eq!(span.field("request_id"), Some("id-1"));

    assert_eq!(response.level(), Level::INFO);
    assert_eq!(response.names(), ["message", "status", "latency_ms"]);
    assert_eq!(response.field("status"), Some("200"));
    assert_eq!(end.level(), Level::DEBUG);
    assert_eq!(end.names(), ["message", "duration_ms"]);
    assert!(records[1..].iter().all(|event| event.span == Some("request")), "{records:?}");
}

#[tokio::test]
async fn secrets_are_not_recorded() {
    for response in [answer(200, true), answer(500, false), Err("refused".into())] {
        let records = record(Level::TRACE, response).await;
        assert!(!format!("{records:?}").contains("secret"), "{records:?}");
    }
}

#[tokio::test]
async fn errors_of_methods_and_of_the_server_are_failures() {
    for (response, expected) in [
        (answer(200, false), &[][..]),
        (answer(404, false), &[]),
        (answer(200, true), &[(Level::WARN, "rpc")]),
        (answer(500, false), &[(Level::ERROR, "status")]),
        (answer(503, true), &[(Level::ERROR, "status")]),
        (Err("refused".into()), &[(Level::ERROR, "service")]),
    ] {
        let records = record(Level::INFO, response).await;
        assert_eq!(failures(&records), expected, "{records:?}");
    }
}

#[tokio::test]
async fn queries_of_urls_are_in_no_failure() {
    let error = BoxError::from("GET https://h/p?X-Amz-Signature=secret failed");
    let records = record(Level::ERROR, Err(error)).await;
    let text = format!("{records:?}");
    assert!(text.contains("GET https://h/p?… failed") && !text.contains("secret"), "{text}");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_a_failure() {
    struct Broken;
    impl HttpBody for Broken {
        type Data = Bytes;
        type Error = BoxError;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
            Poll::Ready(Some(Err("cut off".into())))
        }
    }
    let records = record(Level::DEBUG, Ok(Response::new(Body::new(Broken)))).await;
    assert_eq!(messages(&records), ["request", "inside", "response", "failure"]);
    assert_eq!(failures(&records), [(Level::ERROR, "body")]);
    assert_eq!(records[3].field("error"), Some("cut off"));
    assert_eq!(records[3].span, Some("request"));
}

#[tokio::test]
async fn what_the_subscriber_does_not_want_is_not_made() {
    let records = record(Level::INFO, answer(200, false)).await;
    assert_eq!(messages(&records), ["request", "inside", "response"]);
    let records = record(Level::WARN, answer(200, true)).await;
    assert_eq!(messages(&records), ["inside", "failure"]);
    assert!(records.iter().all(|event| event.span.is_none()), "{records:?}");
    let records = record(Level::ERROR, answer(200, true)).await;
    assert_eq!(messages(&records), ["inside"]);
}

#[test]
fn a_body_that_nobody_watches_is_not_boxed() {
    assert!(Body::from(ResponseBody::plain(Body::from("abc"))).is_complete());
}

#[tokio::test]
async fn keeps_the_layer_contract() {
    crate::testing::check(&TraceLayer::new(), || Request::new(Body::empty())).await;
    let (_recorded, _guard) = Recorded::start(Level::TRACE);
    crate::testing::check(&TraceLayer::new(), || Request::new(Body::empty())).await;
}
