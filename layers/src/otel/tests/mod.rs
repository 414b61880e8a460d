//! The layer by itself, with the SDK's own exporters; `tests/observability` has it with a collector.

use std::convert::Infallible;

use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use opentelemetry::Value;
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, SdkMeterProvider};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use tower::{ServiceExt as _, service_fn};
use tower_vgi::call_record::{CalledMethod, DispatchedCall, RecordedCall, RefusedToken};
use tower_vgi::rpc::{Generation, Method, Operation, Protocol};
use tower_vgi::{AuthContext, Body, CallRecord, ErrorCode, RpcError};

use super::*;
use crate::observe::RequestBody;

mod traces;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

struct Telemetry {
    spans: InMemorySpanExporter,
    tracers: SdkTracerProvider,
    metrics: InMemoryMetricExporter,
    meters: SdkMeterProvider,
}

impl Telemetry {
    fn new() -> Self {
        global::set_text_map_propagator(TraceContextPropagator::new());
        let spans = InMemorySpanExporter::default();
        let tracers = SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build();
        let metrics = InMemoryMetricExporter::default();
        let meters = SdkMeterProvider::builder().with_periodic_exporter(metrics.clone()).build();
        Self { spans, tracers, metrics, meters }
    }

    fn layer(&self) -> OtelLayer {
        OtelLayer::new().tracer_provider(&self.tracers).meter_provider(&self.meters)
    }

    fn spans(&self) -> Vec<SpanData> {
        self.spans.get_finished_spans().unwrap()
    }

    /// Names of metrics with the attributes of their points and what these add up to.
    fn points(&self) -> Vec<(String, Vec<String>, u64)> {
        self.meters.force_flush().unwrap();
        let all = self.metrics.get_finished_metrics().unwrap();
        let scopes = all.last().unwrap().scope_metrics();
        let text = |attributes: &mut dyn Iterator<Item = &KeyValue>| {
            let mut texts: Vec<_> = attributes.map(|one| format!("{}={}", one.key, one.value)).collect();
            texts.sort();
            texts
        };
        let mut points = Vec::new();
        for metric in scopes.flat_map(|scope| scope.metrics()) {
            let name = metric.name().to_owned();
            match metric.data() {
                AggregatedMetrics::U64(MetricData::Sum(sum)) => points.extend(
                    sum.data_points().map(|point| (name.clone(), text(&mut point.attributes()), point.value())),
                ),
                AggregatedMetrics::U64(MetricData::Gauge(gauge)) => points.extend(
                    gauge.data_points().map(|point| (name.clone(), text(&mut point.attributes()), point.value())),
                ),
                AggregatedMetrics::U64(MetricData::Histogram(histogram)) => points.extend(
                    histogram.data_points().map(|point| (name.clone(), text(&mut point.attributes()), point.sum())),
                ),
                AggregatedMetrics::F64(MetricData::Histogram(histogram)) => points.extend(
                    histogram.data_points().map(|point| (name.clone(), text(&mut point.attributes()), point.count())),
                ),
                _ => panic!("{name}"),
            }
        }
        points
    }
}

fn attribute(span: &SpanData, name: &str) -> Option<String> {
    span.attributes.iter().find(|one| one.key.as_str() == name).map(|one| match &one.value {
        Value::String(text) => text.to_string(),
        other => other.to_string(),
    })
}

fn protocol() -> Protocol {
    Protocol::new("Calc").method(Method::unary("fail").parameter::<i64>("n").handler(|_, _| async { Ok(()) }))
}

fn dispatched() -> DispatchedCall {
    let method = CalledMethod::of(&protocol(), "fail").unwrap();
    DispatchedCall::new(method, Operation::Unary, Generation::Namespaced, "id-1".parse().unwrap())
}

async fn send(layer: &OtelLayer, request: Request<Body>, say: impl Fn(&mut RecordedCall)) {
    let service = layer.layer(service_fn(|request: Request<RequestBody<Body>>| {
        CallRecord::update_in(request.extensions(), &say);
        async { Ok::<_, Infallible>(Response::new(Body::from("12345"))) }
    }));
    service.oneshot(request).await.unwrap().into_body().collect().await.unwrap();
}

fn post() -> http::request::Builder {
    Request::post("/Calc/fail?token=secret").header("user-agent", "tests/1")
}

