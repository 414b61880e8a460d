use std::convert::Infallible;
use std::sync::Mutex;

use http::Response;
use sentry_core::{Client, ClientOptions, Envelope, Scope, Transport};
use serde_json::Value;
use tower::{ServiceExt as _, service_fn};
use tower_vgi::call_record::{CalledMethod, DispatchedCall, RecordedCall};
use tower_vgi::rpc::{Generation, Operation, Protocol};
use tower_vgi::wire::{Metadata, encode_batch, keys};
use tower_vgi::{AuthContext, Body, CallRecord, RpcError};

use super::*;
use crate::observe::RequestBody;

/// Receives envelopes as they would be sent.
#[derive(Default)]
struct Receiver(Mutex<Vec<u8>>);

impl Transport for Receiver {
    fn send_envelope(&self, envelope: Envelope) {
        envelope.to_writer(&mut *self.0.lock().unwrap()).unwrap();
    }
}

impl Receiver {
    /// The events and transactions among all that was sent.
    fn items(&self) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines
            .filter(|line| {
                line.get("contexts").is_some() || line.get("tags").is_some() || line.get("exception").is_some()
            })
            .collect()
    }
}

/// Sends a request through the layer; the service says this of its call.
fn send(layer: &SentryLayer, request: Request<Body>, say: impl Fn(&mut RecordedCall)) -> Vec<Value> {
    send_to(layer, request, |request| {
        CallRecord::update_in(request.extensions(), &say);
        Response::new(Body::from("12345"))
    })
}

/// The same, with another answer.
fn send_to(
    layer: &SentryLayer,
    request: Request<Body>,
    answer: impl Fn(Request<RequestBody<Body>>) -> Response<Body>,
) -> Vec<Value> {
    serve(
        layer,
        request,
        service_fn(|request: Request<RequestBody<Body>>| {
            let response = answer(request);
            async { Ok::<_, Infallible>(response) }
        }),
    )
}

/// Sends a request through the layer around a service, in a hub that sends to the receiver.
fn serve<S, B>(layer: &SentryLayer, request: Request<Body>, service: S) -> Vec<Value>
where
    S: tower::Service<Request<RequestBody<Body>>, Response = Response<B>, Error = Infallible>,
    B: http_body::Body<Data = bytes::Bytes, Error: std::fmt::Debug>,
{
    let receiver = Arc::new(Receiver::default());
    let options =
        ClientOptions::new().dsn("http://key@127.0.0.1/1").transport(receiver.clone()).traces_sample_rate(1.0);
    let hub = Arc::new(Hub::new(Some(Arc::new(Client::from(options))), Arc::new(Scope::default())));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    Hub::run(hub, || {
        runtime.block_on(async {
            let response = layer.layer(service).oneshot(request).await.unwrap();
            http_body_util::BodyExt::collect(response.into_body()).await.unwrap();
        });
    });
    receiver.items()
}

fn request() -> Request<Body> {
    Request::post("/Calc/add").body(Body::from("parameters")).unwrap()
}

fn failed(call: &mut RecordedCall, error: RpcError) {
    let add = tower_vgi::rpc::Method::unary("add").handler(|_, _| async { Ok(()) });
    let method = CalledMethod::of(&Protocol::new("Calc").method(add), "add").unwrap();
    let id = "id-1".parse().unwrap();
    call.dispatched = Some(DispatchedCall::new(method, Operation::Unary, Generation::Namespaced, id));
    call.auth = Some(AuthContext::authenticated("jwt", "alice"));
    call.error = Some(error);
}

#[test]
fn an_error_is_an_event_with_tags() {
    let events = send(&SentryLayer::new(), request(), |call| {
        failed(call, RpcError::runtime_error("GET http://h/p?token=secret failed"));
    });
    let [event] = &events[..] else { panic!("{events:?}") };
    assert_eq!(event["exception"]["values"][0]["type"], "RuntimeError");
    assert_eq!(event["exception"]["values"][0]["value"], "GET http://h/p?… failed");
    // Errors are what an event is unless it says otherwise.
    assert_eq!((event.get("level"), &event["transaction"]), (None, &"Calc/add".into()));
    for (name, expected) in [
        ("rpc.protocol", "Calc"),
        ("rpc.method", "add"),
        ("rpc.method_type", "unary"),
        ("rpc.error_code", "UNKNOWN"),
        ("request_id", "id-1"),
        ("principal", "alice"),
        ("auth.domain", "jwt"),
    ] {
        assert_eq!(event["tags"][name], expected, "{name}");
    }
    let text = event.to_string();
    assert!(!text.contains("secret") && !text.contains("parameters"), "{text}");
}

