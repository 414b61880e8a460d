//! A server that wants to know who calls.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response};
use tower::{ServiceExt as _, service_fn};
use tower_vgi::client::{Channel, Generation, HttpService, protected_resource, protected_resource_of_any_url};
use tower_vgi::{AuthReason, Body};
use tower_vgi_layers::Stack;
use tower_vgi_layers::auth::oauth::ResourceMetadata;
use tower_vgi_layers::auth::{AuthLayer, BearerTokens};

use crate::calculator::CalculatorClient;
use crate::ways::{self, service, stack};

/// Takes one bearer, and lets discovery pass.
fn guarded() -> impl HttpService {
    let inner = stack();
    service_fn(move |request: Request<Body>| {
        let inner = inner.clone();
        async move {
            let known = request.headers().get(AUTHORIZATION).is_some_and(|value| value == "Bearer secret");
            if known || request.method() == http::Method::OPTIONS {
                return inner.oneshot(request).await;
            }
            let body =
                r#"{"error":"unauthorized","reason":"expired_credential","detail":"the token is from yesterday"}"#;
            let response = Response::builder().status(401).header("vgi-auth-reason", "expired_credential");
            Ok::<_, Infallible>(response.header("content-type", "application/json").body(Body::from(body)).unwrap())
        }
    })
}

#[tokio::test]
async fn a_401_is_an_error_of_its_own_wherever_it_comes() {
    let client = CalculatorClient::new(Channel::in_process(guarded()));
    let unary = client.add(1.0, 2.0).await.unwrap_err();
    let producer = client.countdown(1).await.unwrap_err();
    let exchange = client.scale(1.0).await.unwrap_err();
    for error in [unary, producer, exchange] {
        assert_eq!(error.to_string(), "AuthenticationError: expired_credential: the token is from yesterday");
        assert_eq!(error.auth_reason(), Some(AuthReason::ExpiredCredential));
        assert!(error.is_unauthenticated() && !error.is_retryable());
    }
}

