use std::convert::Infallible;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use tower::{ServiceExt, service_fn};
use tower_layer::Layer;
use tower_vgi::{Body, Capabilities};

use super::*;
use crate::testing::collect;

const APP: &str = "https://app.example";

fn capabilities() -> Capabilities {
    let mut capabilities = Capabilities::new();
    capabilities.set(HeaderName::from_static("vgi-max-request-bytes"), HeaderValue::from_static("1000"));
    capabilities.expose(HeaderName::from_static("x-request-id"));
    capabilities.expose(HeaderName::from_static("vgi-session"));
    capabilities
}

fn layer() -> CorsLayer {
    CorsLayer::new(AllowOrigin::list([APP, "http://localhost:8080"]).unwrap(), &capabilities())
}

fn request(method: Method, headers: &[(&'static str, &'static str)]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri("/add").body(Body::empty()).unwrap();
    for (name, value) in headers {
        request.headers_mut().append(*name, HeaderValue::from_static(value));
    }
    request
}

fn preflight(origin: &'static str) -> Request<Body> {
    request(
        Method::OPTIONS,
        &[
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "content-type,vgi-session"),
        ],
    )
}

/// What comes of a service that answers everything with 418 and an `Allow`.
async fn ask(layer: CorsLayer, request: Request<Body>) -> (StatusCode, HeaderMap) {
    let service = layer.layer(service_fn(async |_: Request<Body>| {
        let response = Response::builder().status(418).header("allow", "POST").header("vary", "Accept-Encoding");
        Ok::<_, Infallible>(response.body(Body::from("inner")).unwrap())
    }));
    let (head, body) = service.oneshot(request).await.unwrap().into_parts();
    let text = collect(body).await.unwrap();
    assert_eq!(text.is_empty(), head.status != StatusCode::IM_A_TEAPOT);
    (head.status, head.headers)
}

fn values(headers: &HeaderMap, name: &str) -> Vec<HeaderValue> {
    headers.get_all(name).iter().cloned().collect()
}

/// The names of the `Access-Control-` headers.
fn access_control(headers: &HeaderMap) -> Vec<&str> {
    let mut names: Vec<_> = headers.keys().map(|name| name.as_str()).collect();
    names.retain(|name| name.starts_with("access-control-"));
    names.sort_unstable();
    names
}

#[tokio::test]
async fn a_preflight_is_answered() {
    let (status, headers) = ask(layer(), preflight(APP)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["access-control-allow-origin"], APP);
    assert_eq!(headers["access-control-allow-methods"], "GET, HEAD, POST, DELETE, OPTIONS");
    assert_eq!(headers["access-control-allow-headers"], "content-type,vgi-session");
    assert_eq!(headers["access-control-max-age"], "7200");
    assert_eq!(headers["cross-origin-resource-policy"], "cross-origin");
    assert_eq!(headers["cache-control"], "public, max-age=300");
    let vary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
    assert_eq!(values(&headers, "vary"), [vary]);
    assert!(!headers.contains_key("allow"));
    assert!(!headers.contains_key("access-control-allow-credentials"));
}

#[tokio::test]
async fn a_preflight_of_another_origin_gets_no_permission() {
    for origin in ["https://evil.example", "https://app.example.evil.example", "http://app.example", "null", ""] {
        let (status, headers) = ask(layer(), preflight(origin)).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(access_control(&headers), [""; 0], "{origin}");
        assert!(headers["vary"].to_str().unwrap().starts_with("Origin, "));
    }
}

#[tokio::test]
async fn any_other_options_reaches_the_service() {
    for headers in [
        &[][..],
        &[("origin", APP)],
        &[("access-control-request-method", "POST"), ("access-control-request-headers", "content-type")],
    ] {
        let (status, headers) = ask(layer(), request(Method::OPTIONS, headers)).await;
        assert_eq!(status, StatusCode::IM_A_TEAPOT);
        assert_eq!(headers["allow"], "POST");
    }
    let headers = [("origin", APP), ("access-control-request-method", "POST")];
    assert_eq!(ask(layer(), request(Method::POST, &headers)).await.0, StatusCode::IM_A_TEAPOT);
}

#[tokio::test]
async fn errors_can_be_read_too() {
    let (status, headers) = ask(layer(), request(Method::POST, &[("origin", "http://localhost:8080")])).await;
    assert_eq!(status, StatusCode::IM_A_TEAPOT);
    assert_eq!(headers["access-control-allow-origin"], "http://localhost:8080");
    assert_eq!(access_control(&headers), ["access-control-allow-origin", "access-control-expose-headers"]);
    assert_eq!(headers["cross-origin-resource-policy"], "cross-origin");
    assert_eq!(values(&headers, "vary"), ["Accept-Encoding", "Origin"]);
}

