//! The identity protocol of a server, from who may ask to grants that are sent back as credentials.

use std::future::ready;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request};
use tower::ServiceExt as _;
use tower_vgi::client::{Channel, introspect};
use tower_vgi::identity::{
    GrantKeys, GrantRequest, IDENTITY, IdentityClient, IdentityError, IdentityErrorKind, IdentityProtocol,
    Introspection, IssuedGrant, MintGrant, ResolveToken, SealedGrants, TokenIdentity, token_digest,
};
use tower_vgi::rpc::{ARROW_STREAM, BuildError, Protocol, RpcService, protocol_hash};
use tower_vgi::wire::{self, Metadata, encode_batch};
use tower_vgi::{AuthContext, Body, ErrorCode, Record, RpcError, VgiArrow};
use tower_vgi_layers::Stack;
use tower_vgi_layers::auth::identity::{GRANT_DOMAIN, Grants, ResolvedTokens};
use tower_vgi_layers::auth::{AuthError, AuthLayer, chain};
use tower_vgi_layers::scope::RequireScopeLayer;

use crate::calculator::{Arithmetic, CalculatorClient, CalculatorServer};

use IdentityErrorKind::{GrantRefused, IntrospectionRefused, StaleAuth, TokenUnresolved, Unavailable};

const JWS: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl";

/// Knows nearly every token, so that what is refused was refused before.
struct Resolver;

impl ResolveToken for Resolver {
    async fn resolve_token(&self, token: &str) -> Result<TokenIdentity, IdentityError> {
        match token {
            "unknown" => Err(IdentityError::unresolved()),
            "refused" => Err(IdentityError::refused("of this the caller learns nothing")),
            "down" => {
                Err(AuthError::unavailable("the table does not answer").retry_after(Duration::from_secs(7)).into())
            }
            "not kept" => Ok(TokenIdentity::new("bob").ttl_seconds(0)),
            "  padded  " => Ok(TokenIdentity::new("bob").named("padded")),
            _ => Ok(TokenIdentity::new("bob").named("laptop")),
        }
    }
}

/// Shows what it was asked for.
struct Minter;

impl MintGrant for Minter {
    async fn mint_grant(&self, request: &GrantRequest) -> Result<IssuedGrant, IdentityError> {
        match request.purpose.as_str() {
            "refused" => Err(IdentityError::refused("not for this")),
            "down" => Err(IdentityError::unavailable("the store does not answer").retry_after(Duration::from_secs(7))),
            "odd" => Err(IdentityError::unresolved()),
            _ => {
                let token = format!("{}|{}|{}", request.principal, request.scopes.join(","), request.ttl_seconds);
                Ok(IssuedGrant::new(token, chrono::DateTime::UNIX_EPOCH))
            }
        }
    }
}

fn introspection() -> Introspection {
    Introspection::new(["gateway"], Resolver).unwrap()
}

fn keys() -> GrantKeys {
    GrantKeys::new([[1; 32]]).unwrap()
}

fn service(identity: impl Into<Protocol>) -> Result<RpcService, BuildError> {
    RpcService::builder().protocol(CalculatorServer::new(Arithmetic)).protocol(identity).build()
}

/// Callers are who they say, with the time of their login; or they have a grant or another token.
fn stack_of(service: RpcService) -> Stack {
    let named = |request: &Parts| {
        let text = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
        ready(match (text("x-user"), text("x-auth-time")) {
            (Some(name), Some(time)) => Ok(AuthContext::authenticated("test", name)
                .with_claim("auth_time", time)
                .with_claim("scope", text("x-scope").unwrap_or("read"))),
            (Some(name), None) => Ok(AuthContext::authenticated("test", name)),
            (None, _) if request.headers.contains_key(AUTHORIZATION) => Err(AuthError::not_mine("no user")),
            (None, _) => Ok(AuthContext::anonymous()),
        })
    };
    let callers = chain(named, Grants::new(keys())).or(ResolvedTokens::new(Resolver));
    Stack::builder(service).auth(AuthLayer::new(callers)).build().unwrap()
}

