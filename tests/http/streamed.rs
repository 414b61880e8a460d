//! Producers as one streamed response, for callers that ask for it: our extension of the protocol.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt as _;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tower::ServiceExt as _;
use tower_vgi::rpc::{CallContext, Generation, Method, Output, Producer, ProducerState, Protocol, RpcService};
use tower_vgi::wire::{AnnotatedBatch, Event, IncrementalDecoder, Limits, keys};
use tower_vgi::{ResponseBudget, Result, RpcError, VgiArrow};

use crate::support::{Answer, Ask, Number, Server, Tokens, ask, both, column, row};

const HEADER: &str = "vgi-accept-producer-stream";

#[derive(Debug, PartialEq, VgiArrow)]
struct Header {
    total: i64,
}

/// Counts to `n` in batches of `rows`, and fails at a number.
#[derive(Serialize, Deserialize)]
struct Count {
    next: i64,
    n: i64,
    rows: i64,
    fails_at: i64,
}

impl ProducerState for Count {
    async fn produce(&mut self, context: &CallContext, output: &mut Output) -> Result<()> {
        // A test may let each step pass one by one.
        if let Some(gate) = context.extensions().get::<Arc<Semaphore>>() {
            gate.acquire().await?.forget();
        }
        if self.next >= self.n {
            return output.finish();
        }
        if self.next == self.fails_at {
            Err(RpcError::value_error(format!("no {}", self.next)))?;
        }
        let end = (self.next + self.rows).min(self.n);
        let rows: Vec<Number> = (self.next..end).map(|n| Number { n }).collect();
        self.next = end;
        output.emit_rows(&rows)
    }
}

fn service() -> RpcService {
    let state = |params: tower_vgi::rpc::Params| -> Result<Count> {
        Ok(Count { next: 0, n: params.get(0)?, rows: params.get(1)?, fails_at: params.get(2)? })
    };
    let count = |name: &str| {
        let method = Method::producer(name).parameter::<i64>("n").parameter::<i64>("rows");
        method.parameter::<i64>("fails_at").rows::<Number>()
    };
    let protocol = Protocol::new("Calc")
        .version("1.2.3")
        .method(count("count").handler(move |_, params| async move { Ok(Producer::new(state(params)?)) }))
        .method(count("titled").handler(move |_, params| async move {
            let state = state(params)?;
            let header = Header { total: state.n };
            Ok(Producer::with_header(state, header))
        }));
    RpcService::builder().protocol(protocol).build().unwrap()
}

fn init(generation: Generation, method: &str, n: i64, rows: i64, fails_at: i64) -> Ask {
    let parameters = row([("n", column(n)), ("rows", column(rows)), ("fails_at", column(fails_at))]);
    Ask::init(generation, method, parameters)
}

fn streamed(generation: Generation, n: i64, rows: i64) -> Ask {
    init(generation, "count", n, rows, -1).header(HEADER, "true")
}

fn all(n: i64) -> Vec<i64> {
    (0..n).collect()
}

#[tokio::test]
async fn callers_that_do_not_ask_get_one_batch_a_response() {
    let service = service();
    for generation in both() {
        for request in [
            init(generation, "count", 3, 1, -1),
            init(generation, "count", 3, 1, -1).header(HEADER, "false"),
            init(generation, "count", 3, 1, -1).header(HEADER, "1"),
        ] {
            let answer = ask(&service, request).await;
            assert_eq!((Number::rows_of(&answer), answer.goes_on()), (vec![0], true));
        }
    }
}

#[tokio::test]
async fn callers_that_ask_get_all_in_one_response() {
    let service = service();
    for generation in both() {
        let answer = ask(&service, streamed(generation, 100, 1)).await;
        assert_eq!((Number::rows_of(&answer), answer.data().len()), (all(100), 100));
        assert!(!answer.says_error());
        let last = answer.batches().pop().unwrap();
        assert!(!last.metadata.contains(keys::STREAM_STATE), "the end of the stream is its end");
        let nothing = ask(&service, streamed(generation, 0, 1)).await;
        assert_eq!((nothing.batches().len(), nothing.goes_on()), (0, false));
    }
}

