//! A trace through a client and its server, as a collector gets it.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::{HeaderValue, Request, Response};
use opentelemetry::Context;
use opentelemetry::trace::{FutureExt as _, TraceContextExt as _, Tracer as _, TracerProvider as _};
use opentelemetry_proto::tonic::common::v1::any_value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use tower::ServiceExt as _;
use tower::util::MapRequestLayer;
use tower_vgi::Body;
use tower_vgi::client::Channel;
use tower_vgi_layers::Stack;
use tower_vgi_layers::otel::OtelLayer;
use tower_vgi_layers::stack::{Place, StackBuilder};

use crate::service;
use crate::support::Arguments;
use crate::telemetry::{find, telemetry};

/// Serves a stack on a port; gives a channel to it.
pub(crate) async fn serve(stack: StackBuilder) -> Channel {
    let server = stack.build().unwrap().serve().print_port(false).signals(false).bind().await.unwrap();
    let channel = Channel::connect(&format!("http://{}", server.local_addr().unwrap())).unwrap();
    tokio::spawn(server.run());
    channel
}

/// Calls the method within a span of an application; gives the trace and how many spans it has at least.
pub(crate) async fn call_within_a_span(channel: &Channel, spans: usize) -> Vec<Span> {
    let application = telemetry().tracers.tracer("application").start("work");
    let context = Context::current().with_span(application);
    let call = channel.unary("Calc", "double", Arguments::none().with("x", 21.0).batch());
    call.with_context(context.clone()).await.unwrap();
    context.span().end();
    telemetry().spans(context.span().span_context().trace_id(), spans).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_one_trace_of_client_and_server_and_the_metrics() {
    let layer = OtelLayer::new().meter_provider(&telemetry().meters);
    let channel = serve(Stack::builder(service()).otel(layer)).await;
    let spans = call_within_a_span(&channel, 3).await;
    let work = find(&spans, "work", SpanKind::Internal);
    let client = find(&spans, "Calc/double", SpanKind::Client);
    let server = find(&spans, "Calc/double", SpanKind::Server);
    assert_eq!((&client.parent_span_id, &server.parent_span_id), (&work.span_id, &client.span_id));
    let metrics = telemetry().metrics().await;
    for expected in ["rpc.server.call.duration", "rpc.vgi_rpc.server.active_sessions"] {
        assert!(metrics.iter().any(|name| name == expected), "{expected}: {metrics:?}");
    }
}

/// As one that knows nothing of traces may do it, or a transport that has no headers.
#[tokio::test(flavor = "multi_thread")]
async fn the_context_arrives_without_headers() {
    telemetry();
    let forget = MapRequestLayer::new(|mut request: Request<Body>| {
        request.headers_mut().remove("traceparent");
        request
    });
    let channel = serve(Stack::builder(service()).otel(OtelLayer::new()).outside(Place::Otel, forget)).await;
    let spans = call_within_a_span(&channel, 3).await;
    let client = find(&spans, "Calc/double", SpanKind::Client);
    let server = find(&spans, "Calc/double", SpanKind::Server);
    assert_eq!(server.parent_span_id, client.span_id);
}

/// What is asked besides calls has no span of its own, and says nothing in others' spans.
#[tokio::test(flavor = "multi_thread")]
async fn the_applications_own_span_is_left_alone() {
    let application = telemetry().tracers.tracer("application").start("work");
    let context = Context::current().with_span(application);
    let channel = Channel::in_process(service());
    channel.capabilities().with_context(context.clone()).await.unwrap();
    context.span().end();
    let spans = telemetry().spans(context.span().span_context().trace_id(), 1).await;
    let work = find(&spans, "work", SpanKind::Internal);
    assert!(work.attributes.is_empty(), "{:?}", work.attributes);
}

/// The first call is told that the server takes zstd, and the second that it does not after all.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_sent_again_is_what_it_was_in_the_end() {
    let refused = Arc::new(AtomicBool::new(false));
    let (inner, refuses) = (service(), refused.clone());
    let server = tower::service_fn(move |request: Request<Body>| {
        let (inner, refuses) = (inner.clone(), refuses.clone());
        async move {
            if request.headers().contains_key("content-encoding") {
                refuses.store(true, Ordering::Relaxed);
                return Ok(Response::builder().status(415).body(Body::empty()).unwrap());
            }
            let mut response = inner.oneshot(request).await?;
            response.headers_mut().insert("vgi-supported-encodings", HeaderValue::from_static("zstd"));
            Ok::<_, Infallible>(response)
        }
    });
    let channel = Channel::builder().min_compressed_bytes(0).service(server, "/").unwrap();
    let call = || channel.unary("Calc", "double", Arguments::none().with("x", 21.0).batch());
    telemetry();
    call().await.unwrap();
    let context = Context::current().with_span(telemetry().tracers.tracer("application").start("work"));
    call().with_context(context.clone()).await.unwrap();
    assert!(refused.load(Ordering::Relaxed));
    context.span().end();
    let spans = telemetry().spans(context.span().span_context().trace_id(), 2).await;
    let client = find(&spans, "Calc/double", SpanKind::Client);
    let status = client.status.as_ref().map_or(0, |status| status.code);
    assert_eq!(status, StatusCode::Unset as i32);
    let codes: Vec<_> = client.attributes.iter().filter(|one| one.key == "http.response.status_code").collect();
    assert_eq!(codes.len(), 1);
    assert_eq!(codes[0].value.as_ref().and_then(|value| value.value.clone()), Some(any_value::Value::IntValue(200)));
}
