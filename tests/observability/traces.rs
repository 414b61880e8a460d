//! A trace through a client and its server, as a collector gets it.

use http::Request;
use opentelemetry::Context;
use opentelemetry::trace::{FutureExt as _, TraceContextExt as _, Tracer as _, TracerProvider as _};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
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
