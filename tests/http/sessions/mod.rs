//! Sticky sessions over HTTP: what callers of both generations see of them.

mod calls;
mod streams;
mod stress;

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue, Method as Verb, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tower::util::BoxCloneService;
use tower::{Layer as _, ServiceExt, service_fn};
use tower_vgi::rpc::{
    CallContext, Exchange, ExchangeState, Generation, LiveStream, Method, Output, Producer, ProducerState, Protocol,
    RpcService, TokenKeys,
};
use tower_vgi::session::Sessions;
use tower_vgi::wire::AnnotatedBatch;
use tower_vgi::{AuthContext, Body, Record, Result, RpcError};
use tower_vgi_layers::sticky::StickyLayer;

use crate::support::{Answer, Ask, Number, Server, both, column, row};

/// What a session keeps here.
struct Counter {
    value: i64,
    /// Counts the ends of counters.
    closed: Arc<AtomicUsize>,
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.closed.fetch_add(1, Ordering::SeqCst);
    }
}

fn add(ctx: &CallContext, by: i64) -> Result<i64> {
    let mut counter = ctx.session::<Counter>()?;
    counter.value += by;
    Ok(counter.value)
}

/// Counts on with the guard that the method took.
fn holding(ctx: &CallContext) -> Result<Producer<LiveStream>> {
    let guard = ctx.session::<Counter>()?;
    let counting = stream::unfold(guard, |mut counter| async move {
        counter.value += 1;
        Some((Number::to_batch([Number { n: counter.value }].iter()), counter))
    });
    Ok(Producer::from_stream(counting))
}

/// As [`holding`], with a guard that the first step takes.
fn taking(ctx: &CallContext) -> Result<Producer<LiveStream>> {
    let counting = stream::unfold((ctx.clone(), None), |(ctx, guard)| async move {
        let guard = guard.map_or_else(|| ctx.session::<Counter>(), Ok).unwrap();
        Some((Number::to_batch([Number { n: guard.value }].iter()), (ctx, Some(guard))))
    });
    Ok(Producer::from_stream(counting))
}

/// Adds one with each step.
#[derive(Serialize, Deserialize)]
struct Steps(i64);

impl ProducerState for Steps {
    async fn produce(&mut self, ctx: &CallContext, output: &mut Output) -> Result<()> {
        if self.0 == 0 {
            return output.finish();
        }
        self.0 -= 1;
        output.emit_rows(&[Number { n: add(ctx, 1)? }])
    }
}

/// Opens a session with its second step, and emits what came of it.
#[derive(Serialize, Deserialize)]
struct OpensLate(bool);

impl ProducerState for OpensLate {
    async fn produce(&mut self, ctx: &CallContext, output: &mut Output) -> Result<()> {
        if std::mem::replace(&mut self.0, true) {
            ctx.open_session((), None)?;
        }
        output.emit_rows(&[Number { n: 0 }])
    }
}

#[derive(Serialize, Deserialize)]
struct Adds;

impl ExchangeState for Adds {
    async fn exchange(&mut self, ctx: &CallContext, input: AnnotatedBatch, output: &mut Output) -> Result<()> {
        let by: i64 = Number::rows(&input.batch)?.iter().map(|row| row.n).sum();
        output.emit_rows(&[Number { n: add(ctx, by)? }])
    }
}

/// What a method does after it has opened a session.
#[derive(Clone, Copy)]
enum After {
    Succeed,
    Fail,
    Hang,
}

fn opening(closed: &Arc<AtomicUsize>, name: &str, after: After) -> Method {
    let closed = closed.clone();
    Method::unary(name).parameter::<i64>("value").handler(move |ctx, params| {
        let closed = closed.clone();
        async move {
            ctx.open_session(Counter { value: params.get(0)?, closed }, None)?;
            match after {
                After::Succeed => Ok(()),
                After::Fail => Err(RpcError::value_error("after all"))?,
                After::Hang => std::future::pending().await,
            }
        }
    })
}

/// Opens a session whose object is closed by a function.
fn opening_closing(closed: &Arc<AtomicUsize>) -> Method {
    let closed = closed.clone();
    Method::unary("open_closing").handler(move |ctx, _| {
        let closed = closed.clone();
        async move {
            ctx.open_session_closing(closed, None, |closed| async move {
                closed.fetch_add(1, Ordering::SeqCst);
            })
        }
    })
}

/// A server with sessions, and what a test sees of it.
struct Bench {
    service: RpcService,
    sticky: StickyLayer,
    closed: Arc<AtomicUsize>,
    /// Lets calls of `wait` go on.
    gate: Arc<Semaphore>,
    /// How many are in `wait`.
    inside: Arc<AtomicUsize>,
}

type Stacked = BoxCloneService<Request<Body>, Response<Body>, Infallible>;

impl Bench {
    fn new() -> Self {
        Self::configured("here", Sessions::new())
    }

