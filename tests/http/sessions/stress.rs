//! Many clients at once, over sockets: they open and use sessions, end them while others use them, and leave at any time.
//!
//! A few seconds by default; `TOWER_VGI_STRESS_SECONDS=30` for longer. What the clients do follows from
//! `TOWER_VGI_STRESS_SEED`, which a failure shows; in which order the server gets to it does not.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;
use http::{Method as Verb, StatusCode};
use serde::{Deserialize, Serialize};
use tower_vgi::rpc::{CallContext, Generation, Method, Output, Params, Producer, ProducerState, Protocol, RpcService};
use tower_vgi::session::DrainHandle;
use tower_vgi::{Result, RpcError};
use tower_vgi_layers::Stack;

use super::SessionAsk;
use crate::support::{Answer, Ask, Number, Server, column, row};

const CLIENTS: u64 = 64;

/// An object that notices when two calls have it at once.
struct Object {
    number: i64,
    uses: i64,
    inside: Arc<AtomicUsize>,
}

/// What became of all objects.
#[derive(Default)]
struct Ledger {
    made: AtomicI64,
    /// How often each was closed.
    closed: Mutex<HashMap<i64, usize>>,
    shared: AtomicUsize,
}

impl Ledger {
    fn open(self: &Arc<Self>, ctx: &CallContext, time_to_live: Duration) -> Result<i64> {
        let number = self.made.fetch_add(1, Ordering::SeqCst);
        let object = Object { number, uses: 0, inside: Arc::default() };
        let ledger = self.clone();
        ctx.open_session_closing(object, time_to_live, move |object| async move {
            // An end that takes time can be begun a second time.
            tokio::task::yield_now().await;
            *ledger.closed.lock().unwrap().entry(object.number).or_default() += 1;
        })?;
        Ok(number)
    }

    /// Uses the object for a while; gives which one it is.
    async fn enter(&self, ctx: &CallContext, microseconds: i64) -> Result<i64> {
        let mut object = ctx.session::<Object>()?;
        let _inside = Inside::new(&object.inside, &self.shared);
        let before = object.uses;
        if microseconds > 0 {
            tokio::time::sleep(Duration::from_micros(microseconds.unsigned_abs())).await;
        }
        object.uses += 1;
        if object.uses != before + 1 {
            self.shared.fetch_add(1, Ordering::SeqCst);
        }
        Ok(object.number)
    }
}

/// One call that has the object.
struct Inside(Arc<AtomicUsize>);

impl Inside {
    fn new(inside: &Arc<AtomicUsize>, shared: &AtomicUsize) -> Self {
        if inside.fetch_add(1, Ordering::SeqCst) > 0 {
            shared.fetch_add(1, Ordering::SeqCst);
        }
        Self(inside.clone())
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Serialize, Deserialize)]
struct Uses(i64);

impl ProducerState for Uses {
    async fn produce(&mut self, ctx: &CallContext, output: &mut Output) -> Result<()> {
        let ledger = ctx.extensions().get::<Arc<Ledger>>().cloned();
        let ledger = ledger.ok_or_else(|| RpcError::runtime_error("no ledger"))?;
        let number = ledger.enter(ctx, 0).await?;
        self.0 -= 1;
        if self.0 == 0 {
            output.finish()?;
        }
        output.emit_rows(&[Number { n: number }])
    }
}

fn stack(ledger: &Arc<Ledger>) -> (Stack, DrainHandle) {
    let with_ledger = |method: &'static str| {
        let ledger = ledger.clone();
        (Method::unary(method).parameter::<i64>("n"), ledger)
    };
    let (open, ledger_of_open) = with_ledger("open");
    let (enter, ledger_of_enter) = with_ledger("enter");
    let argument = |params: &Params| params.get::<i64>(0);
    let protocol = Protocol::new("Calc")
        .version("1.2.3")
        .method(open.handler(move |ctx, params| {
            let ledger = ledger_of_open.clone();
            async move { ledger.open(&ctx, Duration::from_millis(argument(&params)?.unsigned_abs())) }
        }))
        .method(enter.handler(move |ctx, params| {
            let ledger = ledger_of_enter.clone();
            async move { ledger.enter(&ctx, argument(&params)?).await }
        }))
        .method(Method::unary("close").handler(|ctx, _| async move { ctx.close_session().await }))
        .method(Method::producer("uses").rows::<Number>().handler(|_, _| async { Ok(Producer::new(Uses(20))) }));
    let service = RpcService::builder().protocol(protocol).build().unwrap();
    let drain = service.sessions().drain_handle();
    let known = ledger.clone();
    let stack = Stack::builder(service).sticky(true).outside(
        tower_vgi_layers::stack::Place::Sticky,
        tower::util::MapRequestLayer::new(move |mut request: http::Request<tower_vgi::Body>| {
            request.extensions_mut().insert(known.clone());
            request
        }),
    );
    (stack.build().unwrap(), drain)
}

