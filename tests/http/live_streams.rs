//! Producers made of streams that cannot be written down.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use arrow_array::RecordBatch;
use futures_util::{Stream, StreamExt as _, stream};
use http_body_util::BodyExt as _;
use tokio::sync::mpsc;
use tower::ServiceExt as _;
use tower_vgi::rpc::{Generation, Method, Params, Producer, Protocol, RpcService, TokenKeys};
use tower_vgi::session::Sessions;
use tower_vgi::wire::keys;
use tower_vgi::{AuthContext, Record as _, ResponseBudget, Result, RpcError};

use crate::support::{Answer, Ask, Number, Tokens, ask, both, column, row};

const STREAMED: (&str, &str) = ("vgi-accept-producer-stream", "true");

type Batch = Result<RecordBatch>;

/// A server with live streams, and what a test sees of it.
struct Bench {
    service: RpcService,
    /// How many streams are gone.
    gone: Arc<AtomicUsize>,
    /// Feeds the stream of `fed`.
    feed: mpsc::UnboundedSender<Batch>,
}

/// A stream that says when it goes.
struct Watched<S>(S, Arc<AtomicUsize>);

impl<S: Stream + Unpin> Stream for Watched<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.0.poll_next_unpin(cx)
    }
}

impl<S> Drop for Watched<S> {
    fn drop(&mut self) {
        self.1.fetch_add(1, Ordering::SeqCst);
    }
}

fn batch(n: i64) -> RecordBatch {
    Number::to_batch([Number { n }].iter()).unwrap()
}

impl Bench {
    fn new() -> Self {
        Self::configured("here", Sessions::new())
    }

    fn configured(server_id: &str, sessions: Sessions) -> Self {
        let gone = Arc::<AtomicUsize>::default();
        let (feed, fed) = mpsc::unbounded_channel();
        let fed = Arc::new(Mutex::new(Some(fed)));
        let made = gone.clone();
        let count = move |params: Params| {
            let made = made.clone();
            async move {
                let n: i64 = params.get(0)?;
                // `-n` counts to `n` and panics.
                let counting = stream::iter(0..n.abs() + 1).filter_map(move |i| async move {
                    assert!(n > 0 || i < -n, "as the test wants it");
                    (i < n.abs()).then(|| Ok::<_, RpcError>(batch(i)))
                });
                Ok(Producer::from_stream(Watched(counting.boxed(), made)))
            }
        };
        let watch = gone.clone();
        let feed_stream = move |_: Params| {
            let (fed, watch) = (fed.clone(), watch.clone());
            async move {
                let mut fed = fed.lock().unwrap().take().unwrap();
                let batches = stream::poll_fn(move |cx| fed.poll_recv(cx));
                Ok(Producer::from_stream(Watched(batches, watch)))
            }
        };
        let protocol = Protocol::new("Calc")
            .version("1.2.3")
            .method(
                Method::producer("count")
                    .parameter::<i64>("n")
                    .rows::<Number>()
                    .handler(move |_, params| count(params)),
            )
            .method(Method::producer("fed").rows::<Number>().handler(move |_, params| feed_stream(params)));
        let service = RpcService::builder()
            .protocol(protocol)
            .server_id(server_id)
            .token_keys(TokenKeys::new([7; 32]))
            .sessions(sessions)
            .build()
            .unwrap();
        Self { service, gone, feed }
    }

    async fn ask(&self, request: Ask) -> Answer {
        ask(&self.service, request).await
    }

    fn gone(&self) -> usize {
        self.gone.load(Ordering::SeqCst)
    }

    fn parked(&self) -> usize {
        self.service.sessions().len()
    }
}

fn count(generation: Generation, n: i64) -> Ask {
    Ask::init(generation, "count", row([("n", column(n))]))
}

fn tick(generation: Generation, tokens: &Tokens) -> Ask {
    Ask::tick(generation, "count", tokens)
}

fn numbers(answer: &Answer) -> Vec<i64> {
    answer.data().iter().flat_map(|batch| Number::rows(&batch.batch).unwrap()).map(|row| row.n).collect()
}