#[tokio::test]
async fn a_header_comes_first() {
    let service = service();
    for generation in both() {
        let answer = ask(&service, init(generation, "titled", 5, 1, -1).header(HEADER, "true")).await;
        let streams = answer.streams();
        assert_eq!(streams.len(), 2);
        assert_eq!(streams[0].0.field(0).name(), "total");
        assert_eq!(Number::rows_of(&answer), all(5));
    }
}

/// The batches that carry a cursor, with how many rows had come when it did.
fn cursors(answer: &Answer) -> Vec<(usize, Tokens)> {
    let mut rows = 0;
    let mut cursors = Vec::new();
    for batch in answer.batches() {
        rows += batch.batch.num_rows();
        if batch.metadata.contains(keys::STREAM_STATE) {
            cursors.push((rows, Tokens::of(&batch.metadata)));
        }
    }
    cursors
}

#[tokio::test]
async fn a_broken_stream_resumes_from_every_cursor_without_loss_or_repetition() {
    let service = service();
    for generation in both() {
        // Many small batches, and few large ones: cursors come by count and by size.
        for (n, rows) in [(200, 1), (100_000, 20_000)] {
            let answer = ask(&service, streamed(generation, n, rows)).await;
            let cursors = cursors(&answer);
            assert!(cursors.len() > 2, "{} cursors", cursors.len());
            let first = cursors[0].1.clone();
            assert!(first.call.is_some(), "the first cursor brings the call token");
            for (index, (seen, tokens)) in cursors.iter().enumerate() {
                assert!(index == 0 || tokens.call.is_none(), "and no later one does");
                for tokens in [first.moved_to(tokens), tokens.cursor_only()] {
                    let resume = Ask::tick(generation, "count", &tokens).header(HEADER, "true");
                    let rest = ask(&service, resume).await;
                    assert_eq!(Number::rows_of(&rest), all(n)[*seen..]);
                }
                // And one by one.
                let next = ask(&service, Ask::tick(generation, "count", &first.moved_to(tokens))).await;
                assert_eq!(Number::rows_of(&next).first().copied(), all(n).get(*seen).copied());
            }
        }
    }
}

#[tokio::test]
async fn an_error_in_the_middle_travels_in_band_and_keeps_what_came_before() {
    let service = service();
    for generation in both() {
        let answer = ask(&service, init(generation, "count", 10, 1, 4).header(HEADER, "true")).await;
        assert_eq!((answer.status.as_u16(), answer.says_error()), (200, false), "the head had gone");
        assert_eq!(Number::rows_of(&answer), all(4));
        assert_eq!(answer.expect_failure().message, "no 4");
        assert!(matches!(answer.batches().pop().unwrap().kind(), tower_vgi::wire::BatchKind::Error { .. }));
    }
}

#[tokio::test]
async fn an_error_in_the_first_step_is_said_in_the_head() {
    let service = service();
    for generation in both() {
        let answer = ask(&service, init(generation, "count", 10, 1, 0).header(HEADER, "true")).await;
        assert_eq!((answer.status.as_u16(), answer.says_error()), (200, true));
        assert_eq!(answer.expect_failure().message, "no 0");
    }
}

async fn with_budget(service: &RpcService, limit: u64, request: Ask) -> Answer {
    let mut request = request.request();
    let budget = ResponseBudget { max_response_bytes: Some(limit), preferred_response_bytes: None };
    request.extensions_mut().insert(budget);
    Answer::collect(service.clone().oneshot(request).await.unwrap()).await
}

