//! The layer with its providers, around a service of the tests' own.

use std::convert::Infallible;
use std::future::{pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use serde_json::{Map, Value, json};
use tower::{ServiceExt, service_fn};
use tower_layer::Layer;
use tower_vgi::call_record::RefusedToken;
use tower_vgi::{AuthContext, AuthReason, Body, CallRecord, Capabilities};

use super::*;
use crate::response::ResponseBody;
use crate::testing::collect;

mod at_once;
#[cfg(feature = "serve")]
mod long_tokens;

fn alice() -> AuthContext {
    AuthContext::authenticated("bearer", "alice")
}

fn tokens() -> BearerTokens {
    BearerTokens::new([("s3cret", alice())])
}

fn post(headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::post("/no/such/method").body(Body::from("a body that nobody reads")).unwrap();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
    }
    request
}

/// The service inside says whom it sees.
async fn send(layer: &AuthLayer, request: Request<Body>) -> Response<ResponseBody<Body>> {
    let service = layer.layer(service_fn(async |request: Request<Body>| {
        let caller = request.extensions().get::<AuthContext>();
        let caller = caller.map_or(Value::Null, |caller| json!([caller.domain, caller.principal, caller.claims]));
        Ok::<_, Infallible>(Response::new(Body::from(caller.to_string())))
    }));
    service.oneshot(request).await.unwrap()
}

async fn json_of(response: Response<ResponseBody<Body>>) -> Value {
    serde_json::from_slice(&collect(response.into_body()).await.unwrap()).unwrap()
}

async fn reason(authenticator: impl Authenticate, request: Request<Body>) -> Result<Value, String> {
    let response = send(&AuthLayer::new(authenticator), request).await;
    match response.status() {
        StatusCode::OK => Ok(json_of(response).await),
        _ => Err(response.headers()["vgi-auth-reason"].to_str().unwrap().to_owned()),
    }
}

fn refuse(reason: AuthReason) -> impl Authenticate {
    move |_: &Parts| ready(Err(AuthError::refused(reason, "the detail")))
}

#[tokio::test]
async fn whoever_is_known_passes() {
    let response = send(&AuthLayer::new(tokens()), post(&[("authorization", "Bearer s3cret")])).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(!response.headers().contains_key("vgi-auth-reason"));
    assert_eq!(json_of(response).await, json!(["bearer", "alice", {}]));
    // Whoever may stay unknown passes, too, and is told apart from somebody of whom no layer said anything.
    let anybody = |_: &Parts| ready(Ok(AuthContext::anonymous()));
    assert_eq!(reason(anybody, post(&[])).await, Ok(json!(["", "", {}])));
}

#[tokio::test]
async fn a_refusal_tells_programs_why() {
    for refused in [
        AuthReason::MissingCredential,
        AuthReason::InvalidCredential,
        AuthReason::ExpiredCredential,
        AuthReason::InsufficientScope,
        AuthReason::ProxyRequired,
        AuthReason::Unauthorized,
    ] {
        for accept in [&[][..], &[("accept", "*/*")], &[("accept", "application/json")]] {
            let response = send(&AuthLayer::new(refuse(refused)), post(accept)).await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
            assert_eq!(response.headers()["vgi-auth-reason"], refused.as_str());
            assert_eq!(response.headers()["cache-control"], "no-store");
            assert_eq!(response.headers()["content-type"], "application/json");
            assert!(!response.headers().contains_key("vgi-auth-proxy-required"));
            assert!(!response.headers().contains_key("www-authenticate"));
            let expected = json!({"error": "unauthorized", "reason": refused.as_str(), "detail": "the detail"});
            assert_eq!(json_of(response).await, expected);
        }
    }
}

#[tokio::test]
async fn a_refusal_tells_people_why() {
    let evil = |_: &Parts| ready(Err(AuthError::not_mine("<script>")));
    let accept = [("accept", "application/xhtml+xml,TEXT/HTML;q=0.9")];
    let response = send(&AuthLayer::new(evil), post(&accept)).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(response.headers()["vgi-auth-reason"], "missing_credential");
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    let page = collect(response.into_body()).await.unwrap();
    let page = std::str::from_utf8(&page).unwrap();
    assert!(page.contains("missing_credential") && !page.contains("<script"), "{page}");
}

