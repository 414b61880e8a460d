//! Tokens that cannot be used (§5.6), and those that can be used where callers of some releases need it.

use std::time::Duration;

use arrow_array::RecordBatch;
use tower_vgi::AuthContext;
use tower_vgi::rpc::{Generation, RpcService, TokenKeys};
use tower_vgi::wire::keys;

use crate::support::{Answer, Ask, Server, Tokens, ask, both, builder, column, row, service};

const MISSING: &str = "Missing state token in exchange request";
const MALFORMED: &str = "Malformed state token";
const FORGED: &str = "State token signature verification failed";
const MALFORMED_CALL: &str = "Malformed call token";
const FORGED_CALL: &str = "Call token signature verification failed";
const OTHER_CALL: &str = "State token does not belong to the supplied call token";
const MISSING_CALL: &str = "Missing call token in exchange request";

/// How a kind of stream is opened and goes on.
struct Stream {
    method: &'static str,
    parameters: fn() -> RecordBatch,
    input: fn() -> RecordBatch,
}

const STREAMS: [Stream; 2] = [
    Stream {
        method: "count",
        parameters: || row([("n", column(100_i64)), ("fails_at", column(-1_i64))]),
        input: || row([]).slice(0, 0),
    },
    Stream { method: "scale", parameters: || row([("factor", column(2.0))]), input: || row([("value", column(21.0))]) },
];

impl Stream {
    fn init(&self, generation: Generation) -> Ask {
        Ask::init(generation, self.method, (self.parameters)())
    }

    fn turn(&self, generation: Generation, tokens: &Tokens) -> Ask {
        Ask::turn(generation, self.method, tokens, (self.input)())
    }
}

fn assert_refused(answer: &Answer, text: &str, what: &str) {
    let failure = answer.expect_failure();
    let seen = (answer.status.as_u16(), failure.exception.as_str(), failure.message.as_str());
    assert_eq!(seen, (400, "RuntimeError", text), "{what}");
    assert!(!answer.says_error() && answer.schema().fields().is_empty(), "{what}");
}