#[tokio::test]
async fn a_response_ends_with_a_cursor_where_its_budget_is_used_up() {
    let service = service();
    let limit = 65_536;
    for generation in both() {
        let mut answer = with_budget(&service, limit, streamed(generation, 60_000, 500)).await;
        let opened = answer.tokens();
        let (mut rows, mut responses) = (Number::rows_of(&answer), 1);
        while answer.batches().last().is_some_and(|last| last.metadata.contains(keys::STREAM_STATE)) {
            assert!(answer.body.len() as u64 <= limit, "{} bytes", answer.body.len());
            assert!(answer.data().len() > 1, "more than one batch fits");
            let last = Tokens::of(&answer.batches().last().unwrap().metadata);
            let resume = Ask::tick(generation, "count", &opened.moved_to(&last)).header(HEADER, "true");
            answer = with_budget(&service, limit, resume).await;
            rows.extend(Number::rows_of(&answer));
            responses += 1;
        }
        assert_eq!(rows, all(60_000));
        assert!(responses >= 60_000 * 8 / limit as usize, "{responses} responses");
    }
}

#[tokio::test]
async fn a_first_batch_over_the_budget_is_an_error_where_the_budget_is_hard() {
    let service = service();
    let answer = with_budget(&service, 65_536, streamed(Generation::Namespaced, 100_000, 50_000)).await;
    assert_eq!(answer.expect_failure().exception, "ResponseTooLargeError");
    assert!(answer.says_error() && answer.data().is_empty());
    let answer = with_budget(&service, 65_536, streamed(Generation::Flat, 100_000, 50_000)).await;
    assert_eq!((answer.data().len(), answer.goes_on()), (1, true), "where it is soft one is sent all the same");
}

#[tokio::test]
async fn a_batch_that_fits_alone_is_sent_alone() {
    let service = service();
    let limit = 65_536;
    // 62,000 bytes of rows: no room for what a second batch would need, but enough to the byte.
    let mut answer = with_budget(&service, limit, streamed(Generation::Namespaced, 20_000, 7_750)).await;
    let opened = answer.tokens();
    let mut rows = Number::rows_of(&answer);
    while answer.goes_on() {
        assert!(answer.body.len() as u64 <= limit && answer.data().len() == 1, "{} bytes", answer.body.len());
        let last = Tokens::of(&answer.batches().last().unwrap().metadata);
        let resume = Ask::tick(Generation::Namespaced, "count", &opened.moved_to(&last)).header(HEADER, "true");
        answer = with_budget(&service, limit, resume).await;
        rows.extend(Number::rows_of(&answer));
    }
    assert_eq!(rows, all(20_000));
}

/// Batches as they arrive over a connection.
struct Arriving {
    body: hyper::body::Incoming,
    decoder: IncrementalDecoder,
}

impl Arriving {
    async fn next(&mut self) -> Option<AnnotatedBatch> {
        loop {
            while let Some(event) = self.decoder.next_event().unwrap() {
                if let Event::Batch(batch) = event {
                    return Some(batch);
                }
            }
            let frame =
                tokio::time::timeout(Duration::from_secs(60), self.body.frame()).await.expect("a frame in time");
            self.decoder.push(frame?.unwrap().into_data().unwrap());
        }
    }
}

#[tokio::test]
async fn each_batch_arrives_before_the_next_is_made() {
    let gate = Arc::new(Semaphore::new(0));
    let inner = gate.clone();
    let service = tower::ServiceBuilder::new()
        .map_request(move |mut request: http::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(inner.clone());
            request
        })
        .service(service());
    let server = Server::start(service).await;
    for generation in both() {
        let mut connection = server.connect().await;
        gate.add_permits(1);
        let response = connection.open(streamed(generation, 3, 1)).await;
        let mut arriving = Arriving { body: response.into_body(), decoder: IncrementalDecoder::new(Limits::default()) };
        for n in 0..3 {
            // The step after this batch waits for its permit, which it gets only when the batch is here.
            let batch = arriving.next().await.unwrap();
            assert_eq!(<Number as tower_vgi::Record>::rows(&batch.batch).unwrap(), [Number { n }]);
            gate.add_permits(1);
        }
        assert!(arriving.next().await.is_none());
        assert_eq!(gate.available_permits(), 0);
    }
}
