//! Opening, using and ending sessions with single calls.

use super::*;

#[tokio::test]
async fn a_session_is_opened_used_and_closed() {
    for generation in both() {
        let bench = Bench::new();
        let open = unary(generation, "open").batch(row([("value", column(5_i64))])).accepting();
        let opened = bench.ask(open).await;
        let token = opened.header("vgi-session").unwrap();
        assert_eq!((opened.header("vgi-echo-x-machine"), opened.header("vgi-session-close")), (Some("7"), None));
        for expected in [6, 7] {
            let answer = bench.ask(unary(generation, "next").of(token)).await;
            assert_eq!(answer.result::<i64>(), expected);
            assert_eq!((answer.header("vgi-session"), answer.header("vgi-echo-x-machine")), (None, None));
        }
        assert_eq!(bench.ask(unary(generation, "id").of(token)).await.result::<String>().len(), 24);
        let answer = bench.ask(unary(generation, "close").of(token)).await;
        assert_eq!((answer.header("vgi-session-close"), bench.closed()), (Some("true"), 1));
        assert_lost(&bench.ask(unary(generation, "next").of(token)).await, "no such session");
    }
}

#[tokio::test]
async fn a_caller_has_to_say_that_it_keeps_sessions_and_a_server_to_have_them() {
    for generation in both() {
        let bench = Bench::new();
        let open = unary(generation, "open").batch(row([("value", column(0_i64))]));
        let failure = bench.ask(open.clone()).await.expect_failure();
        assert_eq!(failure.exception, "RuntimeError");
        assert!(failure.message.contains("VGI-Session-Accept"), "{}", failure.message);
        let failure = crate::support::ask(&bench.service, open.accepting()).await.expect_failure();
        assert!(failure.message.contains("not available"), "{}", failure.message);
        let failure = bench.ask(unary(generation, "next")).await.expect_failure();
        assert!(failure.message.contains("has no session"), "{}", failure.message);
        assert_eq!(bench.closed(), 2, "what could not be kept is gone");
    }
}

#[tokio::test]
async fn a_token_is_good_for_its_caller_and_its_server() {
    let bench = Bench::new();
    let other_worker = Bench::configured("there", Sessions::new());
    let alice = AuthContext::authenticated("test", "alice").with_claim("jti", "1");
    let open = unary(Generation::Namespaced, "open").batch(row([("value", column(0_i64))])).accepting();
    let answer = bench.ask_as(&alice, open).await;
    let token = answer.header("vgi-session").unwrap();
    let next = || unary(Generation::Namespaced, "next").of(token);
    let renewed = AuthContext::authenticated("test", "alice").with_claim("jti", "2");
    assert_eq!(bench.ask_as(&renewed, next()).await.result::<i64>(), 1);
    let bound = alice.clone().bound_to("mesh");
    for other in [AuthContext::anonymous(), AuthContext::authenticated("test", "bob"), bound] {
        assert_lost(&bench.ask_as(&other, next()).await, "cannot be opened");
    }
    let answer = other_worker.ask_as(&alice, next()).await;
    assert_lost(&answer, "on server 'here', and this request has reached server 'there'");
    for damaged in ["not a token", "%%%", &token[1..], &format!("{token}A")] {
        let answer = bench.ask_as(&alice, unary(Generation::Flat, "next").of(damaged)).await;
        assert_lost(&answer, "cannot be opened");
    }
    assert_eq!(bench.ask_as(&alice, next()).await.result::<i64>(), 2);
}

#[tokio::test]
async fn deleting_a_session_tells_nobody_whether_it_was_there() {
    let bench = Bench::new();
    let token = bench.open(Generation::Namespaced).await;
    let delete = |token: &str| {
        let ask = Ask::add(Generation::Flat).verb(Verb::DELETE).path("/__session__").body("");
        if token.is_empty() { ask } else { ask.header("vgi-session", token) }
    };
    let bob = AuthContext::authenticated("test", "bob");
    for answer in [
        bench.ask(delete("")).await,
        bench.ask(delete("garbage")).await,
        bench.ask_as(&bob, delete(&token)).await,
        Bench::configured("there", Sessions::new()).ask(delete(&token)).await,
    ] {
        assert_eq!((answer.status, answer.body.len(), answer.headers.len()), (StatusCode::OK, 0, 0));
    }
    assert_eq!(bench.next(&token).await.result::<i64>(), 1);
    let answer = bench.ask(delete(&token)).await;
    assert_eq!((answer.status, answer.header("vgi-session-close")), (StatusCode::NO_CONTENT, Some("true")));
    assert_eq!(bench.closed(), 1);
    assert_eq!(bench.ask(delete(&token)).await.status, StatusCode::OK);
    assert_lost(&bench.next(&token).await, "no such session");
}

