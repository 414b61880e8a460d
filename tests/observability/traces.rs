//! A trace through a client and its server, as a collector gets it.

use std::time::Duration;

use opentelemetry::global;
use opentelemetry::trace::{Tracer as _, TracerProvider as _};
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tower_vgi::client::Channel;
use tower_vgi_layers::Stack;
use tower_vgi_layers::otel::OtelLayer;

use crate::collector::{self, Sender};
use crate::service;
use crate::support::Arguments;

fn find<'a>(spans: &'a [Span], name: &str, kind: SpanKind) -> &'a Span {
    let found = spans.iter().find(|span| span.name == name && span.kind == kind as i32);
    found.unwrap_or_else(|| panic!("no {name} of {kind:?} among {spans:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_one_trace_of_client_and_server_and_the_metrics() {
    let (address, received) = collector::start();
    let spans = SpanExporter::builder()
        .with_http()
        .with_http_client(Sender)
        .with_endpoint(format!("http://{address}/v1/traces"))
        .with_timeout(Duration::from_secs(10))
        .build()
        .unwrap();
    let tracers = SdkTracerProvider::builder().with_batch_exporter(spans).build();
    let metrics = MetricExporter::builder()
        .with_http()
        .with_http_client(Sender)
        .with_endpoint(format!("http://{address}/v1/metrics"))
        .build()
        .unwrap();
    let meters = SdkMeterProvider::builder().with_periodic_exporter(metrics).build();
    global::set_text_map_propagator(TraceContextPropagator::new());
    global::set_tracer_provider(tracers.clone());

    let stack = Stack::builder(service()).otel(OtelLayer::new().meter_provider(&meters)).build().unwrap();
    let server = stack.serve().print_port(false).signals(false).bind().await.unwrap();
    let channel = Channel::connect(&format!("http://{}", server.local_addr().unwrap())).unwrap();
    tokio::spawn(server.run());

    let application = tracers.tracer("application").start("work");
    let context = opentelemetry::Context::current();
    let context = opentelemetry::trace::TraceContextExt::with_span(&context, application);
    let call = channel.unary("Calc", "double", Arguments::none().with("x", 21.0).batch());
    opentelemetry::context::FutureExt::with_context(call, context.clone()).await.unwrap();
    opentelemetry::trace::TraceContextExt::span(&context).end();

    tokio::task::spawn_blocking(move || {
        // The server's span ends after the client has its answer.
        for _ in 0..200 {
            tracers.force_flush().unwrap();
            if received.spans().len() >= 3 {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        meters.force_flush().unwrap();
        let spans = received.spans();
        let work = find(&spans, "work", SpanKind::Internal);
        let client = find(&spans, "Calc/double", SpanKind::Client);
        let server = find(&spans, "Calc/double", SpanKind::Server);
        assert_eq!([&client.trace_id, &server.trace_id], [&work.trace_id; 2]);
        assert_eq!((&client.parent_span_id, &server.parent_span_id), (&work.span_id, &client.span_id));
        let metrics = received.metrics();
        for expected in ["rpc.server.call.duration", "rpc.vgi_rpc.server.active_sessions"] {
            assert!(metrics.iter().any(|name| name == expected), "{expected}: {metrics:?}");
        }
    })
    .await
    .unwrap();
}
