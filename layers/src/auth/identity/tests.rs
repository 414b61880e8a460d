//! Grants and resolved tokens as credentials, and the attacks on them.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::request::Parts;
use http::{HeaderName, Request, StatusCode};
use serde_json::{Value, json};
use tower::{ServiceExt as _, service_fn};
use tower_layer::Layer as _;
use tower_vgi::identity::{
    GRANT_PREFIX, GrantKeys, GrantRequest, IdentityError, MintGrant as _, ResolveToken, SealedGrants, TokenIdentity,
};
use tower_vgi::{AuthContext, AuthReason, Body};

use super::{Grants, ResolvedTokens};
use crate::auth::mtls::{Mtls, TrustedProxies};
use crate::auth::proof::ProxyProof;
use crate::auth::{AuthError, AuthLayer, Authenticate, BearerTokens, chain, or_anonymous, require_all};
use crate::testing::collect;

/// Knows nearly every token, so that what is refused was refused before; and counts what it is asked.
#[derive(Default)]
struct Resolver {
    asked: AtomicUsize,
}

impl ResolveToken for Resolver {
    async fn resolve_token(&self, token: &str) -> Result<TokenIdentity, IdentityError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match token {
            "unknown" => Err(IdentityError::unresolved()),
            "refused" => Err(IdentityError::refused("of this the caller learns nothing")),
            "nobody" => Ok(TokenIdentity::new("")),
            "down" => Err(IdentityError::unavailable("the table does not answer").retry_after(Duration::from_secs(9))),
            _ => Ok(TokenIdentity::new("bob").named("laptop")),
        }
    }
}

fn keys() -> GrantKeys {
    GrantKeys::new([[1; 32], [2; 32]]).unwrap().audience("ours").max_time_to_live(Duration::from_secs(3600)).unwrap()
}

fn key(byte: u8) -> GrantKeys {
    GrantKeys::new([[byte; 32]]).unwrap().audience("ours")
}

async fn minted(keys: &GrantKeys, seconds: i64) -> String {
    let alice = AuthContext::authenticated("jwt", "alice").with_claim("scope", "read write");
    let request = GrantRequest::new(alice, "nightly", seconds).scopes(["read", "write"]);
    SealedGrants::new(keys.clone()).mint_grant(&request).await.unwrap().token
}

struct Answered {
    status: StatusCode,
    reason: Option<String>,
    retry_after: Option<String>,
    body: String,
    /// How often the resolver was asked.
    resolver: usize,
}

impl Answered {
    fn caller(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        serde_json::from_str(&self.body).unwrap()
    }

    fn refused(&self) -> (u16, &str, usize) {
        (self.status.as_u16(), self.reason.as_deref().unwrap_or_default(), self.resolver)
    }
}

/// Sends it to a server with tokens of its own, grants, and resolved tokens.
async fn send(headers: &[&str]) -> Answered {
    let resolver = Arc::new(Resolver::default());
    let own = BearerTokens::new([("s3cret", AuthContext::authenticated("bearer", "carol"))]);
    let callers = chain(own, Grants::new(keys())).or(ResolvedTokens::new(resolver.clone()));
    let answered = ask(callers, headers).await;
    Answered { resolver: resolver.asked.load(Ordering::SeqCst), ..answered }
}

async fn ask(callers: impl Authenticate, headers: &[&str]) -> Answered {
    let service = AuthLayer::new(callers).layer(service_fn(async |request: Request<Body>| {
        let caller = request.extensions().get::<AuthContext>().cloned().unwrap_or_default();
        let body = json!([caller.domain, caller.principal, caller.claims]).to_string();
        Ok::<_, std::convert::Infallible>(http::Response::new(Body::from(body)))
    }));
    let mut request = Request::post("/Reports/sum");
    for value in headers {
        request = request.header("authorization", *value);
    }
    let (head, body) = service.oneshot(request.body(Body::empty()).unwrap()).await.unwrap().into_parts();
    let header = |name| head.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    Answered {
        status: head.status,
        reason: header("vgi-auth-reason"),
        retry_after: header("retry-after"),
        body: String::from_utf8(collect(body).await.unwrap().into()).unwrap(),
        resolver: 0,
    }
}

async fn send_token(token: &str) -> Answered {
    send(&[&format!("Bearer {token}")]).await
}

#[tokio::test]
async fn a_grant_is_its_principal_with_what_it_may_do() {
    let answered = send_token(&minted(&keys(), 60).await).await;
    let [domain, principal, claims] = answered.caller().as_array().unwrap().clone().try_into().unwrap();
    assert_eq!((domain, principal), (json!("grant"), json!("alice")));
    assert_eq!((&claims["scopes"], &claims["purpose"]), (&json!(["read", "write"]), &json!("nightly")));
    assert_eq!(claims["grant_id"].as_str().unwrap().len(), 32);
    // Nothing else, and no auth_time: with a grant nobody gets another grant.
    assert_eq!(claims.as_object().unwrap().len(), 3);
    assert_eq!(answered.resolver, 0);
}

