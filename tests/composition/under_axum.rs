//! `examples/axum.rs`.

#[allow(dead_code, unreachable_pub)]
#[path = "../../examples/axum.rs"]
mod example;

use crate::socket::{Socket, listen};

#[tokio::test]
async fn a_stack_is_nested_in_a_router_beside_other_routes() {
    let (listener, address) = listen().await;
    let app = example::app().unwrap();
    let serving = tokio::spawn(axum::serve(listener, app).into_future());
    crate::greets(Socket::http1(address, "/vgi")).await;

    let outside = Socket::http1(address, "");
    assert_eq!(outside.get("/", &[]).await, (200, "The Arrow RPC is at /vgi/.".to_owned()));
    assert_eq!(outside.get("/greet/Bob", &[]).await, (200, r#"{"hello":"Bob"}"#.to_owned()));
    let (status, document) = outside.get("/.well-known/oauth-protected-resource/vgi", &[]).await;
    assert_eq!(status, 200);
    assert!(document.contains("/vgi"), "{document}");
    assert_eq!(outside.get("/health", &[]).await.0, 404);
    assert_eq!(outside.get("/vgi/health", &[]).await.0, 200);
    serving.abort();
}

#[tokio::test]
async fn pages_link_to_where_they_are_mounted() {
    let (listener, address) = listen().await;
    let app = example::app().unwrap();
    let serving = tokio::spawn(axum::serve(listener, app).into_future());
    let outside = Socket::http1(address, "");
    let (status, page) = outside.get("/vgi/", &[("accept", "text/html")]).await;
    assert_eq!(status, 200);
    assert!(page.contains(r#"href="/vgi/describe""#), "{page}");
    assert_eq!(outside.get("/vgi/describe", &[]).await.0, 200);
    serving.abort();
}