#[tokio::test]
async fn a_header_says_who_calls_and_is_not_shown() {
    let channel = Channel::builder()
        .header(AUTHORIZATION, HeaderValue::from_static("Bearer secret"))
        .service(guarded(), "/")
        .unwrap();
    assert!(!format!("{channel:?}").contains("secret"), "{channel:?}");
    let client = CalculatorClient::new(channel);
    assert_eq!(client.add(1.0, 2.0).await.unwrap(), 3.0);
    assert_eq!(client.countdown(3).await.unwrap().collect().await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_client_says_what_it_is_unless_it_is_told() {
    use std::sync::Mutex;

    use http::header::USER_AGENT;
    use tower_vgi::client::ChannelBuilder;

    async fn said(builder: ChannelBuilder) -> String {
        let (inner, seen) = (stack(), Arc::new(Mutex::new(String::new())));
        let agent = seen.clone();
        let service = service_fn(move |request: Request<Body>| {
            *agent.lock().unwrap() = request.headers()[USER_AGENT].to_str().unwrap().to_owned();
            inner.clone().oneshot(request)
        });
        CalculatorClient::new(builder.service(service, "/").unwrap()).add(1.0, 2.0).await.unwrap();
        seen.lock().unwrap().clone()
    }

    assert!(said(Channel::builder()).await.starts_with("tower-vgi/"));
    assert_eq!(said(Channel::builder().header(USER_AGENT, HeaderValue::from_static("mine/1"))).await, "mine/1");
}

/// Takes the token of the moment only, whose number it counts up when it is told, and refuses for a reason.
#[derive(Clone, Default)]
struct Issuer {
    good: Arc<AtomicUsize>,
    given: Arc<AtomicUsize>,
    calls: Arc<AtomicUsize>,
}

impl Issuer {
    fn guarded(&self, reason: &'static str) -> impl HttpService {
        let (issuer, inner) = (self.clone(), stack());
        service_fn(move |request: Request<Body>| {
            let (issuer, inner) = (issuer.clone(), inner.clone());
            async move {
                let good = format!("Bearer token-{}", issuer.good.load(Ordering::SeqCst));
                if request.headers().get(AUTHORIZATION).is_some_and(|value| value.as_bytes() == good.as_bytes()) {
                    if request.method() == http::Method::POST {
                        issuer.calls.fetch_add(1, Ordering::SeqCst);
                    }
                    return inner.oneshot(request).await;
                }
                let refused = Response::builder().status(401).header("vgi-auth-reason", reason);
                Ok::<_, Infallible>(refused.body(Body::empty()).unwrap())
            }
        })
    }

    fn channel(&self, reason: &'static str) -> Channel<impl HttpService> {
        let issuer = self.clone();
        let source = move || {
            issuer.given.fetch_add(1, Ordering::SeqCst);
            let good = issuer.good.load(Ordering::SeqCst);
            async move { Ok(format!("token-{good}")) }
        };
        Channel::builder().tokens(source).service(self.guarded(reason), "/").unwrap()
    }

    fn given(&self) -> usize {
        self.given.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_token_is_asked_for_once_and_again_when_it_has_expired() {
    let issuer = Issuer::default();
    let channel = issuer.channel("expired_credential");
    assert!(!format!("{channel:?}").contains("token-"), "{channel:?}");
    let client = CalculatorClient::new(channel);
    assert_eq!(client.add(1.0, 2.0).await.unwrap(), 3.0);
    let mut rows = client.countdown(3).await.unwrap();
    assert_eq!(issuer.given(), 1);
    // In the middle of a stream, too.
    assert!(rows.next().await.unwrap().is_some());
    issuer.good.fetch_add(1, Ordering::SeqCst);
    assert_eq!(client.add(1.0, 2.0).await.unwrap(), 3.0);
    assert_eq!(issuer.given(), 2);
}

#[tokio::test]
async fn calls_that_need_another_token_at_once_share_it() {
    let issuer = Issuer::default();
    let client = CalculatorClient::new(issuer.channel("invalid_credential"));
    assert_eq!(client.add(1.0, 2.0).await.unwrap(), 3.0);
    issuer.good.fetch_add(1, Ordering::SeqCst);
    let (a, b, c) = tokio::join!(client.add(1.0, 2.0), client.add(2.0, 2.0), client.add(3.0, 2.0));
    assert_eq!((a.unwrap(), b.unwrap(), c.unwrap()), (3.0, 4.0, 5.0));
    assert_eq!(issuer.given(), 2);
}

#[tokio::test]
async fn a_refusal_that_no_token_can_help_is_an_error_at_once() {
    for (reason, asked) in [("insufficient_scope", 1), ("proxy_required", 1), ("invalid_credential", 2)] {
        let issuer = Issuer::default();
        issuer.good.store(1_000_000, Ordering::SeqCst);
        let given = issuer.given.clone();
        let source = move || {
            given.fetch_add(1, Ordering::SeqCst);
            async { Ok("always the same".to_owned()) }
        };
        let channel = Channel::builder().generation(Generation::Namespaced).tokens(source);
        let client = CalculatorClient::new(channel.service(issuer.guarded(reason), "/").unwrap());
        assert_eq!(client.add(1.0, 2.0).await.unwrap_err().auth_reason(), Some(AuthReason::from_wire(reason)));
        assert_eq!((issuer.given(), issuer.calls.load(Ordering::SeqCst)), (asked, 0), "{reason}");
    }
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let issuer = Issuer::default();
    for (token, says) in [(Err("the vault is closed"), "the vault is closed"), (Ok("a\nb"), "does not fit")] {
        let source = move || async move { token.map(str::to_owned).map_err(Into::into) };
        let channel = Channel::builder().generation(Generation::Namespaced).tokens(source);
        let client = CalculatorClient::new(channel.service(issuer.guarded("unauthorized"), "/").unwrap());
        let error = client.add(1.0, 2.0).await.unwrap_err();
        assert!(error.is_unauthenticated() && error.to_string().contains(says), "{error}");
    }
}

#[tokio::test]
async fn a_server_says_where_tokens_come_from() {
    let metadata = ResourceMetadata::new("https://api.example/vgi", ["https://login.example"]);
    let metadata = metadata.scopes(["read"]).client_id("desktop").use_id_token_as_bearer();
    let stack = Stack::builder(service()).prefix("/vgi").auth(AuthLayer::new(BearerTokens::default())).oauth(metadata);
    let channel = Channel::builder().service(stack.build().unwrap(), "/vgi").unwrap();
    let resource = protected_resource(&channel).await.unwrap().unwrap();
    assert_eq!(resource.authorization_servers, ["https://login.example"]);
    assert_eq!((resource.client_id.as_deref(), resource.use_id_token_as_bearer), (Some("desktop"), true));
    assert_eq!(
        (resource.scopes_supported.len(), resource.bearer_methods_supported.join(" ")),
        (1, "header".to_owned())
    );

    let silent = Channel::in_process(ways::stack());
    assert_eq!(protected_resource(&silent).await.unwrap(), None);
}

#[tokio::test]
async fn where_tokens_come_from_is_asked_without_one_and_believed_of_the_server_itself_only() {
    let metadata = ResourceMetadata::new("https://api.example/vgi", ["https://login.example"]);
    let stack = Stack::builder(service()).prefix("/vgi").auth(AuthLayer::new(BearerTokens::default())).oauth(metadata);
    let stack = stack.build().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let source = {
        let asked = asked.clone();
        move || {
            asked.fetch_add(1, Ordering::SeqCst);
            async { Err("tokens are what is looked for".into()) }
        }
    };
    let channel = |url: &str| Channel::builder().tokens(source.clone()).service(stack.clone(), url).unwrap();
    assert!(protected_resource(&channel("https://api.example/vgi")).await.unwrap().is_some());
    let other = channel("https://other.example/vgi");
    let error = protected_resource(&other).await.unwrap_err();
    assert!(error.to_string().starts_with("ValueError") && error.to_string().contains("another resource"), "{error}");
    assert!(protected_resource_of_any_url(&other).await.unwrap().is_some());
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}
