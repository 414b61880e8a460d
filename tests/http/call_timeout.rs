//! The call-timeout layer: calls, turns and steps of a stream that take too long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::BodyExt as _;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use tower::ServiceExt as _;
use tower_vgi::Result;
use tower_vgi::rpc::{
    CallContext, Exchange, ExchangeState, Method, Output, Producer, ProducerState, Protocol, RpcService, TokenKeys,
};
use tower_vgi::wire::{AnnotatedBatch, keys};
use tower_vgi_layers::call_timeout::CallTimeoutLayer;

use crate::support::{Answer, Ask, Number, Value, ask, both, column, row};

const LIMIT: Duration = Duration::from_secs(5);

/// Takes `millis` for each number, and ten times as long for one of them.
#[derive(Serialize, Deserialize)]
struct Count {
    next: i64,
    n: i64,
    millis: u64,
    slow_at: i64,
}

impl ProducerState for Count {
    async fn produce(&mut self, context: &CallContext, output: &mut Output) -> Result<()> {
        let slow = if self.next == self.slow_at { 10 } else { 1 };
        tell_when_given_up(context);
        sleep(Duration::from_millis(slow * self.millis)).await;
        output.emit_rows(&[Number { n: self.next }])?;
        self.next += 1;
        if self.next == self.n {
            output.finish()?;
        }
        Ok(())
    }

    async fn cancel(&mut self, _context: &CallContext) {
        sleep(Duration::from_millis(self.millis)).await;
    }
}

#[derive(Serialize, Deserialize)]
struct Slow;

impl ExchangeState for Slow {
    async fn exchange(&mut self, context: &CallContext, _input: AnnotatedBatch, output: &mut Output) -> Result<()> {
        tell_when_given_up(context);
        sleep(LIMIT * 2).await;
        output.emit_rows(&[Value { value: 1.0 }])
    }
}

/// Whether a task that a call has started heard that the call was given up.
#[derive(Clone, Default)]
struct GivenUp(Arc<AtomicBool>);

fn tell_when_given_up(context: &CallContext) {
    if let Some(given_up) = context.extensions().get::<GivenUp>().cloned() {
        let context = context.clone();
        tokio::spawn(async move {
            context.cancelled().await;
            given_up.0.store(true, Ordering::SeqCst);
        });
    }
}

fn service(limit: Duration) -> RpcService {
    let protocol = Protocol::new("Calc")
        .version("1.2.3")
        .method(Method::unary("wait").parameter::<i64>("millis").handler(|context: CallContext, params| async move {
            tell_when_given_up(&context);
            sleep(Duration::from_millis(params.get::<i64>(0)?.try_into()?)).await;
            Ok(7_i64)
        }))
        .method(
            Method::producer("count")
                .parameter::<i64>("n")
                .parameter::<i64>("millis")
                .parameter::<i64>("slow_at")
                .rows::<Number>()
                .handler(|_, params| async move {
                    let millis = params.get::<i64>(1)?.try_into()?;
                    Ok(Producer::new(Count { next: 0, n: params.get(0)?, millis, slow_at: params.get(2)? }))
                }),
        )
        .method(Method::exchange("trade").rows::<Value, Value>().handler(|_, _| async { Ok(Exchange::new(Slow)) }));
    let keys = TokenKeys::new([7; 32]);
    RpcService::builder().protocol(protocol).token_keys(keys).layer(CallTimeoutLayer::new(limit)).build().unwrap()
}

fn wait(generation: tower_vgi::rpc::Generation, millis: i64) -> Ask {
    Ask::unary(generation, "wait", row([("millis", column(millis))]))
}

fn count(generation: tower_vgi::rpc::Generation, n: i64, millis: i64, slow_at: i64) -> Ask {
    let parameters = row([("n", column(n)), ("millis", column(millis)), ("slow_at", column(slow_at))]);
    Ask::init(generation, "count", parameters)
}

/// Asks, and says whether the call's own tasks were told that it was given up.
async fn ask_and_see(service: &RpcService, request: Ask) -> (Answer, bool) {
    let given_up = GivenUp::default();
    let mut request = request.request();
    request.extensions_mut().insert(given_up.clone());
    let answer = Answer::collect(service.clone().oneshot(request).await.unwrap()).await;
    // The tasks that were woken have their turn first.
    sleep(Duration::from_millis(1)).await;
    (answer, given_up.0.load(Ordering::SeqCst))
}

fn assert_too_slow(answer: &Answer, what: &str) {
    let failure = answer.expect_failure();
    assert_eq!((failure.exception.as_str(), failure.code.as_str()), ("TimeoutError", "DEADLINE_EXCEEDED"));
    assert!(failure.message.starts_with(what) && failure.message.contains("5s"), "{}", failure.message);
    assert!(answer.says_error() && answer.status == 200);
}