#[tokio::test]
async fn a_grant_of_the_key_before_is_taken() {
    assert_eq!(send_token(&minted(&key(2), 60).await).await.caller()[1], "alice");
}

#[tokio::test]
async fn a_grant_that_is_not_good_is_refused_for_the_right_reason_and_goes_no_further() {
    let good = minted(&keys(), 3600).await;
    let middle = good.len() / 2;
    let other = if good.as_bytes()[middle] == b'A' { "B" } else { "A" };
    let longest = GrantKeys::new([[1; 32]]).unwrap().audience("ours");
    for (attack, token) in [
        ("altered", format!("{}{other}{}", &good[..middle], &good[middle + 1..])),
        ("cut", good[..middle].to_owned()),
        ("padded", format!("{good}=")),
        ("of a key that is not there", minted(&key(3), 60).await),
        ("for another audience", minted(&key(1).audience("theirs"), 60).await),
        ("for longer than there is", minted(&longest, 3601).await),
        ("nested", format!("{GRANT_PREFIX}{good}")),
        ("two of them", format!("{good}.{good}")),
        ("empty", GRANT_PREFIX.to_owned()),
        ("like a JSON Web Token", "vgig1.e30.AAAA".to_owned()),
        ("long", format!("{GRANT_PREFIX}{}", "A".repeat(8000))),
        ("1 MiB", format!("{GRANT_PREFIX}{}", "A".repeat(1 << 20))),
    ] {
        let answered = send_token(&token).await;
        assert_eq!(answered.refused(), (401, "invalid_credential", 0), "{attack}");
        assert!(!answered.body.contains(&token[GRANT_PREFIX.len()..]) || token == GRANT_PREFIX, "{attack}");
    }
}

/// Made by the reference on the first of January 2026, for an hour.
const EXPIRED: &str = "vgig1.nI0zNHOqAxkBQEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZX1IBQGdDgeRafM9LXr5xlkpS6yukjaWOrezGcKWBnRtBzgWMDJf7hPpzdmUIKtLOW8x8RkUL30ezZjnz2E7ZMJj9KnHcUxDeh8Wa831Sn4qRHtLMLUnhjslM9";
const EXPIRED_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

#[tokio::test]
async fn a_grant_out_of_its_time_is_told_so() {
    let header = format!("Bearer {EXPIRED}");
    let ours = Grants::new(GrantKeys::from_text(EXPIRED_KEY).unwrap());
    assert_eq!(ask(ours, &[&header]).await.refused(), (401, "expired_credential", 0));
    // Not where it is somebody else's.
    let other = Grants::new(GrantKeys::new([[3; 32]]).unwrap());
    assert_eq!(ask(other, &[&header]).await.refused(), (401, "invalid_credential", 0));
    let elsewhere = Grants::new(GrantKeys::from_text(EXPIRED_KEY).unwrap().audience("elsewhere"));
    assert_eq!(ask(elsewhere, &[&header]).await.refused(), (401, "invalid_credential", 0));
}

#[tokio::test]
async fn only_what_begins_as_a_grant_is_taken_for_one() {
    let good = minted(&keys(), 60).await;
    let body = &good[GRANT_PREFIX.len()..];
    for token in [body.to_owned(), format!("vgig2.{body}"), format!("VGIG1.{body}"), format!("x{good}")] {
        let answered = send_token(&token).await;
        assert_eq!((answered.caller()[0].as_str(), answered.resolver), (Some("token"), 1), "{token:.10}");
    }
}

#[tokio::test]
async fn a_resolved_token_is_its_principal() {
    assert_eq!(send_token("tok_1").await.caller(), json!(["token", "bob", {"token_name": "laptop"}]));
    // The deployment's own comes first.
    let own = send_token("s3cret").await;
    assert_eq!((own.caller()[1].as_str(), own.resolver), (Some("carol"), 0));
}

#[tokio::test]
async fn what_the_resolver_does_not_know_or_must_not_see_is_refused_alike() {
    let mut answers = Vec::new();
    for (token, asked) in [
        ("unknown", 1),
        ("refused", 1),
        ("nobody", 1),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl", 0),
        ("a.b.", 0),
        (&"a".repeat(4097), 0),
    ] {
        let answered = send_token(token).await;
        assert_eq!(answered.refused(), (401, "invalid_credential", asked), "{token:.20}");
        answers.push(answered.body);
    }
    assert!(answers.iter().all(|body| *body == answers[0]), "{answers:?}");
}

#[tokio::test]
async fn an_outage_is_a_503_and_never_a_401() {
    let answered = send_token("down").await;
    assert_eq!((answered.status, answered.retry_after.as_deref()), (StatusCode::SERVICE_UNAVAILABLE, Some("9")));
    // What does not answer is for the log of the server.
    assert!(answered.body.contains("nobody can tell now") && !answered.body.contains("table"), "{}", answered.body);
}