/// One client, which does what its dice say.
struct Client {
    server: Arc<Server>,
    random: Rng,
    generation: Generation,
}

impl Client {
    async fn round(&mut self) {
        // Some expire in use.
        let time_to_live = if self.random.u8(..) < 64 { self.random.i64(1..30) } else { 60_000 };
        let open = self.unary("open", time_to_live).accepting();
        if self.random.u8(..) < 16 {
            return self.leave(open).await;
        }
        let mut connection = self.server.connect().await;
        let answer = connection.send(open).await;
        let (number, token) = (answer.result::<i64>(), answer.header("vgi-session").unwrap().to_owned());
        for _ in 0..self.random.usize(0..4) {
            let microseconds = self.random.i64(0..500);
            let answer = connection.send(self.unary("enter", microseconds).of(&token)).await;
            if !is_fine(&answer, number) {
                return;
            }
        }
        match self.random.u8(0..6) {
            // Left to its time, or to the end of the server.
            0 => {}
            1 => drop(connection.send(self.delete(&token)).await),
            2 => {
                let use_it = self.unary("enter", 300).of(&token);
                self.leave(use_it).await;
            }
            3 => {
                let uses = Ask::init(self.generation, "uses", row([])).of(&token);
                let body = connection.open(uses.header("vgi-accept-producer-stream", "true")).await;
                // Perhaps in the middle.
                drop(body);
            }
            _ => self.race(number, &token).await,
        }
    }

    /// Uses and ends at the same time: whoever is late finds nothing, and nobody finds something else.
    async fn race(&mut self, number: i64, token: &str) {
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..self.random.usize(2..5) {
            let ask = match self.random.u8(0..4) {
                0 => self.delete(token),
                1 => Ask::unary(self.generation, "close", row([])).of(token),
                _ => self.unary("enter", self.random.clone().i64(0..300)).of(token),
            };
            let server = self.server.clone();
            calls.spawn(async move {
                let returns_number = ask.path.ends_with("enter");
                let answer = server.connect().await.send(ask).await;
                if returns_number {
                    is_fine(&answer, number);
                }
            });
        }
        while let Some(call) = calls.join_next().await {
            call.unwrap();
        }
    }

    async fn leave(&mut self, ask: Ask) {
        let patience = Duration::from_micros(self.random.u64(0..400));
        let mut connection = self.server.connect().await;
        // Answered in time or not.
        let _ = tokio::time::timeout(patience, connection.send(ask)).await;
    }

    fn unary(&self, method: &str, n: i64) -> Ask {
        Ask::unary(self.generation, method, row([("n", column(n))]))
    }

    fn delete(&self, token: &str) -> Ask {
        Ask::add(self.generation).verb(Verb::DELETE).path("/__session__").body("").header("vgi-session", token)
    }
}

/// Whether the session is still there; if it is, it has to be the right one.
fn is_fine(answer: &Answer, number: i64) -> bool {
    assert_eq!(answer.status, StatusCode::OK);
    match answer.failure() {
        Some(failure) => {
            assert_eq!(failure.kind.as_deref(), Some("session_lost"), "{}", failure.message);
            false
        }
        None => {
            assert_eq!(answer.result::<i64>(), number);
            true
        }
    }
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is no number: {value}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_object_is_closed_once_whatever_its_callers_do() {
    let seed = from_environment("TOWER_VGI_STRESS_SEED").unwrap_or_else(|| fastrand::u64(..));
    let end = from_environment("TOWER_VGI_STRESS_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    println!("TOWER_VGI_STRESS_SEED={seed}");
    let ledger = Arc::<Ledger>::default();
    let (stack, drain) = stack(&ledger);
    let server = Arc::new(Server::start(stack).await);
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..CLIENTS {
        let generation = if number % 2 == 0 { Generation::Flat } else { Generation::Namespaced };
        let mut client =
            Client { server: server.clone(), random: Rng::with_seed(seed.wrapping_add(number)), generation };
        clients.spawn(async move {
            let mut rounds = 0;
            while end.map_or(rounds < 8, |end| Instant::now() < end) {
                client.round().await;
                rounds += 1;
            }
        });
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    drain.shutdown().await;
    let closed = ledger.closed.lock().unwrap();
    let made = ledger.made.load(Ordering::SeqCst);
    println!("{made} objects");
    let wrong: Vec<_> = (0..made).map(|number| (number, closed.get(&number))).filter(|(_, n)| *n != Some(&1)).collect();
    assert!(wrong.is_empty(), "not closed once: {wrong:?}");
    assert_eq!(ledger.shared.load(Ordering::SeqCst), 0, "two calls had the same object at once");
    assert_eq!(drain.remaining(), 0);
}
