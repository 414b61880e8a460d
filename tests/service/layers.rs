//! Call layers of a user's own: around everything, one protocol, one method.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tower::{Layer, Service};
use tower_vgi::rpc::{Call, Generation, Operation, Reply, RpcService};

use crate::calculator::{Arithmetic, CalculatorServer, callers_of};
use crate::support::Arguments;

/// Writes down which calls it saw.
#[derive(Clone)]
struct Note {
    place: &'static str,
    seen: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone)]
struct Noting<S> {
    inner: S,
    note: Note,
}

impl<S> Layer<S> for Note {
    type Service = Noting<S>;

    fn layer(&self, inner: S) -> Noting<S> {
        Noting { inner, note: self.clone() }
    }
}

impl<S: Service<Call>> Service<Call> for Noting<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: Call) -> S::Future {
        let line = match call.operation() {
            Operation::Unary => format!("{} {}", self.note.place, call.method().name),
            other => format!("{} {} {other:?}", self.note.place, call.method().name),
        };
        self.note.seen.lock().unwrap().push(line);
        self.inner.call(call)
    }
}

/// Lets one generation through.
#[derive(Clone)]
struct Only<S>(S);

impl<S> Service<Call> for Only<S>
where
    S: Service<Call, Response = Reply, Error = tower_vgi::BoxError>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, call: Call) -> Self::Future {
        if call.generation() == Generation::Flat {
            let refusal = tower_vgi::RpcError::new("PermissionError", "not on the flat routes");
            return Box::pin(std::future::ready(Err(refusal.into())));
        }
        Box::pin(self.0.call(call))
    }
}

#[tokio::test]
async fn layers_nest_from_the_service_to_the_method() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = |place| Note { place, seen: seen.clone() };
    let server = CalculatorServer::new(Arithmetic)
        .layer(note("protocol"))
        .method_layer("add", note("method"))
        .method_layer("countdown", note("method"));
    let service = RpcService::builder().layer(note("all")).protocol(server).build().unwrap();
    for caller in callers_of(service) {
        caller.call("nothing", Arguments::none()).await;
        assert_eq!(*std::mem::take(&mut *seen.lock().unwrap()), ["all nothing", "protocol nothing"]);
        caller.call("add", Arguments::none().with("a", 1.0).with("b", 1.0)).await;
        assert_eq!(*std::mem::take(&mut *seen.lock().unwrap()), ["all add", "protocol add", "method add"]);
        let (_, stream) = caller.open("countdown", Arguments::none().with("n", 0_i64)).await;
        let expected = ["all countdown Init", "protocol countdown Init", "method countdown Init"];
        assert_eq!(*std::mem::take(&mut *seen.lock().unwrap()), expected);
        assert_eq!(stream.cursor, None);
    }
}

#[tokio::test]
async fn a_layer_may_refuse_and_its_error_reaches_the_caller() {
    let server = CalculatorServer::new(Arithmetic).method_layer("nothing", tower::layer::layer_fn(Only));
    let [flat, namespaced] = callers_of(RpcService::builder().protocol(server).build().unwrap());
    let refused = flat.call("nothing", Arguments::none()).await.unwrap_error();
    assert_eq!(refused, ("PermissionError".to_owned(), "not on the flat routes".to_owned()));
    assert_eq!(namespaced.call("nothing", Arguments::none()).await.error(), None);
    assert_eq!(flat.call("init", Arguments::none()).await.value::<i64>(), 1);
}

#[tokio::test]
async fn layers_of_one_clone_are_not_those_of_another() {
    let plain = CalculatorServer::new(Arithmetic);
    let layered = plain.clone().layer(tower::layer::layer_fn(Only));
    let [flat, _] = callers_of(RpcService::builder().protocol(plain).build().unwrap());
    assert_eq!(flat.call("nothing", Arguments::none()).await.error(), None);
    let [flat, _] = callers_of(RpcService::builder().protocol(layered).build().unwrap());
    assert!(flat.call("nothing", Arguments::none()).await.error().is_some());
}

#[test]
fn a_layer_for_a_method_that_is_not_there_is_a_build_error() {
    let server = CalculatorServer::new(Arithmetic).method_layer("subtract", tower::layer::layer_fn(Only));
    let error = RpcService::builder().protocol(server).build().unwrap_err();
    assert!(error.to_string().contains("no method 'subtract'"), "{error}");
}
