//! Spans of `tracing` in a method, by way of `tracing-opentelemetry`: they lie within the server's span.

use std::sync::LazyLock;

use http::Request;
use http_body_util::BodyExt as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use tower::ServiceExt as _;
use tower::util::MapRequestLayer;
use tower_vgi::Body;
use tower_vgi::rpc::ARROW_STREAM;
use tower_vgi::wire::{Metadata, encode_batch, keys};
use tower_vgi_layers::Stack;
use tower_vgi_layers::otel::OtelLayer;
use tower_vgi_layers::stack::Place;
use tracing::Dispatch;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::service;
use crate::support::Arguments;
use crate::telemetry::{find, telemetry};
use crate::traces::{call_within_a_span, serve};

/// As a program has it, but for this thread. Whatever is served here is served by it.
fn subscribe() -> DefaultGuard {
    // While there is one subscriber only, `tracing` asks that of the thread which comes to a span first, and keeps its
    // answer for all: the other tests have none, and their answer is that nobody wants the span.
    static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(tracing_subscriber::registry()));
    LazyLock::force(&ANOTHER);
    let spans = tracing_opentelemetry::layer().with_tracer(telemetry().tracers.tracer("tracing"));
    tracing::subscriber::set_default(tracing_subscriber::registry().with(spans))
}

/// The names from a span up to the root of its trace.
fn ancestry<'a>(spans: &'a [Span], of: &'a Span) -> Vec<(&'a str, SpanKind)> {
    let mut names = Vec::new();
    let mut next = Some(of);
    while let Some(span) = next {
        names.push((span.name.as_str(), span.kind()));
        next = spans.iter().find(|other| other.span_id == span.parent_span_id);
    }
    names
}

const DOUBLING: (&str, SpanKind) = ("doubling", SpanKind::Internal);
const LAYER: (&str, SpanKind) = ("request", SpanKind::Internal);
const SERVER: (&str, SpanKind) = ("Calc/double", SpanKind::Server);
const CLIENT: (&str, SpanKind) = ("Calc/double", SpanKind::Client);
const WORK: (&str, SpanKind) = ("work", SpanKind::Internal);

#[tokio::test]
async fn a_methods_spans_are_parts_of_the_servers() {
    let _subscribed = subscribe();
    let channel = serve(Stack::builder(service()).otel(OtelLayer::new())).await;
    let spans = call_within_a_span(&channel, 5).await;
    let doubling = find(&spans, "doubling", SpanKind::Internal);
    assert_eq!(ancestry(&spans, doubling), [DOUBLING, LAYER, SERVER, CLIENT, WORK]);
}

/// What was begun before the body was read cannot be a part of the caller's trace; the method's spans are.
#[tokio::test]
async fn so_they_are_when_only_the_metadata_has_the_context() {
    let _subscribed = subscribe();
    let forget = MapRequestLayer::new(|mut request: Request<Body>| {
        request.headers_mut().remove("traceparent");
        request
    });
    let channel = serve(Stack::builder(service()).otel(OtelLayer::new()).outside(Place::Otel, forget)).await;
    let spans = call_within_a_span(&channel, 4).await;
    let doubling = find(&spans, "doubling", SpanKind::Internal);
    assert_eq!(ancestry(&spans, doubling), [DOUBLING, SERVER, CLIENT, WORK]);
}

#[tokio::test]
async fn a_call_without_a_context_is_one_trace() {
    let _subscribed = subscribe();
    let stack = Stack::builder(service()).otel(OtelLayer::new()).build().unwrap();
    let metadata = Metadata::from_iter([(keys::METHOD, "double"), (keys::REQUEST_VERSION, "1")]);
    let body = encode_batch(&Arguments::none().with("x", 1.0).batch(), &metadata).unwrap();
    let request = Request::post("/Calc/double").header("content-type", ARROW_STREAM).header("x-request-id", "alone");
    let response = stack.oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    assert!(response.status() == 200 && !response.headers().contains_key("x-vgi-rpc-error"));
    response.into_body().collect().await.unwrap();
    let trace = telemetry().trace_of_request("alone").await;
    let spans = telemetry().spans(trace, 3).await;
    let doubling = find(&spans, "doubling", SpanKind::Internal);
    assert_eq!(ancestry(&spans, doubling), [DOUBLING, SERVER, LAYER]);
}