fn stack(identity: impl Into<Protocol>) -> Stack {
    stack_of(service(identity).unwrap())
}

fn both() -> IdentityProtocol {
    IdentityProtocol::new().introspection(introspection()).grants(Minter)
}

fn channel(stack: &Stack, headers: &[(&'static str, &str)]) -> Channel<Stack> {
    let builder = headers.iter().fold(Channel::builder(), |builder, (name, value)| {
        builder.header(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
    });
    builder.service(stack.clone(), "/").unwrap()
}

fn client(stack: &Stack, headers: &[(&'static str, &str)]) -> IdentityClient<Stack> {
    IdentityClient::new(channel(stack, headers))
}

fn now() -> String {
    chrono::Utc::now().timestamp().to_string()
}

fn seconds_ago(seconds: i64) -> String {
    (chrono::Utc::now().timestamp() - seconds).to_string()
}

fn kind(error: &RpcError) -> IdentityErrorKind {
    IdentityError::from_rpc_error(error).unwrap_or_else(|| panic!("{error}")).kind()
}

#[test]
fn what_is_hosted_is_what_the_reference_hosts() {
    for (identity, expected) in [
        (both(), "145267755ff90d5c3313d79c7ff771306f2530626380d01cb0e57a951d0f9ec3"),
        (
            IdentityProtocol::new().introspection(introspection()),
            "4039fbf6db3e64ae234e0be605b977477150ace892f10b6c691920eaf925e7ac",
        ),
        (
            IdentityProtocol::new().grants(SealedGrants::new(keys())),
            "4199df7403c9ca1a02c4c524b405a999eb1489614a1480873ffc23a0e5b0d312",
        ),
    ] {
        assert_eq!(protocol_hash(&identity.into()), expected);
    }
}

#[test]
fn a_server_that_could_not_answer_does_not_start() {
    let mistake = |built: Result<RpcService, BuildError>| built.unwrap_err().to_string();
    assert!(mistake(service(IdentityProtocol::new())).contains("nothing to answer"));
    let alone = mistake(RpcService::builder().protocol(both()).build());
    assert!(alone.contains("cannot be the primary protocol"), "{alone}");
    let flat = RpcService::builder().protocol(CalculatorServer::new(Arithmetic)).flat_protocol(both()).build();
    assert!(mistake(flat).contains("cannot be the primary protocol"));
    for nobody in [vec![], vec![""]] {
        let error = Introspection::new(nobody, Resolver).unwrap_err();
        assert!(error.to_string().contains("at least one principal"));
    }
    // The name belongs to this protocol, and to no other that has it.
    let other = Protocol::new(IDENTITY);
    assert!(mistake(service(other)).contains("reserved"));
}

#[tokio::test]
async fn callers_see_what_is_there_and_what_is_not() {
    let methods = async |identity: IdentityProtocol| {
        let described = introspect(&channel(&stack(identity), &[])).await.unwrap();
        let identity = described.protocols.into_iter().find(|protocol| protocol.name == IDENTITY).unwrap();
        let names = identity.methods.iter().map(|method| {
            let parameters = method.parameters.fields().iter().map(|field| field.name().as_str());
            format!("{}({})", method.name, parameters.collect::<Vec<_>>().join(", "))
        });
        names.collect::<Vec<_>>()
    };
    let introspect_token = "introspect_token(token)";
    // For whom a grant is cannot be said.
    let issue_grant = "issue_grant(purpose, scopes, ttl_seconds)";
    assert_eq!(methods(both()).await, [introspect_token, issue_grant]);
    assert_eq!(methods(IdentityProtocol::new().introspection(introspection())).await, [introspect_token]);
    assert_eq!(methods(IdentityProtocol::new().grants(SealedGrants::new(keys()))).await, [issue_grant]);

    let only_grants = stack(IdentityProtocol::new().grants(SealedGrants::new(keys())));
    let error = client(&only_grants, &[("x-user", "gateway")]).introspect_token("tok_1").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unimplemented);
}

#[tokio::test]
async fn a_gateway_learns_whose_a_credential_is() {
    let stack = stack(both());
    let gateway = client(&stack, &[("x-user", "gateway")]);
    let asked = async |token: &str| gateway.introspect_token(token).await.unwrap();
    assert_eq!(asked("tok_1").await, TokenIdentity::new("bob").named("laptop"));
    // Zero is an answer, and not the lack of one.
    assert_eq!(asked("not kept").await.ttl_seconds, 0);
    // It is looked at without the spaces, and resolved with them.
    assert_eq!(asked("  padded  ").await.token_name, "padded");
}

#[tokio::test]
async fn what_is_nobodys_has_one_answer() {
    let stack = stack(both());
    let gateway = client(&stack, &[("x-user", "gateway")]);
    let (long, many_bytes) = ("a".repeat(5000), "é".repeat(2100));
    let padded = format!("\u{a0}{JWS}\n");
    let mut answers = Vec::new();
    for token in ["unknown", "refused", JWS, &padded, &long, &many_bytes, "", " \u{85}"] {
        let error = gateway.introspect_token(token).await.unwrap_err();
        assert_eq!((kind(&error), error.code()), (TokenUnresolved, ErrorCode::NotFound), "{token:.20}");
        assert!(token.trim().is_empty() || !error.message().contains(token));
        answers.push((error.type_name().to_owned(), error.message().to_owned(), error.details().to_vec()));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

#[tokio::test]
async fn who_may_not_ask_learns_nothing_of_what_they_ask_about() {
    let stack = stack(both());
    for headers in [&[][..], &[("x-user", "alice")], &[("x-user", "Gateway")], &[("authorization", "Bearer tok_1")]] {
        let client = client(&stack, headers);
        for token in ["tok_1", "unknown", "down", JWS, "", &"a".repeat(100_000)] {
            let error = client.introspect_token(token).await.unwrap_err();
            assert_eq!(
                (kind(&error), error.code()),
                (IntrospectionRefused, ErrorCode::PermissionDenied),
                "{headers:?}"
            );
            assert_eq!(error.message(), "caller is not an introspector");
        }
    }
}

#[tokio::test]
async fn an_outage_says_when_to_ask_again() {
    let stack = stack(both());
    let asked = client(&stack, &[("x-user", "gateway")]).introspect_token("down").await.unwrap_err();
    let minting = client(&stack, &[("x-user", "alice"), ("x-auth-time", &now())]);
    let minted = minting.issue_grant("down", ["read"], 60).await.unwrap_err();
    for error in [asked, minted] {
        assert_eq!((kind(&error), error.code()), (Unavailable, ErrorCode::Unavailable));
        assert_eq!(error.retry_delay(), Some(Duration::from_secs(7)));
    }
}

#[tokio::test]
async fn a_grant_is_for_the_caller_and_for_nobody_else() {
    let stack = stack(both());
    for name in ["alice", "bob"] {
        let client = client(&stack, &[("x-user", name), ("x-auth-time", &now())]);
        let issued = client.issue_grant("nightly", ["read", "write"], 60).await.unwrap();
        assert_eq!(issued.token, format!("{name}|read,write|60"));
        assert_eq!((issued.expires_at.timestamp(), issued.grant_id.as_str()), (0, ""));
        let none = client.issue_grant("nightly", [""; 0], i64::MIN).await.unwrap();
        assert_eq!(none.token, format!("{name}||{}", i64::MIN));
        for purpose in ["refused", "odd"] {
            let error = client.issue_grant(purpose, ["read"], 60).await.unwrap_err();
            assert_eq!((kind(&error), error.code()), (GrantRefused, ErrorCode::PermissionDenied));
        }
    }
}

#[tokio::test]
async fn only_who_has_just_logged_in_gets_a_grant() {
    let stack = stack(both().max_auth_age(Duration::from_secs(300)));
    let (fresh, old) = (now(), seconds_ago(400));
    for headers in [
        &[][..],
        &[("x-auth-time", &*fresh)],
        &[("x-user", "alice")],
        &[("x-user", "alice"), ("x-auth-time", "soon")],
        &[("x-user", "alice"), ("x-auth-time", "nan")],
        &[("x-user", "alice"), ("x-auth-time", &*old)],
        &[("x-user", "alice"), ("x-auth-time", "99999999999")],
        &[("authorization", "Bearer tok_1")],
    ] {
        let error = client(&stack, headers).issue_grant("nightly", ["read"], 60).await.unwrap_err();
        assert_eq!((kind(&error), error.code()), (StaleAuth, ErrorCode::Unauthenticated), "{headers:?}");
    }
    let recent = seconds_ago(200);
    let client = client(&stack, &[("x-user", "alice"), ("x-auth-time", &*recent)]);
    assert!(client.issue_grant("nightly", ["read"], 60).await.is_ok());
}

#[tokio::test]
async fn a_grant_comes_back_as_a_credential_and_makes_no_other() {
    let stack = stack(IdentityProtocol::new().grants(SealedGrants::new(keys())));
    let alice = client(&stack, &[("x-user", "alice"), ("x-auth-time", &now())]);
    let issued = alice.issue_grant("nightly", ["read"], 3600).await.unwrap();
    assert_eq!(keys().verify(&issued.token).unwrap().principal, "alice");

    let bearer = format!("Bearer {}", issued.token);
    let job = CalculatorClient::new(channel(&stack, &[("authorization", &bearer)]));
    assert_eq!(job.whoami(1, 2).await.unwrap(), "whoami true 1 2");
    let error = client(&stack, &[("authorization", &bearer)]).issue_grant("again", ["read"], 3600).await.unwrap_err();
    assert_eq!(kind(&error), StaleAuth);
    let altered = format!("{bearer}A");
    let error = CalculatorClient::new(channel(&stack, &[("authorization", &altered)])).whoami(1, 2).await.unwrap_err();
    assert!(error.is_unauthenticated(), "{error}");
}

#[tokio::test]
async fn a_grant_does_not_do_more_than_its_owner_and_no_more_than_it_is_for() {
    let calculator = Protocol::from(CalculatorServer::new(Arithmetic))
        .layer(RequireScopeLayer::new("numbers:read").or_claim_of(GRANT_DOMAIN, "scopes"));
    let service = RpcService::builder()
        .protocol(calculator)
        .protocol(IdentityProtocol::new().grants(SealedGrants::new(keys())))
        .build();
    let stack = stack_of(service.unwrap());
    let calls = async |token: &str| {
        let bearer = format!("Bearer {token}");
        CalculatorClient::new(channel(&stack, &[("authorization", &bearer)])).whoami(1, 2).await
    };
    let asking = |scope: &str| client(&stack, &[("x-user", "alice"), ("x-auth-time", &now()), ("x-scope", scope)]);
    // What she has not, she does not get by way of a grant.
    let error = asking("openid").issue_grant("nightly", ["numbers:read"], 60).await.unwrap_err();
    assert_eq!((kind(&error), error.code()), (GrantRefused, ErrorCode::PermissionDenied));
    // What she has, the grant has only where it names it.
    let owner = asking("numbers:read openid");
    let full = owner.issue_grant("nightly", ["numbers:read"], 60).await.unwrap();
    assert_eq!(calls(&full.token).await.unwrap(), "whoami true 1 2");
    for scopes in [&["openid"][..], &[]] {
        let narrow = owner.issue_grant("nightly", scopes.iter().copied(), 60).await.unwrap();
        assert_eq!(calls(&narrow.token).await.unwrap_err().code(), ErrorCode::PermissionDenied, "{scopes:?}");
    }
}

#[tokio::test]
async fn one_domain_may_have_grants_and_others_none() {
    for (domains, given) in [(&["test"][..], true), (&["other", "test"], true), (&["other"], false), (&[], false)] {
        let stack = stack(both().grants_for_domains(domains.iter().copied()));
        let issued =
            client(&stack, &[("x-user", "alice"), ("x-auth-time", &now())]).issue_grant("n", ["read"], 60).await;
        assert_eq!(issued.is_ok(), given, "{domains:?}");
        if let Err(error) = issued {
            assert_eq!(kind(&error), GrantRefused);
            assert!(error.message().contains("'test'"), "{error}");
        }
    }
}

/// What is written to the log, also by other tests.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn has(&self, needed: &[&str]) -> bool {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().any(|line| needed.iter().all(|needed| line.contains(needed)))
    }
}

#[tokio::test]
async fn the_log_says_who_was_given_what_and_who_has_asked_for_what() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    // For all threads: whether an event is written is decided once, and another test may come first.
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let identity = IdentityProtocol::new().introspection(introspection()).grants(SealedGrants::new(keys()));
    let stack = stack(identity);
    let dora = client(&stack, &[("x-user", "dora"), ("x-auth-time", &now())]);
    let issued = dora.issue_grant("nightly report", ["read"], 60).await.unwrap();
    assert!(log.has(&["grant: issued", "dora", "test", "nightly report", "read", &issued.grant_id, "expires_at="]));
    assert!(dora.issue_grant("nightly report", ["write"], 60).await.is_err());
    assert!(log.has(&["grant: not issued", "dora", "'write'"]));

    let gateway = client(&stack, &[("x-user", "gateway")]);
    gateway.introspect_token("tok_logged").await.unwrap();
    assert!(log.has(&["introspection: resolved", "gateway", "bob", &token_digest("tok_logged")]));
    assert!(gateway.introspect_token(&issued.token).await.is_err());
    assert!(log.has(&["introspection: unresolved", "gateway", &token_digest(&issued.token)]));
    assert!(dora.introspect_token("tok_logged").await.is_err());
    assert!(log.has(&["introspection refused", "dora"]));
    assert!(!log.has(&["tok_logged"]) && !log.has(&[&issued.token]));
}

#[derive(VgiArrow)]
struct GrantArguments {
    purpose: String,
    scopes: Vec<String>,
    ttl_seconds: i64,
}

#[tokio::test]
async fn nobody_keeps_a_copy_of_a_grant() {
    let stack = stack(both());
    let metadata = Metadata::from_iter([(wire::keys::METHOD, "issue_grant"), (wire::keys::REQUEST_VERSION, "1")]);
    let arguments = GrantArguments { purpose: "nightly".into(), scopes: vec!["read".into()], ttl_seconds: 60 };
    let body = encode_batch(&GrantArguments::to_batch([arguments].iter()).unwrap(), &metadata).unwrap();
    let request = Request::post(format!("/{IDENTITY}/issue_grant"))
        .header("content-type", ARROW_STREAM)
        .header("x-user", "alice")
        .header("x-auth-time", now())
        .body(Body::from(body));
    let response = stack.oneshot(request.unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["cache-control"], "no-store");
}

#[tokio::test]
async fn a_gateway_can_ask_the_server_behind_it_who_calls() {
    let behind = stack(both());
    let remote = client(&behind, &[("x-user", "gateway")]);
    assert_eq!(remote.resolve_token("tok_1").await.unwrap().principal, "bob");
    assert_eq!(remote.resolve_token("unknown").await.unwrap_err().kind(), TokenUnresolved);
    let down = remote.resolve_token("down").await.unwrap_err();
    assert_eq!(down.retry_delay(), Some(Duration::from_secs(7)));
    // That it may not ask itself says nothing of those who come to it.
    let stranger = client(&behind, &[]).resolve_token("tok_1").await.unwrap_err();
    assert_eq!(stranger.kind(), Unavailable);
}
