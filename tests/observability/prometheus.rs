//! The page that Prometheus reads, of a whole stack.

use http::{Request, header};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use tower_vgi::Body;
use tower_vgi::rpc::{ARROW_STREAM, Method, Protocol, RpcService};
use tower_vgi::wire::{Metadata, encode_batch, keys};
use tower_vgi_layers::Stack;
use tower_vgi_layers::prometheus::PrometheusLayer;

use crate::support::Arguments;

async fn read(stack: &Stack, request: Request<Body>) -> String {
    let response = stack.clone().oneshot(request).await.unwrap();
    assert!(response.status() == 200 && !response.headers().contains_key("x-vgi-rpc-error"), "{response:?}");
    String::from_utf8_lossy(&response.into_body().collect().await.unwrap().to_bytes()).into_owned()
}

#[tokio::test]
async fn it_has_calls_and_sessions() {
    let open = Method::unary("open").handler(|context, _params| async move { context.open_session((), None) });
    let service = RpcService::builder().protocol(Protocol::new("Calc").method(open)).build().unwrap();
    let stack = Stack::builder(service).sticky(true).prometheus(PrometheusLayer::new()).build().unwrap();
    let page = || Request::get("/metrics").body(Body::empty()).unwrap();
    assert!(read(&stack, page()).await.contains("vgi_rpc_server_active_sessions 0\n"));

    let metadata = Metadata::from_iter([(keys::METHOD, "open"), (keys::REQUEST_VERSION, "1")]);
    let body = encode_batch(&Arguments::none().batch(), &metadata).unwrap();
    let call = Request::post("/Calc/open").header(header::CONTENT_TYPE, ARROW_STREAM);
    read(&stack, call.header("vgi-session-accept", "true").body(Body::from(body)).unwrap()).await;
    let text = read(&stack, page()).await;
    for line in [
        "vgi_rpc_server_active_sessions 1",
        "vgi_rpc_server_call_duration_seconds_count{protocol=\"Calc\",method=\"open\"} 1",
    ] {
        assert!(text.lines().any(|known| known == line), "{line}\n{text}");
    }
}