#[tokio::test]
async fn everything_that_a_stack_sends_is_exposed_once() {
    let layer = layer().expose([HeaderName::from_static("vgi-echo-a"), HeaderName::from_static("vgi-session")]);
    for asked in [request(Method::POST, &[("origin", APP)]), preflight(APP)] {
        let (_, headers) = ask(layer.clone(), asked).await;
        assert_eq!(
            headers["access-control-expose-headers"],
            "www-authenticate, x-request-id, x-vgi-rpc-error, vgi-auth-reason, vgi-max-request-bytes, vgi-session, \
             vgi-echo-a"
        );
    }
}

#[tokio::test]
async fn responses_without_permission_still_depend_on_the_origin() {
    for headers in [&[][..], &[("origin", "https://evil.example")]] {
        for layer in [layer(), CorsLayer::new(AllowOrigin::predicate(|_, _| false), &capabilities())] {
            let (_, headers) = ask(layer, request(Method::POST, headers)).await;
            assert_eq!(access_control(&headers), [""; 0]);
            assert_eq!(values(&headers, "vary"), ["Accept-Encoding", "Origin"]);
            assert_eq!(headers["cross-origin-resource-policy"], "cross-origin");
        }
    }
}

#[tokio::test]
async fn an_origin_that_is_named_already_is_not_named_again() {
    for vary in ["Accept, origin", "*", "ORIGIN"] {
        let service = layer().layer(service_fn(async |_: Request<Body>| {
            Ok::<_, Infallible>(Response::builder().header("vary", vary).body(Body::empty()).unwrap())
        }));
        let response = service.oneshot(request(Method::POST, &[("origin", APP)])).await.unwrap();
        assert_eq!(values(response.headers(), "vary"), [vary]);
    }
}

#[tokio::test]
async fn any_origin_is_a_star() {
    let layer = CorsLayer::new(AllowOrigin::any(), &capabilities());
    for asked in [request(Method::POST, &[("origin", "https://whoever.example")]), preflight("null")] {
        assert_eq!(ask(layer.clone(), asked).await.1["access-control-allow-origin"], "*");
    }
    assert_eq!(access_control(&ask(layer, request(Method::POST, &[])).await.1), [""; 0]);
}

#[tokio::test]
async fn a_predicate_sees_the_origin_and_the_request() {
    let origins = AllowOrigin::predicate(|origin, request| origin == APP && request.uri.path() == "/add");
    let layer = CorsLayer::new(origins, &capabilities());
    let mut asked = request(Method::POST, &[("origin", APP)]);
    assert_eq!(ask(layer.clone(), asked).await.1["access-control-allow-origin"], APP);
    asked = request(Method::POST, &[("origin", APP)]);
    *asked.uri_mut() = "/private".parse().unwrap();
    assert_eq!(access_control(&ask(layer, asked).await.1), [""; 0]);
}

#[tokio::test]
async fn only_names_of_headers_are_echoed() {
    let mut asked = preflight(APP);
    let headers = asked.headers_mut();
    headers.insert("access-control-request-headers", HeaderValue::from_static("a, b c"));
    headers.append("access-control-request-headers", HeaderValue::from_static("vgi-session , x"));
    headers.append("access-control-request-headers", HeaderValue::from_static("a,,b"));
    let (_, headers) = ask(layer(), asked).await;
    assert_eq!(values(&headers, "access-control-allow-headers"), ["vgi-session , x"]);
}

#[tokio::test]
async fn options_can_be_changed_and_left_out() {
    let changed = layer()
        .allow_methods([Method::POST])
        .max_age(Duration::from_secs(60))
        .resource_policy(ResourcePolicy::SameSite);
    let (_, headers) = ask(changed, preflight(APP)).await;
    assert_eq!(headers["access-control-allow-methods"], "POST");
    assert_eq!(headers["access-control-max-age"], "60");
    assert_eq!(headers["cross-origin-resource-policy"], "same-site");

    let (_, headers) = ask(layer().max_age(None).resource_policy(None).allow_methods([]), preflight(APP)).await;
    for absent in ["access-control-max-age", "cross-origin-resource-policy", "access-control-allow-methods"] {
        assert!(!headers.contains_key(absent), "{absent}");
    }
}

#[tokio::test]
async fn private_networks_are_closed_until_told_otherwise() {
    for (layer, asks, expected) in [
        (layer(), true, false),
        (layer().allow_private_network(true), true, true),
        (layer().allow_private_network(true), false, false),
    ] {
        let mut asked = preflight(APP);
        if asks {
            asked.headers_mut().insert("access-control-request-private-network", HeaderValue::from_static("true"));
        }
        let (_, headers) = ask(layer, asked).await;
        assert_eq!(headers.contains_key("access-control-allow-private-network"), expected);
    }
}

#[tokio::test]
async fn keeps_the_layer_contract() {
    crate::testing::check(&layer(), || request(Method::POST, &[])).await;
    crate::testing::check(&layer(), || request(Method::OPTIONS, &[("origin", APP)])).await;
}
