use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_vgi::call_record::{RecordedCall, SessionAction};
use tower_vgi::rpc::{self, Protocol, RpcService, TokenKeys};
use tower_vgi::session::{CallSession, Sessions};
use tower_vgi::wire::{Metadata, encode_batch, keys};
use tower_vgi::{Body, CallRecord, Capabilities};

use super::*;
use crate::testing::collect;

fn layer() -> StickyLayer {
    StickyLayer::from_parts("here", &Sessions::new(), TokenKeys::new([7; 32]).sealer("test"))
}

fn request(method: Method, path: &str, headers: &[(&'static str, &'static str)]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path).body(Body::from("body")).unwrap();
    request.headers_mut().extend(
        headers.iter().map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value))),
    );
    request
}

/// Whether the service inside was reached, and had a session to work with.
async fn reached(layer: &StickyLayer, request: Request<Body>) -> (Option<bool>, StatusCode) {
    let service = layer.layer(service_fn(|request: Request<Body>| async move {
        let mut response = Response::new(Body::empty());
        response.extensions_mut().insert(request.extensions().get::<CallSession>().is_some());
        Ok::<_, Infallible>(response)
    }));
    let response = service.oneshot(request).await.unwrap();
    (response.extensions().get().copied(), response.status())
}

#[tokio::test]
async fn only_calls_of_callers_who_keep_sessions_have_one() {
    let layer = layer();
    let accept = ("vgi-session-accept", "true");
    let lost = ("vgi-session", "lost");
    for (method, path, headers, expected) in [
        (Method::POST, "/P/m", &[][..], Some(false)),
        (Method::POST, "/P/m", &[accept], Some(true)),
        (Method::POST, "/P/m", &[accept, ("vgi-session", "")], Some(true)),
        (Method::POST, "/P/m", &[lost], None),
        (Method::POST, "/__session__", &[], Some(false)),
        // Published clients send the headers with everything.
        (Method::GET, "/", &[accept, lost], Some(false)),
        (Method::OPTIONS, "/P/m", &[accept, lost], Some(false)),
        (Method::DELETE, "/P/m", &[accept, lost], Some(false)),
        (Method::DELETE, "/__session__", &[accept, lost], None),
    ] {
        let shown = format!("{method} {path} {headers:?}");
        let answered = reached(&layer, request(method, path, headers)).await;
        assert_eq!(answered, (expected, StatusCode::OK), "{shown}");
    }
}

#[tokio::test]
async fn what_is_offered_is_advertised() {
    let headers = HeaderMap::from_iter([
        (http::HeaderName::from_static("x-machine"), HeaderValue::from_static("7")),
        (http::HeaderName::from_static("x-zone"), HeaderValue::from_static("b")),
    ]);
    let layer = layer().default_time_to_live(Duration::from_millis(1500)).echo_headers(&headers);
    let capabilities = Capabilities::new().with(&layer);
    let mut offered: Vec<_> =
        capabilities.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    offered.sort_unstable();
    assert_eq!(offered[0], ("vgi-sticky-default-ttl", "2"));
    assert!(["x-machine, x-zone", "x-zone, x-machine"].contains(&offered[1].1), "{offered:?}");
    assert_eq!(offered[2], ("vgi-sticky-enabled", "true"));
    let exposed: Vec<_> = capabilities.exposed().map(http::HeaderName::as_str).collect();
    for name in ["vgi-session", "vgi-session-close", "vgi-echo-x-machine", "vgi-echo-x-zone"] {
        assert!(exposed.contains(&name), "{name}");
    }
    let capabilities = Capabilities::new().with(&self::layer().default_time_to_live(Duration::MAX));
    assert!(capabilities.headers().iter().any(|(name, value)| name == "vgi-sticky-default-ttl" && value == "31536000"));
    assert!(capabilities.headers().iter().all(|(name, _)| name != "vgi-sticky-echo-headers"));
}

#[tokio::test]
async fn observers_learn_what_became_of_the_session() {
    let open = rpc::Method::unary("open").handler(|ctx, _| async move { ctx.open_session((), None) });
    let close = rpc::Method::unary("close").handler(|ctx, _| async move { ctx.close_session().await });
    let id = rpc::Method::unary("id").handler(|ctx, _| async move { Ok(ctx.session_id().unwrap().to_string()) });
    let protocol = Protocol::new("P").method(open).method(close).method(id);
    let service = RpcService::builder().protocol(protocol).build().unwrap();
    let service = StickyLayer::new(&service).layer(service);
    let call = async |method: &str, token: Option<&HeaderValue>| {
        let mut request = call(method);
        if let Some(token) = token {
            request.headers_mut().insert("vgi-session", token.clone());
        }
        let record = CallRecord::of(request.extensions_mut());
        let response = service.clone().oneshot(request).await.unwrap();
        let token = response.headers().get("vgi-session").cloned();
        collect(response.into_body()).await.unwrap();
        (record.read(RecordedCall::clone), token)
    };
    let (record, token) = call("open", None).await;
    let opened = record.session.unwrap();
    assert_eq!((opened.action, opened.id.len()), (SessionAction::Opened, 24));
    let (record, _) = call("id", token.as_ref()).await;
    let resumed = record.session.unwrap();
    assert_eq!((resumed.action, &resumed.id), (SessionAction::Resumed, &opened.id));
    let (record, _) = call("close", token.as_ref()).await;
    let closed = record.session.unwrap();
    assert_eq!((closed.action, &closed.id), (SessionAction::Closed, &opened.id));
    let (record, _) = call("id", token.as_ref()).await;
    assert_eq!(record.session.unwrap().action, SessionAction::None);
    assert!(record.error.unwrap().is_session_lost() && record.dispatched.is_none());
}

fn call(method: &str) -> Request<Body> {
    let row = arrow_array::RecordBatchOptions::new().with_row_count(Some(1));
    let schema = std::sync::Arc::new(arrow_schema::Schema::empty());
    let row = arrow_array::RecordBatch::try_new_with_options(schema, vec![], &row).unwrap();
    let metadata = Metadata::from_iter([(keys::METHOD, method), (keys::REQUEST_VERSION, "1")]);
    let body: Bytes = encode_batch(&row, &metadata).unwrap();
    let request = Request::post(format!("/P/{method}")).header("content-type", rpc::ARROW_STREAM);
    request.header("vgi-session-accept", "true").body(Body::from(body)).unwrap()
}

#[tokio::test]
async fn keeps_the_layer_contract() {
    crate::testing::check(&layer(), || request(Method::POST, "/P/m", &[])).await;
    crate::testing::check(&layer(), || request(Method::POST, "/P/m", &[("vgi-session-accept", "true")])).await;
}
