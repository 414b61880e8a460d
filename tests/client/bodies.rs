//! Compression, size, time, and where the server is mounted.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response};
use tower::{ServiceExt as _, service_fn};
use tower_vgi::client::{Channel, Generation, HttpService};
use tower_vgi::{Body, ErrorCode};
use tower_vgi_layers::Stack;

use crate::calculator::CalculatorClient;
use crate::ways::{service, stack};

/// Remembers a header of each request and response.
fn watching(inner: Stack, seen: Arc<Mutex<Vec<(String, String)>>>) -> impl HttpService {
    service_fn(move |request: Request<Body>| {
        let (inner, seen) = (inner.clone(), seen.clone());
        async move {
            let text = |headers: &http::HeaderMap| {
                headers.get("content-encoding").map_or("", |value| value.to_str().unwrap()).to_owned()
            };
            let sent = text(request.headers());
            let response: Response<Body> = inner.oneshot(request).await?;
            seen.lock().unwrap().push((sent, text(response.headers())));
            Ok::<_, std::convert::Infallible>(response)
        }
    })
}

#[tokio::test]
async fn large_bodies_are_compressed_both_ways() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let channel = Channel::builder().service(watching(stack(), seen.clone()), "/").unwrap();
    let client = CalculatorClient::new(channel);
    let name = "Ada ".repeat(100_000);
    assert_eq!(client.greet(name.clone(), None).await.unwrap(), format!("Hello, {name}!"));
    assert_eq!(seen.lock().unwrap().last().unwrap(), &("zstd".to_owned(), "zstd".to_owned()));
    assert_eq!(client.add(1.0, 2.0).await.unwrap(), 3.0);
    assert_eq!(seen.lock().unwrap().last().unwrap().0, "");
}

#[tokio::test]
async fn a_server_that_takes_no_compressed_bodies_gets_none() {
    // The core by itself refuses them; told that it takes them, the client finds out and sends the body as it is.
    let inner = service();
    let lying = service_fn(move |request: Request<Body>| {
        let inner = inner.clone();
        async move {
            let mut response = inner.oneshot(request).await?;
            response.headers_mut().insert("vgi-supported-encodings", http::HeaderValue::from_static("zstd"));
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    let client = CalculatorClient::new(Channel::builder().service(lying, "/").unwrap());
    let name = "Ada ".repeat(1000);
    for _ in 0..2 {
        assert_eq!(client.greet(name.clone(), None).await.unwrap(), format!("Hello, {name}!"));
    }
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_refused_whatever_the_server_does() {
    for generation in [Generation::Flat, Generation::Namespaced] {
        let channel =
            Channel::builder().max_response_bytes(65_536).generation(generation).service(stack(), "/").unwrap();
        let client = CalculatorClient::new(channel);
        assert!(client.greet("x".repeat(60_000), None).await.is_ok());
        let error = client.greet("x".repeat(70_000), None).await.unwrap_err();
        assert_eq!(error.type_name(), "ResponseTooLargeError", "{generation:?}: {error}");
        assert_eq!(error.code(), ErrorCode::ResourceExhausted);
    }
    assert!(Channel::builder().max_response_bytes(10).service(stack(), "/").is_err());
}

#[tokio::test]
async fn a_long_producer_passes_under_a_limit() {
    for generation in [Generation::Flat, Generation::Namespaced] {
        for streamed in [true, false] {
            let channel = Channel::builder()
                .max_response_bytes(65_536)
                .generation(generation)
                .streamed_producers(streamed)
                .service(stack(), "/")
                .unwrap();
            let rows = CalculatorClient::new(channel).countdown(1000).await.unwrap().collect().await.unwrap();
            assert_eq!(rows.len(), 1000, "{generation:?}");
        }
    }
}

#[tokio::test]
async fn a_server_may_be_mounted_below_a_prefix() {
    let mounted = || Stack::builder(service()).prefix("/vgi").build().unwrap();
    for (builder, base) in [
        (Channel::builder().prefix("/vgi"), "/"),
        (Channel::builder().prefix("vgi/"), "http://localhost"),
        (Channel::builder(), "http://localhost/vgi/"),
    ] {
        let client = CalculatorClient::new(builder.service(mounted(), base).unwrap());
        assert_eq!(client.add(1.0, 2.0).await.unwrap(), 3.0);
    }
}

#[tokio::test(start_paused = true)]
async fn time_runs_out() {
    let never = service_fn(|_request: Request<Body>| {
        std::future::pending::<Result<Response<Body>, std::convert::Infallible>>()
    });
    let channel = Channel::builder().timeout(Duration::from_secs(5)).service(never, "/").unwrap();
    let error = CalculatorClient::new(channel).add(1.0, 2.0).await.unwrap_err();
    assert_eq!((error.type_name(), error.code()), ("TimeoutError", ErrorCode::DeadlineExceeded));
}
