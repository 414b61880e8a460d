//! A caller that goes away: the call's future is dropped, and code on other threads is told.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tower_vgi::Result;
use tower_vgi::rpc::{CallContext, Method, Output, Producer, ProducerState, Protocol, RpcService};

use crate::support::{Ask, Number, Server, both, row};

/// What happened on the server's side, in order.
type Events = UnboundedReceiver<&'static str>;

/// Says so when it is dropped.
struct Dropped(UnboundedSender<&'static str>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

async fn expect(events: &mut Events, expected: &str) {
    let event = tokio::time::timeout(Duration::from_secs(60), events.recv()).await;
    assert_eq!(event.expect("an event in time"), Some(expected));
}

/// What reaches a stream's state, which is otherwise what its token says.
#[derive(Clone)]
struct Desk(Arc<UnboundedSender<&'static str>>);

#[derive(Serialize, Deserialize)]
struct Waiting {
    next: i64,
}

impl ProducerState for Waiting {
    async fn produce(&mut self, context: &CallContext, output: &mut Output) -> Result<()> {
        if self.next == 1 {
            let desk = context.extensions().get::<Desk>().unwrap().0.clone();
            let _dropped = Dropped((*desk).clone());
            let _ = desk.send("entered");
            std::future::pending::<()>().await;
        }
        output.emit_rows(&[Number { n: self.next }])?;
        self.next += 1;
        Ok(())
    }
}

fn service(events: UnboundedSender<&'static str>) -> RpcService {
    let (waiting, blocking) = (events.clone(), events);
    let protocol = Protocol::new("Calc")
        .version("1.2.3")
        .method(Method::unary("wait").handler(move |_, _| {
            let events = waiting.clone();
            async move {
                let _dropped = Dropped(events.clone());
                let _ = events.send("entered");
                std::future::pending::<()>().await;
                Ok(())
            }
        }))
        .method(Method::unary("block").handler(move |context: CallContext, _| {
            let events = blocking.clone();
            async move {
                let asked = context.clone();
                let thread = move || {
                    let _ = events.send("entered");
                    while !asked.is_cancelled() {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    let _ = events.send("told");
                    Ok(())
                };
                context.run_blocking(thread).await
            }
        }))
        .method(Method::unary("task").handler(move |context: CallContext, _| async move {
            let desk = context.extensions().get::<Desk>().unwrap().clone();
            let task = context.clone();
            tokio::spawn(async move {
                let _ = desk.0.send("entered");
                task.cancelled().await;
                let _ = desk.0.send("told");
            });
            std::future::pending::<()>().await;
            Ok(())
        }))
        .method(
            Method::producer("stream")
                .rows::<Number>()
                .handler(|_, _| async { Ok(Producer::new(Waiting { next: 0 })) }),
        );
    RpcService::builder().protocol(protocol).build().unwrap()
}

async fn start() -> (Server, Events) {
    let (sender, events) = mpsc::unbounded_channel();
    let desk = Desk(Arc::new(sender.clone()));
    let service = tower::ServiceBuilder::new()
        .map_request(move |mut request: http::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(desk.clone());
            request
        })
        .service(service(sender));
    (Server::start(service).await, events)
}

#[tokio::test]
async fn the_future_of_a_call_is_dropped() {
    let (server, mut events) = start().await;
    for generation in both() {
        let ask = Ask::unary(generation, "wait", row([]));
        server.connect().await.send_and_leave(ask, expect(&mut events, "entered")).await;
        expect(&mut events, "dropped").await;
    }
}

#[tokio::test]
async fn code_that_blocks_is_told() {
    let (server, mut events) = start().await;
    for method in ["block", "task"] {
        for generation in both() {
            let ask = Ask::unary(generation, method, row([]));
            server.connect().await.send_and_leave(ask, expect(&mut events, "entered")).await;
            expect(&mut events, "told").await;
        }
    }
}

#[tokio::test]
async fn a_producer_is_dropped_in_the_middle_of_its_stream() {
    let (server, mut events) = start().await;
    for generation in both() {
        let mut connection = server.connect().await;
        let ask = Ask::init(generation, "stream", row([])).header("vgi-accept-producer-stream", "true");
        let response = connection.open(ask).await;
        expect(&mut events, "entered").await;
        drop(response);
        drop(connection);
        expect(&mut events, "dropped").await;
    }
}