#[tokio::test]
async fn two_credentials_are_none() {
    let good = format!("Bearer {}", minted(&keys(), 60).await);
    for headers in [[good.as_str(), good.as_str()], [&good, "Bearer tok_1"], ["Bearer tok_1", &good]] {
        assert_eq!(send(&headers).await.refused(), (401, "invalid_credential", 0));
    }
    assert_eq!(send(&["Basic YWxpY2U6"]).await.refused(), (401, "invalid_credential", 0));
    assert_eq!(send(&[]).await.refused(), (401, "missing_credential", 0));
}

#[tokio::test]
async fn callers_may_stay_unknown_where_the_chain_lets_them() {
    let callers = || or_anonymous(chain(Grants::new(keys()), ResolvedTokens::new(Resolver::default())));
    assert_eq!(ask(callers(), &[]).await.caller(), json!(["", "", {}]));
    assert_eq!(ask(callers(), &["Bearer unknown"]).await.refused(), (401, "invalid_credential", 0));
    assert_eq!(ask(callers(), &["Bearer vgig1.AAAA"]).await.refused(), (401, "invalid_credential", 0));
}

#[tokio::test]
async fn a_gate_around_the_chain_holds_for_grants_too() {
    let callers = require_all(proof(), chain(Grants::new(keys()), ResolvedTokens::new(Resolver::default())));
    let answered = ask(callers, &[&format!("Bearer {}", minted(&keys(), 60).await)]).await;
    assert_eq!(answered.refused(), (401, "proxy_required", 0));
}

fn of_proxy() -> Mtls {
    Mtls::of_header(TrustedProxies::at(["10.0.0.1".parse().unwrap()]))
}

fn proof() -> ProxyProof {
    ProxyProof::require("server", format!("edge:{}", "01".repeat(32)).parse().unwrap()).unwrap()
}

#[test]
fn beside_what_a_proxy_says_grants_and_tokens_are_a_mistake() {
    let (grants, tokens) = (|| Grants::new(keys()), || ResolvedTokens::new(Resolver::default()));
    let own = |_: &Parts| ready(Err(AuthError::not_mine("")));
    let set_by_proxy = [HeaderName::from_static("x-user")];
    for (layer, header) in [
        (AuthLayer::new(chain(of_proxy(), grants())), "x-ssl-client-cert"),
        (AuthLayer::new(chain(grants(), of_proxy())), "x-ssl-client-cert"),
        (AuthLayer::new(chain(own, tokens()).or(of_proxy())), "x-ssl-client-cert"),
        (AuthLayer::new(or_anonymous(chain(of_proxy(), own).or(chain(own, tokens())))), "x-ssl-client-cert"),
        (AuthLayer::new(chain(require_all(proof(), own), grants())), "vgi-proxy-proof"),
        (AuthLayer::new(require_all(proof(), chain(of_proxy(), grants()))), "x-ssl-client-cert"),
        (AuthLayer::new(chain(own, grants())).proxy_headers(set_by_proxy.clone()), "x-user"),
    ] {
        let mistake = layer.mistake().unwrap_or_else(|| panic!("{header}")).to_owned();
        assert!(mistake.contains(header) && mistake.contains("past_proxies()"), "{mistake}");
    }
    for layer in [
        AuthLayer::new(chain(own, grants()).or(tokens())),
        AuthLayer::new(chain(Mtls::of_connection(), grants())),
        AuthLayer::new(require_all(proof(), chain(own, grants()).or(tokens()))),
        AuthLayer::new(require_all(proof(), chain(own, grants()))).proxy_headers(set_by_proxy),
        // The others come through the proxy, and it is said that these need not.
        AuthLayer::new(chain(of_proxy(), grants().past_proxies()).or(tokens().past_proxies())),
    ] {
        assert_eq!(layer.mistake(), None);
    }
}

#[tokio::test]
async fn what_an_authenticator_says_to_a_resolver_keeps_its_meaning() {
    let error = IdentityError::from(AuthError::unavailable("down").retry_after(Duration::from_secs(7)));
    assert_eq!(error, IdentityError::unavailable("down").retry_after(Duration::from_secs(7)));
    let refused = AuthError::refused(AuthReason::ExpiredCredential, "expired");
    let callers = ResolvedTokens::new(move |_: &str| ready(Err(IdentityError::from(refused.clone()))));
    assert_eq!(ask(callers, &["Bearer tok_1"]).await.refused(), (401, "invalid_credential", 0));
}

#[test]
fn keys_and_resolvers_are_not_shown() {
    let shown = format!("{:?} {:?}", Grants::new(key(0xab)), ResolvedTokens::new(Resolver::default()));
    assert!(!shown.contains("171") && !shown.contains("abab"), "{shown}");
}
