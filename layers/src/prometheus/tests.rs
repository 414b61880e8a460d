use std::convert::Infallible;

use http::{Request, Response, StatusCode};
use prometheus_client::metrics::gauge::Gauge;
use tower::{ServiceExt as _, service_fn};
use tower_service::Service as _;
use tower_vgi::call_record::{CalledMethod, DispatchedCall, RefusedToken};
use tower_vgi::rpc::{Generation, Method, Operation, Protocol};
use tower_vgi::{Body, CallRecord, ErrorCode, RpcError};

use super::*;
use crate::observe::RequestBody;
use crate::testing::collect;

fn call() -> DispatchedCall {
    let protocol = Protocol::new("Calc").method(Method::unary("add").handler(|_, _| async { Ok(()) }));
    let method = CalledMethod::of(&protocol, "add").unwrap();
    DispatchedCall::new(method, Operation::Unary, Generation::Flat, "id".parse().unwrap())
}

async fn answer(request: Request<RequestBody<Body>>) -> Result<Response<Body>, Infallible> {
    CallRecord::update_in(request.extensions(), |record| {
        record.dispatched = Some(call());
        record.input.rows = 2;
        record.output.rows = 3;
        record.externalized_output_bytes = 7;
        if request.headers().contains_key("x-fail") {
            record.error = Some(RpcError::value_error("no").with_code(ErrorCode::NotFound));
            record.refused_token = Some(RefusedToken::Credential);
        }
    });
    let mut response = Response::new(Body::from("12345"));
    if request.headers().contains_key("x-panic") {
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    }
    Ok(response)
}

#[tokio::test]
async fn calls_are_measured_and_shown() {
    let queued = Gauge::<i64>::default();
    queued.set(4);
    let layer = PrometheusLayer::new()
        .active_sessions(|| 3)
        .register(|registry| registry.register("queued", "Calls that wait", queued.clone()));
    let service = layer.layer(service_fn(answer));
    for request in [Request::post("/"), Request::post("/").header("x-fail", "1")] {
        let response = service.clone().oneshot(request.body(Body::from("1234")).unwrap()).await.unwrap();
        collect(response.into_body()).await.unwrap();
    }
    let page = service.oneshot(Request::get("/metrics").body(Body::empty()).unwrap()).await.unwrap();
    assert!(page.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    let text = String::from_utf8(collect(page.into_body()).await.unwrap().to_vec()).unwrap();
    let of = r#"protocol="Calc",method="add""#;
    for line in [
        format!("vgi_rpc_server_call_duration_seconds_count{{{of}}} 2"),
        format!("vgi_rpc_server_errors_total{{{of},code=\"NOT_FOUND\"}} 1"),
        format!("vgi_rpc_server_request_bytes_total{{{of}}} 8"),
        format!("vgi_rpc_server_response_bytes_total{{{of}}} 10"),
        format!("vgi_rpc_server_rows_total{{{of},direction=\"receive\"}} 4"),
        format!("vgi_rpc_server_rows_total{{{of},direction=\"transmit\"}} 6"),
        format!("vgi_rpc_server_externalized_bytes_total{{{of},direction=\"transmit\"}} 14"),
        "vgi_rpc_server_refused_tokens_total{token=\"credential\"} 1".to_owned(),
        "vgi_rpc_server_requests_in_flight 0".to_owned(),
        "vgi_rpc_server_active_sessions 3".to_owned(),
        "queued 4".to_owned(),
    ] {
        assert!(text.lines().any(|known| known == line), "{line}\n{text}");
    }
    assert_eq!(text, layer.render());
}

#[test]
fn sessions_that_nobody_counts_are_not_shown() {
    assert!(!PrometheusLayer::new().render().contains("active_sessions"));
}

/// As what is said where a layer around the call has panicked.
#[tokio::test]
async fn an_answer_that_tells_no_error_is_one_by_its_status() {
    let layer = PrometheusLayer::new();
    let request = Request::post("/").header("x-panic", "1").body(Body::empty()).unwrap();
    collect(layer.layer(service_fn(answer)).oneshot(request).await.unwrap().into_body()).await.unwrap();
    assert!(layer.render().contains("code=\"INTERNAL\"} 1"), "{}", layer.render());
}

#[tokio::test]
async fn a_request_is_in_flight_until_its_body_is_dropped() {
    let layer = PrometheusLayer::new();
    let mut service = layer.layer(service_fn(answer));
    let future = service.ready().await.unwrap().call(Request::post("/").body(Body::empty()).unwrap());
    assert!(layer.render().contains("requests_in_flight 1"));
    let response = future.await.unwrap();
    assert!(layer.render().contains("requests_in_flight 1"));
    drop(response);
    assert!(layer.render().contains("requests_in_flight 0"));
    assert!(layer.render().contains("code=\"CANCELLED\"} 1"));
}

#[tokio::test]
async fn the_page_may_be_elsewhere_or_nowhere() {
    for (layer, path, shown) in [
        (PrometheusLayer::new().page("/m"), "/m", true),
        (PrometheusLayer::new().page("/m"), "/metrics", false),
        (PrometheusLayer::new().without_page(), "/metrics", false),
    ] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = layer.layer(service_fn(answer)).oneshot(request).await.unwrap();
        assert_eq!(response.headers().contains_key("content-type"), shown);
    }
}

/// What Grafana shows exists.
#[tokio::test]
async fn the_dashboard_asks_for_metrics_that_are_there() {
    let dashboard = include_str!("../../../examples/deploy/grafana/dashboard.json");
    let parsed: serde_json::Value = serde_json::from_str(dashboard).unwrap();
    assert!(parsed["panels"].as_array().unwrap().len() > 5);
    let layer = PrometheusLayer::new().active_sessions(|| 0);
    let request = Request::post("/").header("x-fail", "1").body(Body::empty()).unwrap();
    drop(layer.layer(service_fn(answer)).oneshot(request).await.unwrap());
    let text = layer.render();
    let word = |text: &str| text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let mut names = 0;
    for (start, _) in dashboard.match_indices("vgi_rpc_server_") {
        let name = &dashboard[start..start + word(&dashboard[start..])];
        let family =
            ["_bucket", "_count", "_total"].iter().fold(name, |name, end| name.strip_suffix(end).unwrap_or(name));
        assert!(text.contains(&format!("# TYPE {family} ")), "{name}");
        names += 1;
    }
    assert!(names > 10);
}

#[tokio::test]
async fn keeps_the_layer_contract() {
    crate::testing::check(&PrometheusLayer::new(), || Request::new(Body::empty())).await;
}