    fn configured(server_id: &str, sessions: Sessions) -> Self {
        let (closed, gate) = (Arc::<AtomicUsize>::default(), Arc::new(Semaphore::new(0)));
        let inside = Arc::<AtomicUsize>::default();
        let wait = {
            let (gate, inside) = (gate.clone(), inside.clone());
            Method::unary("wait").handler(move |ctx, _| {
                let (gate, inside) = (gate.clone(), inside.clone());
                async move {
                    inside.fetch_add(1, Ordering::SeqCst);
                    gate.acquire().await?.forget();
                    inside.fetch_sub(1, Ordering::SeqCst);
                    add(&ctx, 1)
                }
            })
        };
        let protocol = Protocol::new("Calc")
            .version("1.2.3")
            .method(opening(&closed, "open", After::Succeed))
            .method(opening(&closed, "open_and_fail", After::Fail))
            .method(opening(&closed, "open_and_hang", After::Hang))
            .method(opening_closing(&closed))
            .method(wait)
            .method(Method::unary("next").handler(|ctx, _| async move { add(&ctx, 1) }))
            .method(Method::unary("close").handler(|ctx, _| async move { ctx.close_session().await }))
            .method(
                Method::unary("id")
                    .handler(|ctx, _| async move { Ok(ctx.session_id().map(|id| id.to_string()).unwrap_or_default()) }),
            )
            .method(Method::unary("panic").handler(|ctx, _| async move {
                let mut counter = ctx.session::<Counter>()?;
                counter.value = 100;
                panic!("as the test wants it");
                #[allow(unreachable_code)]
                Ok(())
            }))
            .method(Method::producer("count").rows::<Number>().handler(|_, _| async { Ok(Producer::new(Steps(3))) }))
            .method(Method::producer("holding").rows::<Number>().handler(|ctx, _| async move { holding(&ctx) }))
            .method(Method::producer("taking").rows::<Number>().handler(|ctx, _| async move { taking(&ctx) }))
            .method(
                Method::producer("opens_late")
                    .rows::<Number>()
                    .handler(|_, _| async { Ok(Producer::new(OpensLate(false))) }),
            )
            .method(
                Method::exchange("adds").rows::<Number, Number>().handler(|_, _| async { Ok(Exchange::new(Adds)) }),
            );
        let service = RpcService::builder()
            .protocol(protocol)
            .server_id(server_id)
            .token_keys(TokenKeys::new([7; 32]))
            .sessions(sessions)
            .build()
            .unwrap();
        let echo = (HeaderName::from_static("x-machine"), HeaderValue::from_static("7"));
        let sticky = StickyLayer::new(&service).echo_headers(&HeaderMap::from_iter([echo]));
        Self { service, sticky, closed, gate, inside }
    }

    fn stacked(&self) -> Stacked {
        let service = self.sticky.layer(self.service.clone());
        let service = ServiceExt::<Request<Body>>::map_response(service, |response| response.map(Body::from));
        BoxCloneService::new(service)
    }

    async fn server(&self) -> Server {
        let service = self.stacked();
        Server::start(service_fn(move |request: Request<Incoming>| service.clone().oneshot(request.map(Body::new))))
            .await
    }

    async fn ask(&self, ask: Ask) -> Answer {
        self.ask_as(&AuthContext::anonymous(), ask).await
    }

    async fn ask_as(&self, caller: &AuthContext, ask: Ask) -> Answer {
        let mut request = ask.request().map(Body::new);
        request.extensions_mut().insert(caller.clone());
        Answer::collect(self.stacked().oneshot(request).await.unwrap()).await
    }

    /// Opens a session; gives its token.
    async fn open(&self, generation: Generation) -> String {
        let answer = self.ask(unary(generation, "open").batch(row([("value", column(0_i64))])).accepting()).await;
        answer.header("vgi-session").unwrap_or_else(|| panic!("{:?}", answer.failure())).to_owned()
    }

    async fn next(&self, token: &str) -> Answer {
        self.ask(unary(Generation::Namespaced, "next").of(token)).await
    }

    fn closed(&self) -> usize {
        self.closed.load(Ordering::SeqCst)
    }
}

fn unary(generation: Generation, method: &str) -> Ask {
    Ask::unary(generation, method, row([]))
}

trait SessionAsk {
    fn accepting(self) -> Self;
    fn of(self, token: &str) -> Self;
}

impl SessionAsk for Ask {
    fn accepting(self) -> Self {
        self.header("vgi-session-accept", "TRUE")
    }

    fn of(self, token: &str) -> Self {
        self.accepting().header("vgi-session", token)
    }
}

fn assert_lost(answer: &Answer, text: &str) {
    let failure = answer.expect_failure();
    assert_eq!((answer.status, answer.says_error()), (StatusCode::OK, true));
    assert_eq!(failure.exception, "SessionLostError");
    assert_eq!((failure.kind.as_deref(), failure.code.as_str()), (Some("session_lost"), "ABORTED"));
    assert!(failure.message.contains(text), "{}", failure.message);
    assert!(answer.schema().fields().is_empty());
}

fn numbers(answer: &Answer) -> Vec<i64> {
    answer.data().iter().flat_map(|batch| Number::rows(&batch.batch).unwrap()).map(|row| row.n).collect()
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
