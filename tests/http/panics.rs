//! A panic fails the step in which it happens and nothing else.

use serde::{Deserialize, Serialize};
use tower_vgi::Result;
use tower_vgi::rpc::{
    CallContext, Exchange, ExchangeState, Generation, LogLevel, Method, Output, Producer, ProducerState, Protocol,
    RpcService,
};
use tower_vgi::wire::{AnnotatedBatch, keys};

use crate::support::{Ask, Number, Server, Value, both, column, row};

#[derive(Serialize, Deserialize)]
struct Numbers {
    next: i64,
}

impl ProducerState for Numbers {
    async fn produce(&mut self, _context: &CallContext, output: &mut Output) -> Result<()> {
        if self.next == 2 {
            panic!("no {}", self.next);
        }
        output.emit_rows(&[Number { n: self.next }])?;
        self.next += 1;
        Ok(())
    }

    async fn cancel(&mut self, _context: &CallContext) {
        panic!("not even that");
    }
}

#[derive(Serialize, Deserialize)]
struct Echo;

impl ExchangeState for Echo {
    async fn exchange(&mut self, _context: &CallContext, input: AnnotatedBatch, output: &mut Output) -> Result<()> {
        if input.batch.num_rows() == 0 {
            panic!("nothing came");
        }
        output.emit(input.batch)
    }
}

fn service() -> RpcService {
    let protocol = Protocol::new("Calc")
        .version("1.2.3")
        .method(
            Method::unary("add")
                .parameter::<f64>("a")
                .parameter::<f64>("b")
                .handler(|_, params| async move { Ok(params.get::<f64>(0)? + params.get::<f64>(1)?) }),
        )
        .method(Method::unary("burst").handler(|context, _| async move {
            context.log(LogLevel::Warn, "about to burst");
            tokio::task::yield_now().await;
            if context.request_id().is_empty() { Ok(()) } else { panic!("burst") }
        }))
        .method(Method::unary("at_once").handler(|context, _| {
            // Before there is a future.
            assert!(context.request_id().is_empty(), "at once");
            async { Ok(()) }
        }))
        .method(Method::unary("elsewhere").handler(|context, _| async move {
            context.run_blocking(|| -> Result<i64> { panic!("on a thread") }).await
        }))
        .method(Method::producer("open").rows::<Number>().handler(|context, _| async move {
            assert!(context.request_id().is_empty(), "not opened");
            Ok(Producer::new(Numbers { next: 0 }))
        }))
        .method(
            Method::producer("numbers")
                .rows::<Number>()
                .handler(|_, _| async { Ok(Producer::new(Numbers { next: 0 })) }),
        )
        .method(Method::exchange("echo").rows::<Value, Value>().handler(|_, _| async { Ok(Exchange::new(Echo)) }));
    RpcService::builder().protocol(protocol).build().unwrap()
}

#[tokio::test]
async fn in_a_unary_method() {
    let server = Server::start(service()).await;
    for generation in both() {
        let mut connection = server.connect().await;
        for (method, text) in [("burst", "burst"), ("at_once", "at once"), ("elsewhere", "on a thread")] {
            let answer = connection.send(Ask::unary(generation, method, row([]))).await;
            let failure = answer.expect_failure();
            assert_eq!((answer.status.as_u16(), answer.says_error()), (200, true), "{method}");
            assert_eq!((failure.exception.as_str(), failure.code.as_str()), ("RuntimeError", "INTERNAL"));
            assert_eq!(failure.message, format!("Calc/{method} panicked: {text}"));
            assert_eq!(connection.send(Ask::add(generation)).await.result::<f64>(), 3.0);
        }
    }
}

#[tokio::test]
async fn what_was_logged_before_still_arrives() {
    let server = Server::start(service()).await;
    let answer = server.connect().await.send(Ask::unary(Generation::Flat, "burst", row([]))).await;
    assert_eq!(answer.logs(), [("WARN".to_owned(), "about to burst".to_owned())]);
}

#[tokio::test]
async fn in_a_stream() {
    let server = Server::start(service()).await;
    for generation in both() {
        let mut connection = server.connect().await;
        let answer = connection.send(Ask::init(generation, "open", row([]))).await;
        assert!(answer.expect_failure().message.contains("not opened"));

        let first = connection.send(Ask::init(generation, "numbers", row([]))).await;
        let second = connection.send(Ask::tick(generation, "numbers", &first.tokens())).await;
        let tokens = first.tokens().moved_to(&second.tokens());
        let third = connection.send(Ask::tick(generation, "numbers", &tokens)).await;
        assert!(third.expect_failure().message.contains("panicked: no 2"));
        assert!(third.says_error() && !third.goes_on());

        let cancel = Ask::tick(generation, "numbers", &tokens).with(keys::CANCEL, "1");
        let cancelled = connection.send(cancel).await;
        assert_eq!((cancelled.status.as_u16(), cancelled.batches().len()), (200, 0));
        assert_eq!(connection.send(Ask::add(generation)).await.result::<f64>(), 3.0);
    }
}

#[tokio::test]
async fn in_a_turn_of_an_exchange_which_may_be_tried_again() {
    let server = Server::start(service()).await;
    for generation in both() {
        let mut connection = server.connect().await;
        let tokens = connection.send(Ask::init(generation, "echo", row([]))).await.tokens();
        let nothing = row([("value", column(1.0))]).slice(0, 0);
        let failed = connection.send(Ask::turn(generation, "echo", &tokens, nothing)).await;
        assert!(failed.expect_failure().message.contains("panicked: nothing came"));
        let good = Ask::turn(generation, "echo", &tokens, row([("value", column(1.0))]));
        assert_eq!(Value::rows_of(&connection.send(good).await), [Value { value: 1.0 }]);
    }
}

#[tokio::test]
async fn in_the_middle_of_a_streamed_response() {
    let server = Server::start(service()).await;
    for generation in both() {
        let mut connection = server.connect().await;
        let ask = Ask::init(generation, "numbers", row([])).header("vgi-accept-producer-stream", "true");
        let answer = connection.send(ask).await;
        assert_eq!(Number::rows_of(&answer), [0, 1]);
        assert!(answer.expect_failure().message.contains("panicked: no 2"));
        assert_eq!(connection.send(Ask::add(generation)).await.result::<f64>(), 3.0);
    }
}