#[tokio::test]
async fn a_draining_server_refuses_new_sessions() {
    let bench = Bench::new();
    let token = bench.open(Generation::Namespaced).await;
    bench.sticky.drain_handle().drain();
    for generation in both() {
        let open = unary(generation, "open").batch(row([("value", column(0_i64))])).accepting();
        let answer = bench.ask(open).await;
        let failure = answer.expect_failure();
        assert_eq!((failure.exception.as_str(), failure.code.as_str()), ("ServerDrainingError", "UNAVAILABLE"));
        assert_eq!((failure.kind.as_deref(), answer.says_error()), (Some("server_draining"), true));
        assert_eq!(failure.details.unwrap()[0]["@type"], "vgi_rpc.RetryInfo");
        assert_eq!(answer.header("vgi-session"), None);
    }
    assert_eq!(bench.next(&token).await.result::<i64>(), 1);
}

#[tokio::test]
async fn there_are_only_so_many_sessions() {
    let bench = Bench::configured("here", Sessions::builder().max_sessions_per_caller(1).build());
    bench.open(Generation::Namespaced).await;
    let open = || unary(Generation::Namespaced, "open").batch(row([("value", column(0_i64))])).accepting();
    let failure = bench.ask(open()).await.expect_failure();
    assert_eq!(failure.code, "RESOURCE_EXHAUSTED");
    assert!(failure.message.contains("anonymous callers may hold 1 sessions"), "{}", failure.message);
    let alice = AuthContext::authenticated("test", "alice");
    assert!(bench.ask_as(&alice, open()).await.header("vgi-session").is_some());
}

#[tokio::test]
async fn a_caller_learns_of_the_session_of_a_call_that_failed() {
    let bench = Bench::new();
    let fail = unary(Generation::Namespaced, "open_and_fail").batch(row([("value", column(1_i64))])).accepting();
    let answer = bench.ask(fail).await;
    assert!(answer.failure().is_some());
    assert_eq!(bench.next(answer.header("vgi-session").unwrap()).await.result::<i64>(), 2);
}

#[tokio::test]
async fn a_session_whose_caller_has_gone_before_it_knew_is_closed() {
    let bench = Bench::new();
    let hang = unary(Generation::Namespaced, "open_and_hang").batch(row([("value", column(0_i64))])).accepting();
    {
        let mut hanging = pin!(bench.ask(hang));
        let given_up = tokio::time::timeout(Duration::from_millis(20), &mut hanging).await;
        assert!(given_up.is_err());
        assert_eq!((bench.closed(), bench.service.sessions().len()), (0, 1));
    }
    assert_eq!((bench.closed(), bench.service.sessions().len()), (1, 0));
}

#[tokio::test]
async fn a_panic_leaves_the_session() {
    let bench = Bench::new();
    let token = bench.open(Generation::Namespaced).await;
    let answer = bench.ask(unary(Generation::Namespaced, "panic").of(&token)).await;
    assert!(answer.expect_failure().message.contains("panicked"));
    assert_eq!(bench.next(&token).await.result::<i64>(), 101);
}

#[tokio::test]
async fn calls_of_a_session_wait_for_each_other_and_leave_when_their_caller_does() {
    let bench = Bench::new();
    let (first, other) = (bench.open(Generation::Namespaced).await, bench.open(Generation::Namespaced).await);
    let server = bench.server().await;
    let wait = |token: &str| unary(Generation::Namespaced, "wait").of(token);
    let mut connection = server.connect().await;
    let ask = wait(&first);
    let running = tokio::spawn(async move { connection.send(ask).await.result::<i64>() });
    until(|| bench.inside.load(Ordering::SeqCst) == 1).await;
    // A second one waits, until its caller leaves.
    let leaving = server.connect().await.send_and_leave(wait(&first), tokio::time::sleep(Duration::from_millis(30)));
    leaving.await;
    let mut connection = server.connect().await;
    let ask = unary(Generation::Namespaced, "next").of(&first);
    let last = tokio::spawn(async move { connection.send(ask).await.result::<i64>() });
    // Other sessions do not wait.
    assert_eq!(bench.next(&other).await.result::<i64>(), 1);
    assert_eq!(bench.inside.load(Ordering::SeqCst), 1);
    assert!(!last.is_finished());
    bench.gate.add_permits(1);
    assert_eq!((running.await.unwrap(), last.await.unwrap()), (1, 2));
}

#[tokio::test]
async fn what_cannot_be_kept_is_closed_whatever_the_reason() {
    for generation in both() {
        let bench = Bench::new();
        let open = unary(generation, "open_closing");
        // A caller who does not keep sessions.
        assert!(bench.ask(open.clone()).await.expect_failure().message.contains("does not keep sessions"));
        until(|| bench.closed() == 1).await;
        // A server without the layer.
        let answer = crate::support::ask(&bench.service, open.accepting()).await;
        assert!(answer.expect_failure().message.contains("not available"));
        until(|| bench.closed() == 2).await;
    }
}