fn assert_lost(answer: &Answer, text: &str) {
    let failure = answer.expect_failure();
    assert_eq!(failure.kind.as_deref(), Some("session_lost"), "{}", failure.message);
    assert!(failure.message.contains(text), "{}", failure.message);
}

fn assert_draining(answer: &Answer) {
    let failure = answer.expect_failure();
    assert_eq!(failure.kind.as_deref(), Some("server_draining"), "{}", failure.message);
}

#[tokio::test]
async fn callers_take_a_stream_turn_by_turn() {
    for generation in both() {
        let bench = Bench::new();
        let mut answer = bench.ask(count(generation, 4)).await;
        let mut tokens = answer.tokens();
        let mut used = tokens.clone();
        let mut turns = 1;
        let mut seen = numbers(&answer);
        while answer.goes_on() {
            assert_eq!((bench.parked(), bench.gone()), (1, 0));
            used = tokens.clone();
            answer = bench.ask(tick(generation, &tokens)).await;
            tokens = tokens.moved_to(&answer.tokens());
            seen.extend(numbers(&answer));
            turns += 1;
        }
        assert_eq!(seen, [0, 1, 2, 3]);
        // That the last one was the last was known with it.
        assert_eq!((turns, bench.parked(), bench.gone()), (4, 0, 1));
        assert_lost(&bench.ask(tick(generation, &used)).await, "it is over");
    }
}