/// Changes one character of the sealed bytes, and stays base64.
fn tampered(token: &Option<String>) -> Option<String> {
    let mut token = token.clone().unwrap().into_bytes();
    let middle = token.len() / 2;
    token[middle] = if token[middle] == b'A' { b'B' } else { b'A' };
    Some(String::from_utf8(token).unwrap())
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[tokio::test]
async fn tokens_that_cannot_be_opened_are_refused_and_the_stream_goes_on_with_good_ones() {
    let server = Server::start(service()).await;
    for generation in both() {
        for stream in &STREAMS {
            let mut connection = server.connect().await;
            let good = connection.send(stream.init(generation)).await.tokens();
            let other = connection.send(stream.init(generation)).await.tokens();
            assert!(good.cursor.is_some() && good.call.is_some());
            let cases = [
                ("no token", Tokens::default(), MISSING),
                ("no cursor", Tokens { cursor: None, ..good.clone() }, MISSING),
                ("no base64", Tokens { cursor: some("%%%"), ..good.clone() }, MALFORMED),
                ("empty", Tokens { cursor: some(""), ..good.clone() }, FORGED),
                ("short", Tokens { cursor: some("AAAA"), ..good.clone() }, FORGED),
                ("tampered", Tokens { cursor: tampered(&good.cursor), ..good.clone() }, FORGED),
                ("the call token as cursor", Tokens { cursor: good.call.clone(), call: None }, FORGED),
                ("call token no base64", Tokens { call: some("%%%"), ..good.clone() }, MALFORMED_CALL),
                ("call token tampered", Tokens { call: tampered(&good.call), ..good.clone() }, FORGED_CALL),
                ("the cursor as call token", Tokens { call: good.cursor.clone(), ..good.clone() }, FORGED_CALL),
                ("call token of another call", Tokens { call: other.call, ..good.clone() }, OTHER_CALL),
            ];
            for (name, tokens, text) in cases {
                let what = format!("{generation:?} {}: {name}", stream.method);
                assert_refused(&connection.send(stream.turn(generation, &tokens)).await, text, &what);
                let cancel = stream.turn(generation, &tokens).with(keys::CANCEL, "1");
                assert_refused(&connection.send(cancel).await, text, &format!("{what}, cancelled"));
                let answer = connection.send(stream.turn(generation, &good)).await;
                assert_eq!(answer.data().len(), 1, "{what}: the good tokens");
            }
        }
    }
}

#[tokio::test]
async fn a_call_token_is_issued_once_and_a_cursor_is_enough_until_it_has_been_echoed() {
    let service = service();
    for generation in both() {
        for stream in &STREAMS {
            let opened = ask(&service, stream.init(generation)).await.tokens();
            // The oldest callers never echo the call token.
            let mut cursor = opened.cursor_only();
            for _ in 0..3 {
                let answer = ask(&service, stream.turn(generation, &cursor)).await;
                cursor = answer.tokens();
                assert!(cursor.cursor.is_some() && cursor.call.is_none(), "{generation:?} {}", stream.method);
            }
            // Later ones do, always; what they get then may rely on it.
            let echoed = ask(&service, stream.turn(generation, &opened)).await.tokens();
            assert_eq!(echoed.call, None);
            let next = opened.moved_to(&echoed);
            assert!(ask(&service, stream.turn(generation, &next)).await.goes_on());
            assert_refused(&ask(&service, stream.turn(generation, &echoed)).await, MISSING_CALL, stream.method);
        }
    }
}

#[tokio::test]
async fn tokens_are_good_on_their_own_routes_only() {
    let service = service();
    for generation in both() {
        let [count, scale] = &STREAMS;
        let tokens = ask(&service, count.init(generation)).await.tokens();
        assert_refused(&ask(&service, scale.turn(generation, &tokens)).await, FORGED, "another method");
    }
    for [from, to] in [[Generation::Flat, Generation::Namespaced], [Generation::Namespaced, Generation::Flat]] {
        for stream in &STREAMS {
            let tokens = ask(&service, stream.init(from)).await.tokens();
            assert_refused(&ask(&service, stream.turn(to, &tokens)).await, FORGED, "another generation");
        }
    }
}

#[tokio::test]
async fn tokens_are_bound_to_who_opened_the_stream() {
    async fn as_caller(service: &RpcService, caller: Option<&AuthContext>, request: Ask) -> Answer {
        let mut request = request.request();
        if let Some(caller) = caller {
            request.extensions_mut().insert(caller.clone());
        }
        Answer::collect(tower::ServiceExt::oneshot(service.clone(), request).await.unwrap()).await
    }
    let alice = AuthContext::authenticated("jwt", "alice");
    let bob = AuthContext::authenticated("jwt", "bob");
    let elsewhere = AuthContext::authenticated("mtls", "alice");
    let bound = AuthContext::authenticated("jwt", "alice").bound_to("mesh");
    let otherwise = AuthContext::authenticated("jwt", "alice").bound_to("me").bound_to("sh");
    let somebody = AuthContext::anonymous().bound_to("mesh");
    let callers = [None, Some(&alice), Some(&bob), Some(&elsewhere), Some(&bound), Some(&otherwise), Some(&somebody)];
    let service = service();
    for generation in both() {
        for stream in &STREAMS {
            for (opener, caller) in callers.iter().enumerate() {
                let tokens = as_caller(&service, *caller, stream.init(generation)).await.tokens();
                for (other, caller) in callers.iter().enumerate() {
                    for tokens in [tokens.clone(), tokens.cursor_only()] {
                        let answer = as_caller(&service, *caller, stream.turn(generation, &tokens)).await;
                        if opener == other {
                            assert_eq!(answer.data().len(), 1);
                        } else {
                            assert_refused(&answer, FORGED, &format!("{opener} opened, {other} goes on"));
                        }
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn workers_with_the_same_key_take_each_others_streams_and_keys_rotate() {
    let with = |keys: TokenKeys| builder().token_keys(keys).build().unwrap();
    let (old, new) = ([1; 32], [2; 32]);
    let before = with(TokenKeys::new(old));
    let twin = with(TokenKeys::new(old));
    let during = with(TokenKeys::new(new).with_previous(old));
    let after = with(TokenKeys::new(new));
    for generation in both() {
        for stream in &STREAMS {
            let opened = ask(&before, stream.init(generation)).await.tokens();
            for tokens in [opened.clone(), opened.cursor_only()] {
                assert_eq!(ask(&twin, stream.turn(generation, &tokens)).await.data().len(), 1);
                assert_refused(&ask(&after, stream.turn(generation, &tokens)).await, FORGED, "a retired key");
                let renewed = ask(&during, stream.turn(generation, &tokens)).await.tokens();
                let next = if tokens.call.is_some() { tokens.moved_to(&renewed) } else { renewed };
                // The call token is still of the old key, the cursor of the new one.
                let answer = ask(&after, stream.turn(generation, &next)).await;
                match next.call {
                    Some(_) => assert_refused(&answer, FORGED_CALL, "the call token's key is retired"),
                    None => assert_eq!(answer.data().len(), 1),
                }
            }
        }
    }
}

#[tokio::test]
async fn tokens_expire() {
    let short = builder().token_time_to_live(Duration::from_secs(1)).build().unwrap();
    let server = Server::start(short).await;
    let mut connection = server.connect().await;
    let mut opened = Vec::new();
    for generation in both() {
        for stream in &STREAMS {
            opened.push((generation, stream, connection.send(stream.init(generation)).await.tokens()));
        }
    }
    // Ages are counted in whole seconds.
    tokio::time::sleep(Duration::from_millis(2100)).await;
    for (generation, stream, tokens) in opened {
        for tokens in [tokens.clone(), tokens.cursor_only()] {
            let answer = connection.send(stream.turn(generation, &tokens)).await;
            assert_refused(&answer, "State token expired", stream.method);
        }
        // Age counts only for what is authentic.
        let forged = Tokens { cursor: tampered(&tokens.cursor), ..tokens };
        assert_refused(&connection.send(stream.turn(generation, &forged)).await, FORGED, stream.method);
        assert_eq!(connection.send(Ask::add(generation)).await.result::<f64>(), 3.0);
    }
}

#[tokio::test]
async fn a_cursor_may_be_used_again_also_after_an_error() {
    let service = service();
    for generation in both() {
        let tokens = ask(&service, STREAMS[1].init(generation)).await.tokens();
        let bad = Ask::turn(generation, "scale", &tokens, row([("value", column(-1.0))]));
        let answer = ask(&service, bad).await;
        assert_eq!(answer.expect_failure().message, "negative");
        assert!(!answer.goes_on(), "an error carries no new token");
        for _ in 0..2 {
            let answer = ask(&service, STREAMS[1].turn(generation, &tokens)).await;
            assert!(answer.goes_on());
        }
    }
}
