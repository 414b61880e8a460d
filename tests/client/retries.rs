//! What is sent again, and what is not.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Request, Response};
use tower::retry::RetryLayer;
use tower::{Layer as _, Service, ServiceExt as _, service_fn};
use tower_vgi::Body;
use tower_vgi::client::{Channel, Generation, HttpService, RetryPolicy, capabilities};

use crate::calculator::CalculatorClient;
use crate::support::Arguments;
use crate::ways::stack;

/// Answers the first requests with 503.
fn flaky(
    failures: usize,
) -> (
    impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static,
    Arc<AtomicUsize>,
) {
    let (inner, requests) = (stack(), Arc::new(AtomicUsize::new(0)));
    let count = requests.clone();
    let service = service_fn(move |request: Request<Body>| {
        let inner = inner.clone();
        let index = count.fetch_add(1, Ordering::SeqCst);
        async move {
            if index < failures {
                return Ok(Response::builder().status(503).header("retry-after", "1").body(Body::empty()).unwrap());
            }
            inner.oneshot(request).await
        }
    });
    (service, requests)
}

fn with_policy(service: impl HttpService, generation: Generation) -> Channel<impl HttpService> {
    Channel::builder().retry(RetryPolicy::new()).generation(generation).service(service, "/").unwrap()
}

#[tokio::test(start_paused = true)]
async fn discovery_is_repeated_in_every_generation() {
    for generation in [Generation::Flat, Generation::Namespaced] {
        let (service, requests) = flaky(3);
        let channel = with_policy(service, generation);
        assert!(capabilities(&channel).await.unwrap().response_budgets);
        assert_eq!(requests.load(Ordering::SeqCst), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failing_proxy_teaches_nothing() {
    let (service, _) = flaky(1);
    let client = CalculatorClient::new(Channel::builder().service(service, "/").unwrap());
    let error = client.add(1.0, 2.0).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    assert_eq!(error.retry_delay(), Some(std::time::Duration::from_secs(1)));
    assert_eq!(client.add(1.0, 2.0).await.unwrap(), 3.0);
    assert_eq!(client.channel().generation().await.unwrap(), Generation::Namespaced);
}

#[tokio::test(start_paused = true)]
async fn calls_are_repeated_as_the_clients_of_the_generation_do_it() {
    for (generation, repeats) in [(Generation::Flat, true), (Generation::Namespaced, false)] {
        let (service, requests) = flaky(2);
        let client = CalculatorClient::new(with_policy(service, generation));
        let result = client.add(1.0, 2.0).await;
        assert_eq!(result.is_ok(), repeats, "{generation:?}");
        assert_eq!(requests.load(Ordering::SeqCst), if repeats { 3 } else { 1 });
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_said_to_be_idempotent_is_repeated() {
    let (service, requests) = flaky(2);
    let channel = with_policy(service, Generation::Namespaced);
    let call = channel.method("acme.Calculator.v1", "add").version("1.2.0").idempotent();
    let row = Arguments::none().with("a", 1.0).with("b", 2.0).batch();
    assert!(call.unary(row).await.is_ok());
    assert_eq!(requests.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn a_turn_of_an_exchange_is_never_repeated() {
    for generation in [Generation::Flat, Generation::Namespaced] {
        let inner = stack();
        let service = service_fn(move |request: Request<Body>| {
            let inner = inner.clone();
            async move {
                if request.uri().path().ends_with("/exchange") {
                    return Ok(Response::builder().status(503).body(Body::empty()).unwrap());
                }
                inner.oneshot(request).await
            }
        });
        let turns = Arc::new(AtomicUsize::new(0));
        let count = turns.clone();
        let counted = service.map_request(move |request: Request<Body>| {
            count.fetch_add(usize::from(request.uri().path().ends_with("/exchange")), Ordering::SeqCst);
            request
        });
        let client = CalculatorClient::new(with_policy(counted, generation));
        let mut scale = client.scale(1.0).await.unwrap();
        assert!(scale.exchange(&[crate::calculator::Row { value: 1.0 }]).await.is_err());
        assert_eq!(turns.load(Ordering::SeqCst), 1, "{generation:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_policy_serves_a_stack_of_ones_own() {
    // Requests that may be repeated are marked by the channel.
    let (service, requests) = flaky(2);
    let service = RetryLayer::new(RetryPolicy::new()).layer(service);
    let channel = Channel::builder().generation(Generation::Namespaced).service(service, "/").unwrap();
    assert!(capabilities(&channel).await.is_ok());
    assert_eq!(requests.load(Ordering::SeqCst), 3);
}