#[tokio::test]
async fn what_the_configuration_says_is_on_every_refusal() {
    let layer = AuthLayer::new(tokens())
        .proxy_headers([HeaderName::from_static("x-client"), HeaderName::from_static("x-client")])
        .challenge(HeaderValue::from_static("Bearer"));
    for headers in [&[][..], &[("authorization", "Bearer wrong")]] {
        let response = send(&layer, post(headers)).await;
        assert_eq!(response.headers()["vgi-auth-proxy-required"], "true");
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        let hint = json_of(response).await["proxy_hint"].as_str().unwrap().to_owned();
        assert!(hint.contains("the header x-client."), "{hint}");
    }
    let response = send(&layer, post(&[("authorization", "Bearer s3cret")])).await;
    assert!(!response.headers().contains_key("vgi-auth-proxy-required"));
}

#[tokio::test]
async fn who_cannot_be_told_now_may_come_again() {
    let down = |_: &Parts| ready(Err(AuthError::unavailable("down").retry_after(Duration::from_secs(7))));
    let response = send(&AuthLayer::new(down), post(&[])).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "7");
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert!(!response.headers().contains_key("vgi-auth-reason"));
    assert_eq!(json_of(response).await, json!({"error": "auth_unavailable", "detail": "down"}));
}

#[tokio::test]
async fn everybody_may_ask_how_to_call() {
    let layer = AuthLayer::new(refuse(AuthReason::Unauthorized));
    let ask = async |method: Method, path: &str| {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        send(&layer, request).await.status()
    };
    for (method, path) in [(Method::OPTIONS, "/a"), (Method::GET, "/health"), (Method::HEAD, "/.well-known/x")] {
        assert_eq!(ask(method, path).await, StatusCode::OK, "{path}");
    }
    for (method, path) in [(Method::POST, "/health"), (Method::GET, "/healthx"), (Method::POST, "/.well-known/x")] {
        assert_eq!(ask(method, path).await, StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[tokio::test]
async fn the_answer_to_head_has_no_body() {
    let request = Request::head("/describe").body(Body::empty()).unwrap();
    let response = send(&AuthLayer::new(tokens()), request).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(collect(response.into_body()).await.unwrap().is_empty());
}

#[tokio::test]
async fn tokens_and_keys_are_known_whole() {
    let bearer = async |value: &str| reason(tokens(), post(&[("authorization", value)])).await;
    assert!(bearer("Bearer s3cret").await.is_ok());
    for wrong in ["Bearer s3cre", "Bearer s3cret2", "Bearer S3CRET", "Basic s3cret", "s3cret", "Bearer "] {
        assert_eq!(bearer(wrong).await, Err("invalid_credential".to_owned()), "{wrong}");
    }
    assert_eq!(reason(tokens(), post(&[])).await, Err("missing_credential".to_owned()));
    let twice = [("authorization", "Bearer s3cret"), ("authorization", "Bearer s3cret")];
    assert_eq!(reason(tokens(), post(&twice)).await, Err("invalid_credential".to_owned()));
    let long = format!("Bearer {}", "x".repeat(1 << 20));
    assert_eq!(bearer(&long).await, Err("invalid_credential".to_owned()));

    let keys = || ApiKeys::new([("k", alice())]);
    assert!(reason(keys(), post(&[("x-api-key", "k")])).await.is_ok());
    assert_eq!(reason(keys(), post(&[("x-api-key", "l")])).await, Err("invalid_credential".to_owned()));
    assert_eq!(reason(keys(), post(&[])).await, Err("missing_credential".to_owned()));
    let named = keys().header(HeaderName::from_static("x-key"));
    assert!(reason(named, post(&[("x-key", "k")])).await.is_ok());
}

#[tokio::test]
async fn a_function_of_yours_may_take_its_time() {
    let bearer = || {
        Bearer::new(|token: &str| {
            let name = token.to_owned();
            async move {
                tokio::task::yield_now().await;
                match name.as_str() {
                    "good" => Ok(AuthContext::authenticated("db", name).with_claim("scope", "read")),
                    _ => Err(AuthError::refused(AuthReason::ExpiredCredential, "")),
                }
            }
        })
    };
    let good = reason(bearer(), post(&[("authorization", "Bearer good")])).await;
    assert_eq!(good, Ok(json!(["db", "good", {"scope": "read"}])));
    let bad = reason(bearer(), post(&[("authorization", "Bearer bad")])).await;
    assert_eq!(bad, Err("expired_credential".to_owned()));
}

#[tokio::test]
async fn of_a_chain_the_first_that_knows_the_caller_counts() {
    let bob = || AuthContext::authenticated("key", "bob");
    let chained = || chain(tokens(), ApiKeys::new([("k", bob())]));
    assert_eq!(reason(chained(), post(&[("x-api-key", "k")])).await, Ok(json!(["key", "bob", {}])));
    let both = [("x-api-key", "k"), ("authorization", "Bearer s3cret")];
    assert_eq!(reason(chained(), post(&both)).await, Ok(json!(["bearer", "alice", {}])));
    // A token that the first does not know may be one of the second's.
    let other = [("x-api-key", "k"), ("authorization", "Bearer other")];
    assert_eq!(reason(chained(), post(&other)).await, Ok(json!(["key", "bob", {}])));

    assert_eq!(reason(chained(), post(&[])).await, Err("missing_credential".to_owned()));
    assert_eq!(reason(chained(), post(&[("x-api-key", "l")])).await, Err("invalid_credential".to_owned()));
    let third = chained().or(refuse(AuthReason::ExpiredCredential));
    assert_eq!(reason(third, post(&[])).await, Err("expired_credential".to_owned()));
}

#[tokio::test]
async fn a_chain_ends_where_asking_on_would_be_wrong() {
    let asked = Arc::new(AtomicUsize::new(0));
    let never = || {
        let asked = asked.clone();
        move |_: &Parts| {
            asked.fetch_add(1, Ordering::SeqCst);
            ready(Ok(AuthContext::anonymous()))
        }
    };
    let scope = chain(refuse(AuthReason::InsufficientScope), never());
    assert_eq!(reason(scope, post(&[])).await, Err("insufficient_scope".to_owned()));
    let down = chain(|_: &Parts| ready(Err(AuthError::unavailable("down"))), never());
    assert_eq!(send(&AuthLayer::new(down), post(&[])).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    let closed = chain(require_all(Door(false), tokens()), never());
    assert_eq!(reason(closed, post(&[])).await, Err("proxy_required".to_owned()));
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

/// A gate that is open or closed.
struct Door(bool);

impl Gate for Door {
    fn name(&self) -> &str {
        "door"
    }

    fn claim(&self) -> &str {
        "door_claim"
    }

    async fn check(&self, _request: &Parts) -> Result<Map<String, Value>, AuthError> {
        let seen = Map::from_iter([("number".to_owned(), "7".into())]);
        if self.0 { Ok(seen) } else { Err(AuthError::refused(AuthReason::ProxyRequired, "closed")) }
    }

    fn evidence(&self, seen: &Map<String, Value>) -> Option<String> {
        Some(format!("door {}", seen["number"]))
    }

    fn principal(&self, seen: &Map<String, Value>) -> Option<String> {
        seen.get("number").and_then(Value::as_str).map(str::to_owned)
    }

    fn proxy_headers(&self) -> Vec<HeaderName> {
        vec![HeaderName::from_static("x-door")]
    }

    fn advertise(&self, capabilities: &mut Capabilities) {
        capabilities.set(HeaderName::from_static("x-door-required"), HeaderValue::from_static("true"));
    }
}

#[tokio::test]
async fn behind_a_gate_the_credential_says_who_calls() {
    let bearer = [("authorization", "Bearer s3cret")];
    let open = reason(require_all(Door(true), tokens()), post(&bearer)).await;
    assert_eq!(open, Ok(json!(["bearer", "alice", {"door_claim": {"number": "7"}}])));
    let closed = reason(require_all(Door(false), tokens()), post(&bearer)).await;
    assert_eq!(closed, Err("proxy_required".to_owned()));
    let unknown = reason(require_all(Door(true), tokens()), post(&[])).await;
    assert_eq!(unknown, Err("missing_credential".to_owned()));
    let alone = reason(require_gate(Door(true)), post(&[])).await;
    assert_eq!(alone, Ok(json!(["door", "7", {"door_claim": {"number": "7"}}])));
}

#[tokio::test]
async fn what_a_gate_has_seen_binds_what_callers_carry() {
    let (head, _) = post(&[("authorization", "Bearer s3cret")]).into_parts();
    let evidence = r#"door "7""#;
    let caller = require_all(Door(true), tokens()).authenticate(&head).await.unwrap();
    assert_eq!(caller.binding(), alice().bound_to(evidence).binding());
    let twice = require_all(Door(true), require_all(Door(true), tokens())).authenticate(&head).await.unwrap();
    assert_eq!(twice.binding(), alice().bound_to(evidence).bound_to(evidence).binding());
    let alone = require_gate(Door(true)).authenticate(&head).await.unwrap();
    assert_eq!(alone.binding(), AuthContext::authenticated("door", "7").bound_to(evidence).binding());
}

#[tokio::test]
async fn what_parts_say_of_themselves_passes_through_their_composition() {
    let layer = AuthLayer::new(chain(tokens(), require_all(Door(false), tokens())).or(require_gate(Door(false))));
    let response = send(&layer, post(&[])).await;
    assert_eq!(response.headers()["vgi-auth-proxy-required"], "true");
    let capabilities = Capabilities::new().with(&layer);
    assert_eq!(capabilities.headers().iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["x-door-required"]);
    let exposed: Vec<_> = capabilities.exposed().map(HeaderName::as_str).collect();
    for name in ["vgi-auth-reason", "vgi-auth-proxy-required", "www-authenticate", "retry-after"] {
        assert!(exposed.contains(&name), "{name}");
    }
}

#[tokio::test]
async fn a_decision_that_nobody_waits_for_is_dropped() {
    let held = Arc::new(());
    let layer = {
        let held = held.clone();
        AuthLayer::new(move |_: &Parts| {
            let held = held.clone();
            async move {
                let _held = held;
                pending().await
            }
        })
    };
    let service = layer.layer(service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::empty()))));
    let call = service.oneshot(post(&[]));
    assert!(tokio::time::timeout(Duration::from_millis(1), call).await.is_err());
    assert_eq!(Arc::strong_count(&held), 2, "the layer's own and the test's");
}

#[tokio::test]
async fn observers_hear_who_calls_and_who_was_not_believed() {
    let record = async |headers| {
        let mut request = post(headers);
        let record = CallRecord::of(request.extensions_mut());
        send(&AuthLayer::new(tokens()), request).await;
        record.read(|call| (call.auth.as_ref().map(|caller| caller.principal.clone()), call.refused_token))
    };
    assert_eq!(record(&[("authorization", "Bearer s3cret")]).await, (Some("alice".to_owned()), None));
    assert_eq!(record(&[("authorization", "Bearer x")]).await, (None, Some(RefusedToken::Credential)));
    assert_eq!(record(&[]).await, (None, None));
}

#[tokio::test]
async fn who_is_refused_is_not_heard_out_for_long() {
    assert_eq!(crate::testing::mebibytes_read(&AuthLayer::new(tokens())).await, 16);
}

#[tokio::test]
async fn keeps_the_layer_contract() {
    let request = || post(&[("authorization", "Bearer s3cret")]);
    crate::testing::check(&AuthLayer::new(tokens()), request).await;
    let slow = Bearer::new(|_: &str| async {
        tokio::task::yield_now().await;
        Ok(AuthContext::anonymous())
    });
    crate::testing::check(&AuthLayer::new(slow), request).await;
    crate::testing::check(&AuthLayer::new(tokens()), || Request::options("/").body(Body::empty()).unwrap()).await;
}
