//! The concurrency layer: what a permit covers, who waits, who is refused.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use http::Response;
use http_body_util::BodyExt as _;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tower::ServiceExt as _;
use tower::load_shed::LoadShedLayer;
use tower_vgi::rpc::{
    CallContext, CallLayer, Generation, Method, Output, Producer, ProducerState, Protocol, RpcService, TokenKeys,
};
use tower_vgi::wire::keys;
use tower_vgi::{Body, Result, RpcError};
use tower_vgi_layers::concurrency::ConcurrencyLimitLayer;

use crate::support::{Answer, Ask, Number, ask, both, row};

/// Lets calls through one by one, and counts who is inside.
struct Gate {
    open: Semaphore,
    inside: AtomicUsize,
    most: AtomicUsize,
}

impl Gate {
    fn closed() -> Arc<Self> {
        Arc::new(Self { open: Semaphore::new(0), inside: AtomicUsize::new(0), most: AtomicUsize::new(0) })
    }

    async fn pass(&self) -> Result<i64> {
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(inside, Ordering::SeqCst);
        let passed = self.open.acquire().await;
        self.inside.fetch_sub(1, Ordering::SeqCst);
        passed?.forget();
        Ok(7)
    }
}

#[derive(Serialize, Deserialize)]
struct Endless(i64);

impl ProducerState for Endless {
    async fn produce(&mut self, _context: &CallContext, output: &mut Output) -> Result<()> {
        self.0 += 1;
        output.emit_rows(&[Number { n: self.0 }])?;
        if self.0 == 3 {
            output.finish()?;
        }
        Ok(())
    }
}

fn protocol(gate: &Arc<Gate>) -> Protocol {
    let pass = |name: &str| {
        let gate = gate.clone();
        Method::unary(name).handler(move |_, _| {
            let gate = gate.clone();
            async move { gate.pass().await }
        })
    };
    Protocol::new("Calc")
        .version("1.2.3")
        .method(pass("wait"))
        .method(pass("other"))
        .method(Method::unary("quick").handler(|_, _| async { Ok(1_i64) }))
        .method(
            Method::unary("fail").handler(|_, _| async { Err::<i64, _>(RpcError::value_error("no such luck").into()) }),
        )
        .method(Method::producer("count").rows::<Number>().handler(|_, _| async { Ok(Producer::new(Endless(0))) }))
}

fn service(gate: &Arc<Gate>, layer: impl CallLayer) -> RpcService {
    RpcService::builder().protocol(protocol(gate)).token_keys(TokenKeys::new([7; 32])).layer(layer).build().unwrap()
}

fn call(method: &str) -> Ask {
    Ask::unary(Generation::Namespaced, method, row([]))
}

fn streamed(generation: Generation) -> Ask {
    Ask::init(generation, "count", row([])).header("vgi-accept-producer-stream", "true")
}

type Pending = Pin<Box<dyn Future<Output = Answer>>>;

fn begin(service: &RpcService, request: Ask) -> Pending {
    let service = service.clone();
    Box::pin(async move { ask(&service, request).await })
}

/// How far a call gets without anybody else doing anything.
fn poll(call: &mut Pending) -> Option<Answer> {
    match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}

async fn open(service: &RpcService, request: Ask) -> Response<Body> {
    service.clone().oneshot(request.request()).await.unwrap()
}

fn assert_busy(answer: &Answer, text: &str) {
    let failure = answer.expect_failure();
    assert_eq!((answer.status.as_u16(), failure.code.as_str()), (200, "UNAVAILABLE"));
    assert!(answer.says_error() && failure.message.contains(text), "{}", failure.message);
    let details = failure.details.unwrap();
    assert_eq!(details, serde_json::json!([{ "@type": "vgi_rpc.RetryInfo", "retry_delay_seconds": 1 }]));
}