#[tokio::test(start_paused = true)]
async fn a_call_within_the_limit_is_answered() {
    for limit in [LIMIT, Duration::MAX] {
        let service = service(limit);
        for generation in both() {
            assert_eq!(ask(&service, wait(generation, 0)).await.result::<i64>(), 7);
            assert_eq!(ask(&service, wait(generation, 4_999)).await.result::<i64>(), 7);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_longer_is_given_up() {
    let service = service(LIMIT);
    for generation in both() {
        let (answer, given_up) = ask_and_see(&service, wait(generation, 5_001)).await;
        assert_too_slow(&answer, "Calc/wait took longer");
        assert!(given_up);
    }
}

#[tokio::test(start_paused = true)]
async fn each_turn_of_a_stream_is_a_call() {
    let service = service(LIMIT);
    for generation in both() {
        let (answer, given_up) = ask_and_see(&service, count(generation, 3, 1_000, 0)).await;
        assert_too_slow(&answer, "Calc/count took longer");
        assert!(given_up);

        let opened = ask(&service, count(generation, 3, 3_000, 1)).await;
        assert_eq!(Number::rows_of(&opened), [0]);
        assert_too_slow(
            &ask(&service, Ask::tick(generation, "count", &opened.tokens())).await,
            "Calc/count took longer",
        );

        let opened = ask(&service, Ask::init(generation, "trade", row([]))).await;
        let turn = Ask::turn(generation, "trade", &opened.tokens(), row([("value", column(1.0))]));
        let (answer, given_up) = ask_and_see(&service, turn).await;
        assert_too_slow(&answer, "Calc/trade took longer");
        assert!(given_up);
    }
}

#[tokio::test(start_paused = true)]
async fn each_step_of_a_streamed_response_has_the_whole_time() {
    let service = service(LIMIT);
    for generation in both() {
        let streamed = |slow_at| count(generation, 4, 4_000, slow_at).header("vgi-accept-producer-stream", "true");
        let answer = ask(&service, streamed(-1)).await;
        assert_eq!(Number::rows_of(&answer), [0, 1, 2, 3]);
        assert!(answer.failure().is_none());

        let (answer, given_up) = ask_and_see(&service, streamed(2)).await;
        assert_eq!(Number::rows_of(&answer), [0, 1]);
        let failure = answer.expect_failure();
        assert_eq!(failure.code, "DEADLINE_EXCEEDED");
        assert!(failure.message.starts_with("a step of Calc/count took longer than 5s"), "{}", failure.message);
        assert!(given_up, "what the step has started is told");
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_that_is_given_up_is_told_though_nobody_reads_on() {
    let service = service(LIMIT);
    let given_up = GivenUp::default();
    let generation = tower_vgi::rpc::Generation::Namespaced;
    let mut request = count(generation, 4, 4_000, 1).header("vgi-accept-producer-stream", "true").request();
    request.extensions_mut().insert(given_up.clone());
    let mut body = service.oneshot(request).await.unwrap().into_body();
    while !given_up.0.load(Ordering::SeqCst) {
        assert!(body.frame().await.is_some(), "the stream ended before anybody was told");
        sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_takes_nothing_of_the_time() {
    let service = service(LIMIT);
    for generation in both() {
        let request = count(generation, 3, 1_000, -1).header("vgi-accept-producer-stream", "true").request();
        let mut body = service.clone().oneshot(request).await.unwrap().into_body();
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            bytes.extend_from_slice(&frame.unwrap().into_data().unwrap());
            sleep(LIMIT * 3).await;
        }
        let mut head = http::Response::new(http_body_util::Full::new(bytes.into()));
        head.headers_mut().insert("content-type", tower_vgi::rpc::ARROW_STREAM.parse().unwrap());
        let answer = Answer::collect(head).await;
        assert_eq!(Number::rows_of(&answer), [0, 1, 2]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_has_the_same_time() {
    for generation in both() {
        for (millis, good) in [(4_000, true), (6_000, false)] {
            // What takes 6 seconds cannot be opened here, so another worker has opened it.
            let patient = service(Duration::MAX);
            let opened = ask(&patient, count(generation, 3, millis, -1)).await;
            let cancel = Ask::tick(generation, "count", &opened.tokens()).with(keys::CANCEL, "1");
            let answer = ask(&service(LIMIT), cancel).await;
            match good {
                true => assert!(answer.failure().is_none(), "{answer:?}"),
                false => assert_too_slow(&answer, "Calc/count took longer"),
            }
        }
    }
}