#[tokio::test]
async fn callers_who_take_it_in_one_response_get_batches_as_they_come() {
    for generation in both() {
        let bench = Bench::new();
        bench.feed.send(Ok(batch(0))).unwrap();
        let request = Ask::init(generation, "fed", row([])).header(STREAMED.0, STREAMED.1).request();
        let response = bench.service.clone().oneshot(request).await.unwrap();
        let (parts, mut body) = response.into_parts();
        let mut bytes = Vec::new();
        for n in 1..100 {
            bytes.extend_from_slice(&body.frame().await.unwrap().unwrap().into_data().unwrap());
            bench.feed.send(Ok(batch(n))).unwrap();
        }
        assert_eq!(bench.parked(), 0, "what is sent as it comes needs no place");
        let Bench { feed, gone, .. } = bench;
        drop(feed);
        bytes.extend_from_slice(&body.collect().await.unwrap().to_bytes());
        let answer = Answer { status: parts.status, headers: parts.headers, body: bytes.into() };
        assert_eq!(numbers(&answer), (0..100).collect::<Vec<_>>());
        // There is no place in it to which a caller could go back.
        assert!(answer.batches().iter().all(|batch| !batch.metadata.contains(keys::STREAM_STATE)));
        assert_eq!(gone.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn a_stream_whose_caller_has_left_is_dropped() {
    let bench = Bench::new();
    bench.feed.send(Ok(batch(0))).unwrap();
    let request = Ask::init(Generation::Namespaced, "fed", row([])).header(STREAMED.0, STREAMED.1).request();
    let response = bench.service.clone().oneshot(request).await.unwrap();
    assert_eq!(bench.gone(), 0);
    drop(response);
    assert_eq!((bench.parked(), bench.gone()), (0, 1));
}

#[tokio::test]
async fn a_response_that_is_full_goes_on_in_another_one_without_loss() {
    for generation in both() {
        let bench = Bench::new();
        let budget = ResponseBudget { max_response_bytes: Some(70_000), ..ResponseBudget::default() };
        let streamed = |ask: Ask| {
            let mut request = ask.header(STREAMED.0, STREAMED.1).request();
            request.extensions_mut().insert(budget);
            async { Answer::collect(bench.service.clone().oneshot(request).await.unwrap()).await }
        };
        let mut answer = streamed(count(generation, 1000)).await;
        let (mut seen, mut tokens, mut responses) = (numbers(&answer), answer.tokens(), 1);
        while answer.goes_on() {
            answer = streamed(tick(generation, &tokens)).await;
            tokens = tokens.moved_to(&answer.tokens());
            seen.extend(numbers(&answer));
            responses += 1;
        }
        assert_eq!(seen, (0..1000).collect::<Vec<_>>());
        assert!(responses > 2, "{responses}");
        assert_eq!((bench.parked(), bench.gone()), (0, 1));
    }
}

#[tokio::test]
async fn nothing_is_left_of_a_stream_whose_first_batch_is_too_large() {
    let limit = ResponseBudget { max_response_bytes: Some(200), ..ResponseBudget::default() };
    for streamed in ["false", "true"] {
        let bench = Bench::new();
        let mut request = count(Generation::Namespaced, 10).header(STREAMED.0, streamed).request();
        request.extensions_mut().insert(limit);
        let answer = Answer::collect(bench.service.clone().oneshot(request).await.unwrap()).await;
        assert!(answer.expect_failure().message.contains("200"), "{answer:?}");
        assert_eq!((bench.parked(), bench.gone()), (0, 1), "{streamed}");
    }
}

#[tokio::test]
async fn a_batch_that_is_too_large_for_a_turn_can_be_had_with_more_room() {
    let bench = Bench::new();
    let tokens = bench.ask(count(Generation::Namespaced, 10)).await.tokens();
    let mut request = tick(Generation::Namespaced, &tokens).request();
    request.extensions_mut().insert(ResponseBudget { max_response_bytes: Some(200), ..ResponseBudget::default() });
    let answer = Answer::collect(bench.service.clone().oneshot(request).await.unwrap()).await;
    assert!(answer.failure().is_some());
    assert_eq!(numbers(&bench.ask(tick(Generation::Namespaced, &tokens)).await), [1]);
}

#[tokio::test]
async fn the_last_turn_can_be_asked_for_again_and_no_earlier_one() {
    for generation in both() {
        let bench = Bench::new();
        let first = bench.ask(count(generation, 10)).await.tokens();
        let answer = bench.ask(tick(generation, &first)).await;
        let second = first.moved_to(&answer.tokens());
        // The answer was lost on its way.
        let again = bench.ask(tick(generation, &first)).await;
        assert_eq!((numbers(&answer), numbers(&again)), (vec![1], vec![1]));
        let answer = bench.ask(tick(generation, &second)).await;
        assert_eq!(numbers(&answer), [2]);
        let third = first.moved_to(&answer.tokens());
        assert_lost(&bench.ask(tick(generation, &first)).await, "has gone on since");
        // That did no harm to those who are up to date.
        assert_eq!(numbers(&bench.ask(tick(generation, &third)).await), [3]);
    }
}

#[tokio::test]
async fn a_caller_who_leaves_in_the_middle_of_a_turn_can_come_back() {
    let bench = Bench::new();
    bench.feed.send(Ok(batch(0))).unwrap();
    let first = bench.ask(Ask::init(Generation::Namespaced, "fed", row([]))).await;
    let turn = || Ask::tick(Generation::Namespaced, "fed", &first.tokens());
    let waiting = tokio::time::timeout(Duration::from_millis(20), bench.ask(turn()));
    assert!(waiting.await.is_err());
    assert_eq!((bench.parked(), bench.gone()), (1, 0));
    bench.feed.send(Ok(batch(1))).unwrap();
    assert_eq!(numbers(&bench.ask(turn()).await), [1]);
}

#[tokio::test]
async fn another_worker_says_where_the_stream_is() {
    for generation in both() {
        let (here, there) = (Bench::new(), Bench::configured("there", Sessions::new()));
        let tokens = here.ask(count(generation, 10)).await.tokens();
        let answer = there.ask(tick(generation, &tokens)).await;
        assert_lost(&answer, "on server 'here', and its turn has reached server 'there'");
        // After a restart under the same name it is not there either.
        let restarted = Bench::new();
        assert_lost(&restarted.ask(tick(generation, &tokens)).await, "not here any more");
        assert_eq!(numbers(&here.ask(tick(generation, &tokens)).await), [1]);
    }
}

#[tokio::test]
async fn a_stream_is_its_callers_only() {
    let bench = Bench::new();
    let send = async |auth: &AuthContext, ask: Ask| {
        let mut request = ask.request();
        request.extensions_mut().insert(auth.clone());
        Answer::collect(bench.service.clone().oneshot(request).await.unwrap()).await
    };
    let (alice, bob) = (AuthContext::authenticated("test", "alice"), AuthContext::authenticated("test", "bob"));
    let tokens = send(&alice, count(Generation::Namespaced, 10)).await.tokens();
    assert_eq!(send(&bob, tick(Generation::Namespaced, &tokens)).await.status.as_u16(), 400);
    assert_eq!(numbers(&send(&alice, tick(Generation::Namespaced, &tokens)).await), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_nobody_asks_for_is_dropped_in_time() {
    let sessions = Sessions::builder().idle_stream_time_to_live(Duration::from_secs(10)).build();
    let bench = Bench::configured("here", sessions);
    let mut tokens = bench.ask(count(Generation::Namespaced, 10)).await.tokens();
    // Each turn begins the time anew.
    for n in 1..=3 {
        tokio::time::sleep(Duration::from_secs(8)).await;
        let answer = bench.ask(tick(Generation::Namespaced, &tokens)).await;
        assert_eq!(numbers(&answer), [n]);
        tokens = tokens.moved_to(&answer.tokens());
    }
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!((bench.parked(), bench.gone()), (0, 1));
    assert_lost(&bench.ask(tick(Generation::Namespaced, &tokens)).await, "idle for too long");
}

#[tokio::test]
async fn a_cancel_drops_the_stream() {
    for generation in both() {
        let bench = Bench::new();
        let tokens = bench.ask(count(generation, 10)).await.tokens();
        bench.ask(tick(generation, &tokens).with(keys::CANCEL, "true")).await;
        assert_eq!((bench.parked(), bench.gone()), (0, 1));
    }
}

#[tokio::test]
async fn an_error_and_a_panic_end_the_stream() {
    let bench = Bench::new();
    bench.feed.send(Ok(batch(0))).unwrap();
    bench.feed.send(Err(RpcError::value_error("broken").into())).unwrap();
    let answer = bench.ask(Ask::init(Generation::Namespaced, "fed", row([]))).await;
    let answer = bench.ask(Ask::tick(Generation::Namespaced, "fed", &answer.tokens())).await;
    assert_eq!(answer.expect_failure().message, "broken");
    assert_eq!((bench.parked(), bench.gone()), (0, 1));

    let bench = Bench::new();
    let answer = bench.ask(count(Generation::Namespaced, -1)).await;
    assert!(answer.expect_failure().message.contains("panicked"), "{answer:?}");
    assert_eq!((bench.parked(), bench.gone()), (0, 1));
}

#[tokio::test]
async fn there_are_only_so_many_streams() {
    let bench = Bench::configured("here", Sessions::builder().max_sessions(1).build());
    let first = bench.ask(count(Generation::Namespaced, 10)).await.tokens();
    let failure = bench.ask(count(Generation::Namespaced, 10)).await.expect_failure();
    assert_eq!(failure.code, "RESOURCE_EXHAUSTED");
    assert_eq!((bench.parked(), bench.gone()), (1, 1));
    // What fits into one response needs no place.
    assert!(!bench.ask(count(Generation::Namespaced, 1)).await.goes_on());
    assert_eq!(numbers(&bench.ask(tick(Generation::Namespaced, &first)).await), [1]);
}

#[tokio::test]
async fn streams_go_on_while_the_server_drains_and_end_with_it() {
    let bench = Bench::new();
    let tokens = bench.ask(count(Generation::Namespaced, 10)).await.tokens();
    let drain = bench.service.sessions().drain_handle();
    drain.drain();
    let answer = bench.ask(tick(Generation::Namespaced, &tokens)).await;
    assert_eq!((numbers(&answer), bench.parked()), (vec![1], 1));
    drain.shutdown().await;
    assert_eq!((bench.parked(), bench.gone()), (0, 1));
    // Nothing is kept any more.
    assert_draining(&bench.ask(count(Generation::Namespaced, 10)).await);
    assert_eq!((bench.parked(), bench.gone()), (0, 2));
}

#[tokio::test]
async fn no_stream_begins_that_the_drain_would_cut() {
    for generation in both() {
        let bench = Bench::new();
        bench.feed.send(Ok(batch(0))).unwrap();
        let streamed = Ask::init(generation, "fed", row([])).header(STREAMED.0, STREAMED.1).request();
        let streamed = bench.service.clone().oneshot(streamed).await.unwrap();
        bench.service.sessions().drain_handle().drain();
        // One that takes more than one response would have to be kept.
        assert_draining(&bench.ask(count(generation, 10)).await);
        assert_eq!((bench.parked(), bench.gone()), (0, 1));
        // Others go on to their end, old and new.
        assert_eq!(numbers(&bench.ask(count(generation, 1)).await), [0]);
        let Bench { feed, .. } = bench;
        feed.send(Ok(batch(1))).unwrap();
        drop(feed);
        assert_eq!(numbers(&Answer::collect(streamed).await), [0, 1]);
    }
}

#[tokio::test]
async fn a_cancel_finds_a_stream_that_is_in_a_turn() {
    for generation in both() {
        let bench = Bench::new();
        bench.feed.send(Ok(batch(0))).unwrap();
        let tokens = bench.ask(Ask::init(generation, "fed", row([]))).await.tokens();
        let turn = || Ask::tick(generation, "fed", &tokens);
        let mut waiting = pin!(bench.ask(turn()));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        bench.ask(turn().with(keys::CANCEL, "true")).await;
        // The turn had it first, and still does.
        assert_eq!((bench.parked(), bench.gone()), (1, 0));
        bench.feed.send(Ok(batch(1))).unwrap();
        assert_eq!(numbers(&waiting.await), [1]);
        assert_eq!((bench.parked(), bench.gone()), (0, 1));
        assert_lost(&bench.ask(turn()).await, "it is over");
    }
}

#[tokio::test]
async fn a_cancel_after_a_turn_that_was_given_up_drops_the_stream() {
    let bench = Bench::new();
    bench.feed.send(Ok(batch(0))).unwrap();
    let tokens = bench.ask(Ask::init(Generation::Namespaced, "fed", row([]))).await.tokens();
    let turn = || Ask::tick(Generation::Namespaced, "fed", &tokens);
    {
        let mut waiting = pin!(bench.ask(turn()));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        bench.ask(turn().with(keys::CANCEL, "true")).await;
    }
    assert_eq!((bench.parked(), bench.gone()), (0, 1));
}

#[tokio::test]
async fn a_turn_that_is_asked_for_again_while_it_runs_waits_for_it() {
    for generation in both() {
        let bench = Bench::new();
        bench.feed.send(Ok(batch(0))).unwrap();
        let tokens = bench.ask(Ask::init(generation, "fed", row([]))).await.tokens();
        let turn = || Box::pin(bench.ask(Ask::tick(generation, "fed", &tokens)));
        let (mut first, mut second, mut third) = (turn(), turn(), turn());
        for turn in [&mut first, &mut second, &mut third] {
            assert!(futures_util::poll!(turn).is_pending());
        }
        // Its connection broke.
        drop(first);
        assert!(futures_util::poll!(&mut second).is_pending());
        bench.feed.send(Ok(batch(1))).unwrap();
        assert_eq!((numbers(&second.await), numbers(&third.await)), (vec![1], vec![1]));
        assert_eq!((bench.parked(), bench.gone()), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_does_not_expire_in_the_middle_of_a_turn() {
    let sessions = Sessions::builder().idle_stream_time_to_live(Duration::from_secs(1)).build();
    let bench = Bench::configured("here", sessions);
    bench.feed.send(Ok(batch(0))).unwrap();
    let tokens = bench.ask(Ask::init(Generation::Namespaced, "fed", row([]))).await.tokens();
    let mut turn = Box::pin(bench.ask(Ask::tick(Generation::Namespaced, "fed", &tokens)));
    assert!(tokio::time::timeout(Duration::from_secs(5), &mut turn).await.is_err());
    bench.feed.send(Ok(batch(1))).unwrap();
    let answer = turn.await;
    assert_eq!(numbers(&answer), [1]);
    // From here on it is idle.
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert_eq!((bench.parked(), bench.gone()), (1, 0));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!((bench.parked(), bench.gone()), (0, 1));
}
