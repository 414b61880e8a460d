//! Sessions in streams.

use super::*;

#[tokio::test]
async fn streams_use_the_session_of_each_turn() {
    for generation in both() {
        let bench = Bench::new();
        let token = bench.open(generation).await;
        let mut answer = bench.ask(Ask::init(generation, "count", row([])).of(&token)).await;
        let mut tokens = answer.tokens();
        for expected in 1..=3 {
            assert_eq!(numbers(&answer), [expected]);
            tokens = tokens.moved_to(&answer.tokens());
            answer = bench.ask(Ask::tick(generation, "count", &tokens).of(&token)).await;
        }
        assert!(answer.failure().is_none());

        let answer = bench.ask(Ask::init(generation, "adds", row([])).of(&token)).await;
        let tokens = answer.tokens();
        let turn = Ask::turn(generation, "adds", &tokens, row([("n", column(10_i64))]));
        let answer = bench.ask(turn.clone().of(&token)).await;
        assert_eq!(numbers(&answer), [13]);
        // Without its session the turn fails, and with a lost one it does not run.
        assert!(bench.ask(turn.clone()).await.expect_failure().message.contains("no session"));
        assert_lost(&bench.ask(turn.of("lost")).await, "cannot be opened");
    }
}

#[tokio::test]
async fn a_producer_that_is_read_slowly_keeps_nobody_waiting() {
    for generation in both() {
        let bench = Bench::new();
        let token = bench.open(generation).await;
        let count = Ask::init(generation, "count", row([])).of(&token).header("vgi-accept-producer-stream", "true");
        let response = bench.stacked().oneshot(count.request().map(Body::new)).await.unwrap();
        // One step has been taken, the others wait for somebody who reads.
        assert_eq!(bench.next(&token).await.result::<i64>(), 2);
        assert_eq!(numbers(&Answer::collect(response).await), [1, 3, 4]);
    }
}

#[tokio::test]
async fn a_session_is_lost_in_the_middle_of_a_stream() {
    let bench = Bench::new();
    let token = bench.open(Generation::Namespaced).await;
    let count =
        Ask::init(Generation::Namespaced, "count", row([])).of(&token).header("vgi-accept-producer-stream", "true");
    let response = bench.stacked().oneshot(count.request().map(Body::new)).await.unwrap();
    bench.ask(unary(Generation::Namespaced, "close").of(&token)).await;
    let answer = Answer::collect(response).await;
    assert_eq!(answer.data().len(), 1);
    assert_eq!(answer.expect_failure().kind.as_deref(), Some("session_lost"));
}

#[tokio::test]
async fn a_streamed_response_opens_sessions_with_its_first_step_only() {
    for generation in both() {
        let bench = Bench::new();
        let late = || Ask::init(generation, "opens_late", row([])).accepting();
        let request = late().header("vgi-accept-producer-stream", "true").request().map(Body::new);
        let answer = Answer::collect(bench.stacked().oneshot(request).await.unwrap()).await;
        assert!(answer.expect_failure().message.contains("too late"));
        // Turn by turn each response has a head.
        let answer = bench.ask(late()).await;
        let turn = Ask::tick(generation, "opens_late", &answer.tokens()).accepting();
        assert!(bench.ask(turn).await.header("vgi-session").is_some());
    }
}

#[tokio::test]
async fn a_stream_that_keeps_the_session_for_itself_fails_instead_of_waiting_for_itself() {
    for generation in both() {
        for (method, streamed) in [("holding", "false"), ("holding", "true"), ("taking", "false"), ("taking", "true")] {
            let bench = Bench::new();
            let token = bench.open(generation).await;
            let stream =
                Ask::init(generation, method, row([])).of(&token).header("vgi-accept-producer-stream", streamed);
            let answer = tokio::time::timeout(Duration::from_secs(30), bench.ask(stream)).await.expect(method);
            assert!(answer.expect_failure().message.contains("guard of the session"), "{answer:?}");
            // It has gone with its guard, and others have the session.
            let next = tokio::time::timeout(Duration::from_secs(30), bench.next(&token));
            assert_eq!(next.await.expect(method).result::<i64>(), 1);
            assert_eq!(bench.service.sessions().len(), 1);
        }
    }
}
