use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{HeaderMap, Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use tower::{ServiceExt as _, service_fn};
use tower_layer::Layer as _;
use tower_vgi::identity::{IdentityError, Introspection, ResolveToken, TokenIdentity};
use tower_vgi::{AuthContext, Body, BoxError, Capabilities, RpcError};

use super::TokenIntrospectionLayer;
use crate::testing::collect;

/// Knows nearly everything, so that what is refused was refused before; and counts what it is asked.
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
            "down" => {
                Err(IdentityError::unavailable("the table does not answer").retry_after(Duration::from_millis(6001)))
            }
            _ => Ok(TokenIdentity::new("alice").named("laptop").ttl_seconds(60)),
        }
    }
}

struct Asked {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
    /// How often the resolver was.
    resolver: usize,
}

impl Asked {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

async fn ask(caller: Option<&str>, body: impl Into<Body>) -> Asked {
    let resolver = Arc::new(Resolver::default());
    let introspection = Introspection::new(["gateway"], resolver.clone()).unwrap();
    let inner = service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::from("inner"))));
    let mut request = Request::post("/__introspect_token__").body(body.into()).unwrap();
    if let Some(name) = caller {
        request.extensions_mut().insert(AuthContext::authenticated("bearer", name));
    }
    let response = TokenIntrospectionLayer::new(introspection).layer(inner).oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = String::from_utf8_lossy(&collect(body).await.unwrap()).into_owned();
    Asked { status: head.status, headers: head.headers, body, resolver: resolver.asked.load(Ordering::SeqCst) }
}

fn with(token: &str) -> String {
    json!({ "token": token }).to_string()
}

#[tokio::test]
async fn a_gateway_learns_whose_a_credential_is_and_nothing_else() {
    let asked = ask(Some("gateway"), with("tok_1")).await;
    assert_eq!(asked.status, StatusCode::OK);
    assert_eq!(asked.json(), json!({"principal": "alice", "token_name": "laptop", "ttl_seconds": 60}));
    assert_eq!(
        (&asked.headers["cache-control"], &asked.headers["content-type"]),
        (&"no-store".parse().unwrap(), &"application/json".parse().unwrap())
    );
}

#[tokio::test]
async fn others_learn_nothing_whatever_they_ask() {
    for caller in [None, Some("alice"), Some(""), Some("Gateway")] {
        for body in [with("tok_1"), with("unknown"), with("a.b.c"), "no JSON".to_owned(), "x".repeat(100_000)] {
            let asked = ask(caller, body).await;
            assert_eq!((asked.status, asked.resolver), (StatusCode::FORBIDDEN, 0), "{caller:?}");
            assert_eq!(asked.json(), json!({"error": "not_an_introspector"}));
            assert_eq!(asked.headers["cache-control"], "no-store");
        }
    }
}

#[tokio::test]
async fn what_is_nobodys_has_one_answer() {
    let long = with(&"a".repeat(5000));
    for (body, resolver) in [
        (with("unknown"), 1),
        (with("refused"), 1),
        (with(""), 0),
        (with(" \n"), 0),
        (with("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"), 0),
        (with(" a.b.c\u{a0}"), 0),
        (long, 0),
        (with(&"a".repeat(100_000)), 0),
        (r#"{"token": 7}"#.to_owned(), 0),
        (r#"{"nottoken": "tok_1"}"#.to_owned(), 0),
        (r#"["tok_1"]"#.to_owned(), 0),
        ("{}".to_owned(), 0),
        (String::new(), 0),
        ("[".repeat(8000), 0),
    ] {
        let asked = ask(Some("gateway"), body.clone()).await;
        assert_eq!(
            (asked.status, asked.body.as_str()),
            (StatusCode::NOT_FOUND, r#"{"error":"unresolved"}"#),
            "{body:.40}"
        );
        assert_eq!((asked.resolver, &asked.headers["cache-control"]), (resolver, &"no-store".parse().unwrap()));
    }
}

#[tokio::test]
async fn an_outage_is_no_answer() {
    let asked = ask(Some("gateway"), with("down")).await;
    assert_eq!((asked.status, &asked.headers["retry-after"]), (StatusCode::SERVICE_UNAVAILABLE, &"7".parse().unwrap()));
    assert_eq!(asked.json()["detail"], "the table does not answer");
}

#[tokio::test]
async fn a_body_that_does_not_come_says_nothing_of_a_credential() {
    let broken = |error: BoxError| {
        let begun = Ok(http_body::Frame::data("{\"token\":".into()));
        Body::new(http_body_util::StreamBody::new(futures_util::stream::iter([begun, Err(error)])))
    };
    let asked = ask(Some("gateway"), broken("reset".into())).await;
    assert_eq!((asked.status, asked.resolver), (StatusCode::BAD_REQUEST, 0));
    assert_eq!(
        (asked.json(), &asked.headers["cache-control"]),
        (json!({"error": "unreadable_request"}), &"no-store".parse().unwrap())
    );
    // What a layer outside says of it stays.
    let slow = RpcError::new("TimeoutError", "the body came too slowly").with_status(StatusCode::REQUEST_TIMEOUT);
    let asked = ask(Some("gateway"), broken(slow.into())).await;
    assert_eq!((asked.status, asked.resolver), (StatusCode::REQUEST_TIMEOUT, 0));
    assert!(asked.body.contains("the body came too slowly"));
    assert_eq!(asked.headers["cache-control"], "no-store");
}

fn layer() -> TokenIntrospectionLayer {
    TokenIntrospectionLayer::new(Introspection::new(["gateway"], Resolver::default()).unwrap())
}

#[tokio::test]
async fn other_requests_reach_the_service() {
    for (method, path) in [
        (Method::GET, "/__introspect_token__"),
        (Method::OPTIONS, "/__introspect_token__"),
        (Method::POST, "/__introspect_token__/"),
        (Method::POST, "/__introspect_token__/init"),
        (Method::POST, "/add"),
    ] {
        let inner = service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::from("inner"))));
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let response = layer().layer(inner).oneshot(request).await.unwrap();
        assert_eq!(collect(response.into_body()).await.unwrap(), "inner", "{path}");
    }
}

#[test]
fn gateways_see_that_it_is_there() {
    let capabilities = Capabilities::new().with(&layer());
    assert!(capabilities.headers().iter().any(|(name, value)| name == "vgi-token-introspection" && value == "true"));
}

#[tokio::test]
async fn keeps_the_layer_contract() {
    crate::testing::check(&layer(), || Request::post("/add").body(Body::empty()).unwrap()).await;
}