#[tokio::test]
async fn a_request_is_a_span_of_its_callers_trace() {
    let telemetry = Telemetry::new();
    let request = post().header("traceparent", PARENT).body(Body::from("1234")).unwrap();
    let layer = telemetry.layer().claim_attribute("team", "app.team").attribute(KeyValue::new("app.zone", "z"));
    send(&layer, request, |call| {
        call.dispatched = Some(dispatched());
        call.auth = Some(AuthContext::authenticated("jwt", "alice").with_claim("team", "red"));
    })
    .await;
    let spans = telemetry.spans();
    let [span] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!((span.name.as_ref(), &span.span_kind, &span.status), ("Calc/fail", &SpanKind::Server, &Status::Unset));
    assert_eq!(span.span_context.trace_id().to_string(), TRACE);
    assert_eq!(span.parent_span_id.to_string(), "b7ad6b7169203331");
    for (name, expected) in [
        ("rpc.system.name", "vgi_rpc"),
        ("rpc.method", "Calc/fail"),
        ("rpc.response.status_code", "OK"),
        ("http.request.method", "POST"),
        ("http.response.status_code", "200"),
        ("http.request.body.size", "4"),
        ("http.response.body.size", "5"),
        ("url.path", "/Calc/fail"),
        ("user_agent.original", "tests/1"),
        ("rpc.vgi_rpc.method_type", "unary"),
        ("rpc.vgi_rpc.request_id", "id-1"),
        ("rpc.vgi_rpc.auth.principal", "alice"),
        ("app.team", "red"),
        ("app.zone", "z"),
    ] {
        assert_eq!(attribute(span, name).as_deref(), Some(expected), "{name}");
    }
    assert!(attribute(span, "rpc.system").is_none());
    assert!(!format!("{span:?}").contains("secret"), "{span:?}");
}

#[tokio::test]
async fn only_what_the_server_did_wrong_is_an_error() {
    for (code, server) in [
        (ErrorCode::InvalidArgument, false),
        (ErrorCode::Unauthenticated, false),
        (ErrorCode::Internal, true),
        (ErrorCode::Unavailable, true),
        (ErrorCode::Unknown, true),
    ] {
        let telemetry = Telemetry::new();
        send(&telemetry.layer(), post().body(Body::empty()).unwrap(), |call| {
            call.dispatched = Some(dispatched());
            call.error = Some(RpcError::value_error("no luck").with_code(code));
        })
        .await;
        let span = &telemetry.spans()[0];
        assert_eq!(matches!(span.status, Status::Error { .. }), server, "{code:?}");
        assert_eq!(attribute(span, "error.type").as_deref(), Some(code.as_str()));
        assert_eq!(attribute(span, "rpc.response.status_code").as_deref(), Some(code.as_str()));
        assert_eq!((span.events.len(), span.events[0].name.as_ref()), (1, "exception"));
    }
}

/// As what is said where a layer around the call has panicked.
#[tokio::test]
async fn an_answer_that_tells_no_error_is_one_by_its_status() {
    let telemetry = Telemetry::new();
    let layer = telemetry.layer();
    let service = layer.layer(service_fn(|_: Request<RequestBody<Body>>| async {
        Ok::<_, Infallible>(Response::builder().status(503).body(Body::from("12345")).unwrap())
    }));
    service.oneshot(post().body(Body::empty()).unwrap()).await.unwrap().into_body().collect().await.unwrap();
    let span = &telemetry.spans()[0];
    assert_eq!(span.status, Status::error("answered with the status 503"));
    assert_eq!(attribute(span, "error.type").as_deref(), Some("UNAVAILABLE"));
}

#[tokio::test]
async fn earlier_names_come_besides() {
    let telemetry = Telemetry::new();
    let layer = telemetry.layer().legacy_names();
    send(&layer, post().body(Body::empty()).unwrap(), |call| call.dispatched = Some(dispatched())).await;
    let span = &telemetry.spans()[0];
    for (name, expected) in
        [("rpc.system", "vgi_rpc"), ("rpc.service", "Calc"), ("http.method", "POST"), ("http.status_code", "200")]
    {
        assert_eq!(attribute(span, name).as_deref(), Some(expected), "{name}");
    }
    let names: Vec<_> = telemetry.points().into_iter().map(|(name, ..)| name).collect();
    assert!(names.iter().any(|name| name == "rpc.server.requests"), "{names:?}");
}

