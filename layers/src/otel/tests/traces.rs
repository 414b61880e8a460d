//! Of which trace a request is a part, and what is begun inside.

use std::sync::Mutex;

use opentelemetry::Context;
use opentelemetry::trace::{TraceContextExt as _, Tracer as _, TracerProvider as _};
use opentelemetry_sdk::trace::Sampler;
use tower_vgi::rpc::RpcService;
use tower_vgi::wire::{Metadata, encode_batch, keys};

use super::*;

#[tokio::test]
async fn spans_that_are_begun_inside_are_parts_of_it() {
    let telemetry = Telemetry::new();
    let tracer = telemetry.tracers.tracer("inside");
    let layer = telemetry.layer();
    let service = layer.layer(service_fn(|request: Request<RequestBody<Body>>| {
        let record = CallRecord::of(&mut request.into_parts().0.extensions);
        let tracer = tracer.clone();
        async move {
            tokio::task::yield_now().await;
            tracer.in_span("inner", |_| {});
            let span = record.read(|call| call.span);
            Ok::<_, Infallible>(Response::new(Body::from(format!("{span:?}"))))
        }
    }));
    let request = post().header("traceparent", PARENT).body(Body::empty()).unwrap();
    let body = service.oneshot(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
    let spans = telemetry.spans();
    let [inner, outer] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!(inner.parent_span_id, outer.span_context.span_id());
    let ids = format!("Some({TRACE}-{})", outer.span_context.span_id());
    assert_eq!(body, ids);
}

/// Calls the method, whose span is not to be recorded: the ids that are current in it, and those of the record.
async fn seen_inside(layer: &OtelLayer, batch: Metadata, headers: &[(&str, &str)]) -> (String, String) {
    let seen = Arc::new(Mutex::new(None));
    let inside = seen.clone();
    let look = Method::unary("fail").parameter::<i64>("n").handler(move |_, _| {
        let inside = inside.clone();
        async move {
            tokio::task::yield_now().await;
            let current = Context::current().span().span_context().clone();
            *inside.lock().unwrap() = Some((current.is_sampled(), current.trace_id(), current.span_id()));
            Ok(())
        }
    });
    let core = RpcService::builder().protocol(Protocol::new("Calc").method(look)).build().unwrap();
    let service = layer.layer(core);
    let headers = headers.iter().fold(post(), |request, (name, value)| request.header(*name, *value));
    let request = headers.header("content-type", tower_vgi::rpc::ARROW_STREAM);
    let mut request = request.body(Body::from(encode_batch(&one(), &batch).unwrap())).unwrap();
    let record = CallRecord::of(request.extensions_mut());
    service.oneshot(request).await.unwrap().into_body().collect().await.unwrap();
    let (sampled, trace, span) = seen.lock().unwrap().take().unwrap();
    assert!(!sampled);
    (format!("{trace}-{span}"), format!("{:?}", record.read(|call| call.span).unwrap()))
}

/// The parameters of the method.
fn one() -> arrow_array::RecordBatch {
    let column = Arc::new(arrow_array::Int64Array::from(vec![1])) as arrow_array::ArrayRef;
    arrow_array::RecordBatch::try_from_iter_with_nullable([("n", column, false)]).unwrap()
}

fn batch(more: &[(&str, &str)]) -> Metadata {
    let own = [(keys::METHOD, "fail"), (keys::REQUEST_VERSION, "1")];
    Metadata::from_iter(own.into_iter().chain(more.iter().copied()))
}

/// So that nothing inside is recorded either, and log lines tell the caller's trace.
#[tokio::test]
async fn a_span_that_is_not_recorded_has_ids() {
    let telemetry = Telemetry::new();
    let exporter = telemetry.spans.clone();
    let sampler = Sampler::ParentBased(Box::new(Sampler::AlwaysOff));
    let tracers = SdkTracerProvider::builder().with_sampler(sampler).with_simple_exporter(exporter).build();
    let layer = telemetry.layer().tracer_provider(&tracers);
    let unsampled = format!("{}00", PARENT.strip_suffix("01").unwrap());
    let parent = ("traceparent", unsampled.as_str());
    let garbage = ("traceparent", "garbage");
    for (metadata, headers, trace) in [
        (batch(&[]), &[][..], None),
        (batch(&[]), &[garbage], None),
        (batch(&[]), &[parent], Some(TRACE)),
        (batch(&[parent]), &[], Some(TRACE)),
        (batch(&[parent]), &[garbage], Some(TRACE)),
    ] {
        let (current, recorded) = seen_inside(&layer, metadata, headers).await;
        assert_eq!(current, recorded);
        assert!(trace.is_none_or(|trace| current.starts_with(trace)), "{current}");
    }
    assert!(telemetry.spans().is_empty());
    // One that is recorded by its caller is so here, whatever would be done with others.
    send(&layer, post().header("traceparent", PARENT).body(Body::empty()).unwrap(), |_| {}).await;
    assert_eq!(telemetry.spans().len(), 1);
    // All are counted.
    let calls = telemetry.points().into_iter().filter(|(name, ..)| name == "rpc.server.call.duration");
    assert_eq!(calls.map(|(.., count)| count).sum::<u64>(), 6);
}

/// The clients of the reference put the context there.
#[tokio::test]
async fn the_metadata_of_the_batch_can_have_the_context() {
    let telemetry = Telemetry::new();
    let service = RpcService::builder().protocol(protocol()).build().unwrap();
    let service = telemetry.layer().layer(service);
    for (headers, trace) in [(None, TRACE), (Some(PARENT.replace("0af7", "1bf7")), "1bf7651916cd43dd8448eb211c80319c")]
    {
        let metadata = batch(&[("traceparent", PARENT)]);
        let mut request = post().header("content-type", tower_vgi::rpc::ARROW_STREAM);
        if let Some(parent) = headers {
            request = request.header("traceparent", parent);
        }
        let request = request.body(Body::from(encode_batch(&one(), &metadata).unwrap())).unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        assert!(!response.headers().contains_key("x-vgi-rpc-error"));
        response.into_body().collect().await.unwrap();
        let span = telemetry.spans().pop().unwrap();
        assert_eq!((span.name.as_ref(), span.span_context.trace_id().to_string().as_str()), ("Calc/fail", trace));
    }
}
