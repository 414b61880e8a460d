//! Where nobody takes what is told, calls go on. The access log counts what is lost; for spans, that is up to the exporter.

use std::fs::OpenOptions;
use std::net::TcpListener;
use std::path::Path;

use http_body_util::BodyExt as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tower::ServiceExt as _;
use tower_vgi::Body;
use tower_vgi::rpc::ARROW_STREAM;
use tower_vgi::wire::{Metadata, encode_batch, keys};
use tower_vgi_layers::Stack;
use tower_vgi_layers::access_log::AccessLogLayer;
use tower_vgi_layers::otel::OtelLayer;

use crate::collector::Sender;
use crate::service;
use crate::support::Arguments;

/// `TOWER_VGI_LOSS_CALLS` makes them more, such as 100,000 of a release build.
fn calls() -> u64 {
    std::env::var("TOWER_VGI_LOSS_CALLS").ok().and_then(|calls| calls.parse().ok()).unwrap_or(5_000)
}

/// Calls a method as often, one call after the other; every answer has to be good.
async fn call(stack: &Stack) {
    let batch = Arguments::none().with("x", 1.0).batch();
    let metadata = Metadata::from_iter([(keys::METHOD, "double"), (keys::REQUEST_VERSION, "1")]);
    let body = encode_batch(&batch, &metadata).unwrap();
    for _ in 0..calls() {
        let request = http::Request::post("/Calc/double").header("content-type", ARROW_STREAM);
        let response = stack.clone().oneshot(request.body(Body::from(body.clone())).unwrap()).await.unwrap();
        assert!(response.status() == 200 && !response.headers().contains_key("x-vgi-rpc-error"));
        response.into_body().collect().await.unwrap();
    }
}

#[tokio::test]
async fn a_full_disk_fails_no_call_and_every_line_is_accounted_for() {
    // A device that is always full.
    let full = Path::new("/dev/full");
    let Ok(device) = OpenOptions::new().write(true).open(full) else {
        println!("skipped: there is no /dev/full");
        return;
    };
    let service = service();
    let log = AccessLogLayer::to_writer(service.info(), device).queue_bytes(64 << 10);
    let stack = Stack::builder(service).access_log(log.clone()).build().unwrap();
    call(&stack).await;
    log.flush();
    assert_eq!(log.dropped(), calls());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_down_fails_no_call() {
    // Nobody listens there any more.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Sender)
        .with_endpoint(format!("http://{address}/v1/traces"))
        .build()
        .unwrap();
    let tracers = SdkTracerProvider::builder().with_batch_exporter(exporter).build();
    let layer = OtelLayer::new().tracer_provider(&tracers).without_metrics();
    let stack = Stack::builder(service()).otel(layer).build().unwrap();
    call(&stack).await;
}