#[tokio::test]
async fn requests_are_measured() {
    let telemetry = Telemetry::new();
    let layer = telemetry.layer().active_sessions(|| 3).size_histograms();
    let service = layer.layer(service_fn(|request: Request<RequestBody<Body>>| {
        CallRecord::update_in(request.extensions(), |call| {
            call.dispatched = Some(dispatched());
            call.input.rows = 2;
            call.output.rows = 5;
            call.externalized_output_bytes = 100;
            call.refused_token = Some(RefusedToken::Session);
            if request.headers().contains_key("x-fail") {
                call.error = Some(RpcError::value_error("no").with_code(ErrorCode::NotFound));
            }
        });
        async { Ok::<_, Infallible>(Response::new(Body::from("12345"))) }
    }));
    for request in [post(), post(), post().header("x-fail", "1")] {
        let request = request.body(Body::from("1234")).unwrap();
        service.clone().oneshot(request).await.unwrap().into_body().collect().await.unwrap();
    }
    let points = telemetry.points();
    let value = |name: &str, attributes: &[&str]| {
        let own = |known: &[String]| attributes.iter().all(|one| known.iter().any(|other| other == one));
        let found = points.iter().filter(|(known, texts, _)| known == name && own(texts));
        found.map(|(.., value)| *value).min()
    };
    let method = "rpc.method=Calc/fail";
    assert_eq!(value("rpc.server.call.duration", &[method, "error.type=NOT_FOUND"]), Some(1));
    assert_eq!(value("rpc.server.call.duration", &[method]), Some(1));
    assert_eq!(value("rpc.server.request.size", &[method]), Some(12));
    assert_eq!(value("rpc.server.response.size", &[method]), Some(15));
    assert_eq!(value("rpc.vgi_rpc.server.io", &[method, "network.io.direction=receive"]), Some(12));
    assert_eq!(value("rpc.vgi_rpc.server.io", &[method, "network.io.direction=transmit"]), Some(15));
    assert_eq!(value("rpc.vgi_rpc.server.rows", &[method, "network.io.direction=receive"]), Some(6));
    assert_eq!(value("rpc.vgi_rpc.server.rows", &[method, "network.io.direction=transmit"]), Some(15));
    assert_eq!(value("rpc.vgi_rpc.server.externalized", &[method, "network.io.direction=transmit"]), Some(300));
    assert_eq!(value("rpc.vgi_rpc.server.refused_tokens", &["rpc.vgi_rpc.token=session"]), Some(3));
    assert_eq!(value("rpc.vgi_rpc.server.active_sessions", &[]), Some(3));
}

/// As with a layer that is put around each route.
#[tokio::test]
async fn a_layer_around_many_services_is_asked_once() {
    let telemetry = Telemetry::new();
    let asked = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let count = asked.clone();
    let layer = telemetry.layer().active_sessions(move || count.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    for layer in [&layer, &layer, &layer.clone()] {
        let request = post().body(Body::from("1234")).unwrap();
        send(layer, request, |call| call.dispatched = Some(dispatched())).await;
    }
    let points = telemetry.points();
    assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 1);
    let received = points.iter().find(|(name, attributes, _)| {
        name == "rpc.vgi_rpc.server.io" && attributes.iter().any(|one| one == "network.io.direction=receive")
    });
    assert_eq!(received.unwrap().2, 12, "{points:?}");
}

#[tokio::test]
async fn a_layer_that_is_changed_is_another() {
    let telemetry = Telemetry::new();
    let layer = telemetry.layer();
    send(&layer, post().body(Body::empty()).unwrap(), |_| {}).await;
    send(&layer.attribute(KeyValue::new("app.zone", "z")), post().body(Body::empty()).unwrap(), |_| {}).await;
    let zones: Vec<_> = telemetry.spans().iter().map(|span| attribute(span, "app.zone")).collect();
    assert_eq!(zones, [None, Some("z".to_owned())]);
}

#[tokio::test]
async fn refused_requests_are_spans_and_those_for_health_are_none() {
    let telemetry = Telemetry::new();
    let layer = telemetry.layer();
    let refuse = layer.layer(service_fn(|_: Request<RequestBody<Body>>| async {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        Ok::<_, Infallible>(response)
    }));
    drop(refuse.clone().oneshot(Request::get("/health").body(Body::empty()).unwrap()).await.unwrap());
    assert!(telemetry.spans().is_empty());
    drop(refuse.oneshot(post().body(Body::empty()).unwrap()).await.unwrap());
    let span = &telemetry.spans()[0];
    assert_eq!((span.name.as_ref(), attribute(span, "rpc.method").as_deref()), ("POST", Some("_OTHER")));
    assert_eq!(attribute(span, "error.type").as_deref(), Some("UNAUTHENTICATED"));
}

#[tokio::test]
async fn keeps_the_layer_contract() {
    crate::testing::check(&Telemetry::new().layer(), || Request::post("/").body(Body::empty()).unwrap()).await;
}
