//! Who calls: what is bound to them, what they may do, and how often.

use std::future::ready;
use std::net::SocketAddr;

use http::request::Parts;
use http::{Request, StatusCode};
use tower::ServiceBuilder;
use tower_vgi::rpc::{Generation, Protocol, RpcService, TokenKeys};
use tower_vgi::wire::keys;
use tower_vgi::{AuthContext, PeerAddr};
use tower_vgi_layers::auth::{AuthError, AuthLayer};
use tower_vgi_layers::rate_limit::{CallRateLimitLayer, Rate};
use tower_vgi_layers::scope::RequireScopeLayer;

use crate::support::{Answer, Ask, Number, Tokens, ask, both, calc, column, row};

/// Callers are who they say, with the scopes that they say they have.
fn caller(request: &Parts) -> Result<AuthContext, AuthError> {
    let text = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    Ok(match text("x-user") {
        Some(name) => AuthContext::authenticated(text("x-domain").unwrap_or("test"), name)
            .with_claim("scope", text("x-scope").unwrap_or("")),
        None => AuthContext::anonymous(),
    })
}

fn service(protocol: Protocol) -> RpcService {
    RpcService::builder().protocol(protocol).token_keys(TokenKeys::new([7; 32])).build().unwrap()
}

async fn send(service: &RpcService, user: Option<&str>, request: Ask) -> Answer {
    let layered =
        ServiceBuilder::new().layer(AuthLayer::new(|request: &Parts| ready(caller(request)))).service(service.clone());
    let request = match user {
        Some(user) => request.header("x-user", user),
        None => request,
    };
    ask(&layered, request).await
}

fn add(generation: Generation) -> Ask {
    Ask::add(generation)
}

async fn open(service: &RpcService, generation: Generation, user: Option<&str>) -> Tokens {
    send(service, user, Ask::init(generation, "count", row([("n", column(5_i64)), ("fails_at", column(-1_i64))])))
        .await
        .tokens()
}

#[tokio::test]
async fn the_tokens_of_a_stream_are_of_use_to_their_caller_only() {
    let service = service(calc());
    for generation in both() {
        let tokens = open(&service, generation, Some("alice")).await;
        let next = Ask::tick(generation, "count", &tokens);
        let of_others = [(Some("bob"), "test"), (None, "test"), (Some("alice"), "another"), (Some("alic"), "etest")];
        for (user, domain) in of_others {
            let answer = send(&service, user, Ask::tick(generation, "count", &tokens).header("x-domain", domain)).await;
            let failure = answer.expect_failure();
            assert!(failure.message.contains("token"), "{user:?} {domain}: {}", failure.message);
        }
        let answer = send(&service, Some("alice"), next).await;
        assert_eq!(Number::rows_of(&answer).len(), 1);
    }
}

#[tokio::test]
async fn a_caller_without_the_scope_is_told_which_one_is_missing() {
    let service = service(
        calc().layer(RequireScopeLayer::new("read")).method_layer("add", RequireScopeLayer::any_of(["write", "admin"])),
    );
    for generation in both() {
        let refusal = async |user, scope: &str| {
            send(&service, user, add(generation).header("x-scope", scope)).await.expect_failure()
        };
        let refused = refusal(Some("alice"), "write").await;
        assert_eq!(refused.exception, "PermissionError");
        assert!(refused.message.contains("add needs the scope 'read'"), "{}", refused.message);
        let refused = refusal(Some("alice"), "read").await;
        assert!(refused.message.contains("'write', 'admin'"), "{}", refused.message);
        let refused = refusal(None, "read write").await;
        assert!(refused.message.contains("a caller who is known"), "{}", refused.message);
        let answer = send(&service, Some("alice"), add(generation).header("x-scope", "admin read")).await;
        assert_eq!(answer.result::<f64>(), 3.0);
    }
}

#[tokio::test]
async fn each_caller_has_a_rate_of_their_own() {
    for generation in both() {
        let service = service(calc().layer(CallRateLimitLayer::per_caller(Rate::per_minute(1).burst(2))));
        for user in [Some("alice"), Some("bob"), None] {
            for _ in 0..2 {
                assert_eq!(send(&service, user, add(generation)).await.result::<f64>(), 3.0);
            }
            let answer = send(&service, user, add(generation)).await;
            assert_eq!(answer.status, StatusCode::OK);
            let refused = answer.expect_failure();
            assert!(refused.message.contains("more often than its limit"), "{}", refused.message);
        }
    }
}

#[tokio::test]
async fn unknown_callers_are_counted_by_their_network() {
    let service = service(calc().layer(CallRateLimitLayer::per_caller(Rate::per_minute(1))));
    let passes = async |address: &str| {
        let address = SocketAddr::new(address.parse().unwrap(), 1);
        let from = ServiceBuilder::new()
            .map_request(move |mut request: Request<_>| {
                request.extensions_mut().insert(PeerAddr(address));
                request
            })
            .service(service.clone());
        ask(&from, add(Generation::Namespaced)).await.failure().is_none()
    };
    assert!(passes("2001:db8::1").await && passes("2001:db8:0:1::1").await && passes("10.0.0.1").await);
    for address in ["2001:db8::1", "2001:db8::2", "2001:db8::ffff:0:0:1", "::ffff:10.0.0.1"] {
        assert!(!passes(address).await, "{address}");
    }
}

#[tokio::test]
async fn each_method_has_a_rate_of_its_own() {
    let service = service(calc().layer(CallRateLimitLayer::per_method(Rate::per_minute(1))));
    let generation = Generation::Namespaced;
    assert_eq!(send(&service, Some("alice"), add(generation)).await.result::<f64>(), 3.0);
    assert!(send(&service, Some("bob"), add(generation)).await.failure().is_some());
    assert!(open(&service, generation, Some("bob")).await.cursor.is_some());
}

#[tokio::test]
async fn a_cancel_always_passes() {
    for generation in both() {
        let service = service(
            calc().layer(CallRateLimitLayer::per_caller(Rate::per_minute(1))).layer(RequireScopeLayer::new("read")),
        );
        let request = Ask::init(generation, "count", row([("n", column(5_i64)), ("fails_at", column(-1_i64))]))
            .header("x-scope", "read");
        let tokens = send(&service, Some("alice"), request).await.tokens();
        let tick = || Ask::tick(generation, "count", &tokens).header("x-scope", "read");
        assert!(send(&service, Some("alice"), tick()).await.failure().is_some());
        let cancel = Ask::tick(generation, "count", &tokens).with(keys::CANCEL, "1");
        let answer = send(&service, Some("alice"), cancel).await;
        assert_eq!((answer.status, answer.failure().is_none()), (StatusCode::OK, true));
    }
}
