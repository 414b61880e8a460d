//! The layer by itself: what is said of a call becomes its line.

mod files;
mod lines;
mod losses;
mod samples;

use std::convert::Infallible;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use http::{HeaderValue, Response};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::{ServiceExt as _, service_fn};
use tower_vgi::call_record::{CalledMethod, DispatchedCall, RecordedCall};
use tower_vgi::rpc::{CallContext, Generation, Method, Operation, Output, Producer, ProducerState, Protocol};
use tower_vgi::{Body, CallRecord, Result};

use super::*;
use crate::observe::RequestBody;

/// What is written, shared with the test.
#[derive(Clone, Default)]
pub(super) struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    pub(super) fn lines(&self) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'), "{text}");
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

pub(super) fn info() -> Arc<ServiceInfo> {
    Arc::new(ServiceInfo::new("node-1", "Calc"))
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Nothing;

impl ProducerState for Nothing {
    async fn produce(&mut self, _context: &CallContext, output: &mut Output) -> Result<()> {
        output.finish()
    }
}

/// A call of a protocol with a unary method and a stream.
pub(super) fn call(method: &str, operation: Operation, generation: Generation) -> DispatchedCall {
    let protocol = Protocol::new("Calc")
        .method(
            Method::unary("add")
                .parameter::<f64>("a")
                .parameter::<Option<Vec<i32>>>("b \"quoted\"")
                .handler(|_, _| async { Ok(()) }),
        )
        .method(Method::producer("count").parameter::<i64>("n").handler(|_, _| async { Ok(Producer::new(Nothing)) }));
    let method = CalledMethod::of(&protocol, method).unwrap();
    DispatchedCall::new(method, operation, generation, HeaderValue::from_static("id-1"))
}

/// The same call in a request with this id.
pub(super) fn with_id(mut call: DispatchedCall, id: &str) -> DispatchedCall {
    call.request_id = HeaderValue::from_str(id).unwrap();
    call
}

pub(super) fn add() -> DispatchedCall {
    call("add", Operation::Unary, Generation::Namespaced)
}

/// Sends one request through the layer; the service says this of its call.
pub(super) async fn send(layer: &AccessLogLayer, say: impl Fn(&mut RecordedCall)) {
    let service = layer.layer(service_fn(|request: Request<RequestBody<Body>>| {
        CallRecord::update_in(request.extensions(), &say);
        async { Ok::<_, Infallible>(Response::new(Body::from("12345"))) }
    }));
    let mut request = Request::new(Body::from("1234"));
    request.extensions_mut().insert(PeerAddr("10.0.0.7:4242".parse().unwrap()));
    service.oneshot(request).await.unwrap().into_body().collect().await.unwrap();
}

/// The line of one call.
pub(super) async fn line(say: impl Fn(&mut RecordedCall)) -> Value {
    let written = Written::default();
    let layer = AccessLogLayer::to_writer(info(), written.clone());
    send(&layer, say).await;
    layer.flush();
    let lines = written.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.into_iter().next().unwrap()
}

#[tokio::test]
async fn keeps_the_layer_contract() {
    let layer = AccessLogLayer::to_writer(info(), Written::default());
    crate::testing::check(&layer, || Request::new(Body::empty())).await;
}
