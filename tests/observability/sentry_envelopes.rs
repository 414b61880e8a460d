//! What Sentry gets of a call that fails: envelopes over HTTP, as the crate `sentry` sends them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Request;
use http_body_util::BodyExt as _;
use sentry::{Client, ClientOptions, Hub, Scope};
use serde_json::Value;
use tower::ServiceExt as _;
use tower_vgi::rpc::{ARROW_STREAM, Method, Protocol, RpcService};
use tower_vgi::wire::{Metadata, encode_batch, keys};
use tower_vgi::{Body, RpcError};
use tower_vgi_layers::Stack;
use tower_vgi_layers::sentry::SentryLayer;

use crate::receiver::listen;
use crate::support::Arguments;

/// What came: the head of each request and its envelope.
type Received = Arc<Mutex<Vec<(String, String)>>>;

/// A client that sends to a receiver of its own.
fn receive() -> (Arc<Client>, Received) {
    let received = Received::default();
    let shared = received.clone();
    let address = listen("", move |head, body| {
        shared.lock().unwrap().push((head.to_owned(), String::from_utf8(body.to_vec()).unwrap()));
    });
    let options = ClientOptions::new().dsn(&format!("http://key@{address}/7")).traces_sample_rate(1.0);
    (Arc::new(Client::from(sentry::apply_defaults(options))), received)
}

/// The contents of all items of this type.
fn items(received: &Received, kind: &str) -> Vec<Value> {
    let mut found = Vec::new();
    for (_, envelope) in &*received.lock().unwrap() {
        let lines: Vec<Value> = envelope.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let pairs = lines.windows(2).filter(|pair| pair[0]["type"] == kind && pair[0].get("length").is_some());
        found.extend(pairs.map(|pair| pair[1].clone()));
    }
    found
}

fn failing() -> RpcService {
    let fail = Method::unary("fail").parameter::<String>("secret").handler(|_context, _params| async {
        Err::<(), _>(RpcError::runtime_error("no answer from https://store/x?signature=hidden").into())
    });
    RpcService::builder().protocol(Protocol::new("Calc").method(fail)).build().unwrap()
}

#[test]
fn an_error_arrives_with_what_it_was_about_and_without_the_payload() {
    let (client, received) = receive();
    let hub = Arc::new(Hub::new(Some(client.clone()), Arc::new(Scope::default())));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    Hub::run(hub, || {
        runtime.block_on(async {
            let stack = Stack::builder(failing()).sentry(SentryLayer::new().transactions()).build().unwrap();
            let metadata = Metadata::from_iter([(keys::METHOD, "fail"), (keys::REQUEST_VERSION, "1")]);
            let body =
                encode_batch(&Arguments::none().with("secret", "classified".to_owned()).batch(), &metadata).unwrap();
            let request = Request::post("/Calc/fail?query=hidden")
                .header("content-type", ARROW_STREAM)
                .header("authorization", "Bearer hidden")
                .header("x-request-id", "id-1");
            let response = stack.oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
            assert_eq!(
                (response.status().as_u16(), response.headers()["x-vgi-rpc-error"].as_bytes()),
                (200, &b"true"[..])
            );
            response.into_body().collect().await.unwrap();
        });
    });
    assert!(client.close(Some(Duration::from_secs(10))));

    let events = items(&received, "event");
    let [event] = &events[..] else { panic!("{received:?}") };
    assert_eq!(event["exception"]["values"][0]["type"], "RuntimeError");
    assert_eq!(event["exception"]["values"][0]["value"], "no answer from https://store/x?…");
    assert_eq!(event["transaction"], "Calc/fail");
    let tags = [("rpc.protocol", "Calc"), ("rpc.method", "fail"), ("rpc.method_type", "unary"), ("request_id", "id-1")];
    let transactions = items(&received, "transaction");
    let [transaction] = &transactions[..] else { panic!("{received:?}") };
    assert_eq!(transaction["transaction"], "Calc/fail");
    for (name, value) in tags {
        assert_eq!((&event["tags"][name], &transaction["tags"][name]), (&value.into(), &value.into()), "{name}");
    }
    for (head, envelope) in &*received.lock().unwrap() {
        assert!(head.starts_with("POST /api/7/envelope/ "), "{head}");
        assert!(!envelope.contains("classified") && !envelope.contains("hidden"), "{envelope}");
    }
}