#[tokio::test]
async fn no_more_than_the_limit_run_at_once_and_all_are_answered() {
    let gate = Gate::closed();
    let service = service(&gate, ConcurrencyLimitLayer::new(3));
    let calls: Vec<_> = (0..20)
        .map(|_| {
            tokio::spawn({
                let service = service.clone();
                async move { ask(&service, call("wait")).await.result::<i64>() }
            })
        })
        .collect();
    while gate.inside.load(Ordering::SeqCst) < 3 {
        tokio::task::yield_now().await;
    }
    gate.open.add_permits(20);
    for call in calls {
        assert_eq!(call.await.unwrap(), 7);
    }
    assert_eq!(gate.most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_permit_is_held_until_the_response_has_ended_or_was_dropped() {
    let service = service(&Gate::closed(), ConcurrencyLimitLayer::new(1));
    for generation in both() {
        for request in [streamed(generation), Ask::init(generation, "count", row([])), call("quick")] {
            let response = open(&service, request.clone()).await;
            let mut next = begin(&service, call("quick"));
            assert!(poll(&mut next).is_none(), "the response is still there");
            drop(response);
            assert_eq!(poll(&mut next).unwrap().result::<i64>(), 1);

            let mut response = open(&service, request).await;
            let mut next = begin(&service, call("quick"));
            assert!(poll(&mut next).is_none());
            while response.body_mut().frame().await.is_some() {}
            assert_eq!(poll(&mut next).unwrap().result::<i64>(), 1);
            drop(response);
        }
    }
}

#[tokio::test]
async fn a_call_that_fails_or_is_abandoned_gives_its_permit_back() {
    let service = service(&Gate::closed(), ConcurrencyLimitLayer::new(1));
    assert_eq!(ask(&service, call("fail")).await.expect_failure().exception, "ValueError");
    let mut abandoned = begin(&service, call("wait"));
    assert!(poll(&mut abandoned).is_none());
    let mut waiting = begin(&service, call("quick"));
    assert!(poll(&mut waiting).is_none());
    drop(abandoned);
    assert_eq!(poll(&mut waiting).unwrap().result::<i64>(), 1);
}

#[tokio::test]
async fn what_is_too_much_to_wait_is_refused_for_now() {
    let service = service(&Gate::closed(), ConcurrencyLimitLayer::new(1).max_waiting(1));
    let running = open(&service, call("quick")).await;
    let mut waiting = begin(&service, call("quick"));
    assert!(poll(&mut waiting).is_none());
    for generation in both() {
        let refused = ask(&service, Ask::unary(generation, "quick", row([]))).await;
        assert_busy(&refused, "1 calls are running and 1 are waiting");
    }
    drop(running);
    assert_eq!(poll(&mut waiting).unwrap().result::<i64>(), 1);
    assert_eq!(ask(&service, call("quick")).await.result::<i64>(), 1);
}

#[tokio::test]
async fn load_shedding_in_front_lets_nobody_wait() {
    let limit = tower::ServiceBuilder::new().layer(LoadShedLayer::new()).layer(ConcurrencyLimitLayer::new(1));
    let service = service(&Gate::closed(), limit.into_inner());
    let running = open(&service, call("quick")).await;
    for generation in both() {
        assert_busy(&ask(&service, Ask::unary(generation, "quick", row([]))).await, "overloaded");
    }
    drop(running);
    assert_eq!(ask(&service, call("quick")).await.result::<i64>(), 1);
}

#[tokio::test]
async fn a_cancel_always_passes() {
    let full = ConcurrencyLimitLayer::new(1);
    let shed = tower::ServiceBuilder::new().layer(LoadShedLayer::new()).layer(ConcurrencyLimitLayer::new(1));
    let services = [
        service(&Gate::closed(), full),
        service(&Gate::closed(), ConcurrencyLimitLayer::new(1).max_waiting(0)),
        service(&Gate::closed(), shed.into_inner()),
        // Around the method, within a layer around everything.
        RpcService::builder()
            .protocol(protocol(&Gate::closed()).method_layer("count", ConcurrencyLimitLayer::new(1)))
            .token_keys(TokenKeys::new([7; 32]))
            .layer(ConcurrencyLimitLayer::new(1))
            .build()
            .unwrap(),
    ];
    for service in services {
        for generation in both() {
            let opened = ask(&service, Ask::init(generation, "count", row([]))).await;
            let _running = open(&service, streamed(generation)).await;
            let cancel = Ask::tick(generation, "count", &opened.tokens()).with(keys::CANCEL, "1");
            let answer = ask(&service, cancel.clone()).await;
            assert!(answer.failure().is_none() && answer.data().is_empty(), "{answer:?}");
            // It took no permit either: with an answer that nobody reads, the next one passes as well.
            let _unread = open(&service, cancel.clone()).await;
            assert!(ask(&service, cancel).await.failure().is_none());
        }
    }
}

#[tokio::test]
async fn one_value_around_several_methods_is_one_limit() {
    let gate = Gate::closed();
    let shared = ConcurrencyLimitLayer::new(1);
    let protocol = protocol(&gate)
        .method_layer("wait", shared.clone())
        .method_layer("other", shared)
        .method_layer("quick", ConcurrencyLimitLayer::new(1));
    let service = RpcService::builder().protocol(protocol).build().unwrap();
    let (mut wait, mut other) = (begin(&service, call("wait")), begin(&service, call("other")));
    assert!(poll(&mut wait).is_none() && poll(&mut other).is_none());
    assert_eq!(gate.inside.load(Ordering::SeqCst), 1, "the other one waits outside");
    assert_eq!(ask(&service, call("quick")).await.result::<i64>(), 1, "another value is another limit");
    gate.open.add_permits(2);
    let (wait, other) = (pin!(wait).await, pin!(other).await);
    assert_eq!((wait.result::<i64>(), other.result::<i64>()), (7, 7));
}
