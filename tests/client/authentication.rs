//! A server that wants to know who calls.

use std::convert::Infallible;

use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response};
use tower::{ServiceExt as _, service_fn};
use tower_vgi::client::{Channel, HttpService};
use tower_vgi::{AuthReason, Body};

use crate::calculator::CalculatorClient;
use crate::ways::stack;

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
    use std::sync::{Arc, Mutex};

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