#[test]
fn what_is_ignored_is_not_reported() {
    let ignored =
        |layer: &SentryLayer, error: RpcError| send(layer, request(), |call| failed(call, error.clone())).is_empty();
    let default = SentryLayer::new();
    assert!(ignored(&default, RpcError::value_error("x").with_code(ErrorCode::InvalidArgument)));
    assert!(!ignored(&default, RpcError::value_error("x")));
    assert!(ignored(&default.clone().ignore_types(["ValueError"]), RpcError::value_error("x")));
    assert!(!ignored(&default.ignore_codes([]), RpcError::value_error("x").with_code(ErrorCode::InvalidArgument)));
}

#[test]
fn what_went_well_is_not_reported() {
    assert!(send(&SentryLayer::new(), request(), |_| {}).is_empty());
}

#[test]
fn a_transaction_is_a_part_of_the_callers() {
    let mut request = request();
    let trace = "771a43a4192642f0b136d5159a501700-7a9c1d6f0b8e4c21-1";
    request.headers_mut().insert("sentry-trace", trace.parse().unwrap());
    let layer = SentryLayer::new().transactions();
    let items = send(&layer, request, |call| failed(call, RpcError::value_error("x").with_code(ErrorCode::NotFound)));
    let [transaction] = &items[..] else { panic!("{items:?}") };
    assert_eq!(transaction["transaction"], "Calc/add");
    let context = &transaction["contexts"]["trace"];
    assert_eq!(context["trace_id"], "771a43a4192642f0b136d5159a501700");
    assert_eq!((&context["op"], &context["status"]), (&"rpc.server".into(), &"not_found".into()));
}

/// As what is said where a layer around the call has panicked.
#[test]
fn a_transaction_without_an_error_has_the_status_of_its_answer() {
    let items = send_to(&SentryLayer::new().transactions(), request(), |_| {
        Response::builder().status(500).body(Body::empty()).unwrap()
    });
    assert_eq!(items[0]["contexts"]["trace"]["status"], "internal_error", "{items:?}");
}

#[test]
fn what_a_method_tells_itself_has_the_tags_of_its_call() {
    let add = tower_vgi::rpc::Method::unary("add").parameter::<i64>("n").handler(|_, _| async {
        sentry_core::capture_message("by itself", sentry_core::Level::Info);
        Ok(())
    });
    let service = tower_vgi::rpc::RpcService::builder().protocol(Protocol::new("Calc").method(add)).build().unwrap();
    let column = Arc::new(arrow_array::Int64Array::from(vec![1])) as arrow_array::ArrayRef;
    let batch = arrow_array::RecordBatch::try_from_iter_with_nullable([("n", column, false)]).unwrap();
    let metadata = Metadata::from_iter([(keys::METHOD, "add"), (keys::REQUEST_VERSION, "1")]);
    let mut request = Request::post("/Calc/add")
        .header("content-type", tower_vgi::rpc::ARROW_STREAM)
        .header("x-request-id", "id-1")
        .body(Body::from(encode_batch(&batch, &metadata).unwrap()))
        .unwrap();
    request.extensions_mut().insert(AuthContext::authenticated("jwt", "alice"));
    let events = serve(&SentryLayer::new(), request, service);
    let [event] = &events[..] else { panic!("{events:?}") };
    assert_eq!((&event["message"], &event["user"]["id"]), (&"by itself".into(), &"alice".into()));
    for (name, expected) in
        [("rpc.protocol", "Calc"), ("rpc.method", "add"), ("request_id", "id-1"), ("principal", "alice")]
    {
        assert_eq!(event["tags"][name], expected, "{name}");
    }
}

#[tokio::test]
async fn keeps_the_layer_contract() {
    crate::testing::check(&SentryLayer::new(), || Request::new(Body::empty())).await;
}
