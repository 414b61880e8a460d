//! `examples/one_layer.rs`.

#[allow(dead_code, unreachable_pub)]
#[path = "../../examples/one_layer.rs"]
mod example;

use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use tower_vgi::Body;

use crate::socket::{Socket, listen};

#[tokio::test]
async fn a_layer_of_ours_compresses_somebody_elses_application() {
    let (listener, address) = listen().await;
    let serving = tokio::spawn(axum::serve(listener, example::app().unwrap()).into_future());
    let socket = Socket::http1(address, "");

    let request = Request::get("/numbers").header("accept-encoding", "zstd").body(Body::empty()).unwrap();
    let response = socket.clone().oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-encoding"], "zstd");
    let compressed = response.into_body().collect().await.unwrap().to_bytes();
    let numbers = zstd::stream::decode_all(&compressed[..]).unwrap();
    assert!(numbers.starts_with(b"0\n1\n2\n") && numbers.ends_with(b"99999\n"));
    assert!(compressed.len() < numbers.len());

    let body = zstd::bulk::compress(&vec![7; 2_000_000], 1).unwrap();
    let request = Request::post("/count").header("content-encoding", "zstd").body(Body::from(body)).unwrap();
    let response = socket.clone().oneshot(request).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "2000000");

    let bomb = zstd::bulk::compress(&vec![0; 17 << 20], 1).unwrap();
    let request = Request::post("/count").header("content-encoding", "zstd").body(Body::from(bomb)).unwrap();
    assert_eq!(socket.oneshot(request).await.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
    serving.abort();
}
