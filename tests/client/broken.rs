//! Connections that break, bodies that end too soon, servers that close kept connections.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tower::{ServiceExt as _, service_fn};
use tower_vgi::client::{Channel, Generation, HttpService};
use tower_vgi::{Body, BoxError};

use crate::calculator::{CalculatorClient, Tick};
use crate::ways::service;

/// Cuts each response of a producer off after some bytes, as often as there are such numbers.
fn cutting(cuts: Vec<usize>, requests: Arc<AtomicUsize>) -> impl HttpService {
    let (inner, cuts) = (service(), Arc::new(cuts));
    service_fn(move |request: Request<Body>| {
        let (inner, cuts) = (inner.clone(), cuts.clone());
        let index = requests.fetch_add(1, Ordering::SeqCst);
        async move {
            let response = inner.oneshot(request).await?;
            let Some(cut) = cuts.get(index).copied() else { return Ok::<_, Infallible>(response) };
            let (parts, body) = response.into_parts();
            let whole = body.collect().await.unwrap().to_bytes();
            let rest: Vec<Result<_, BoxError>> = match cut < whole.len() {
                true => vec![Ok(Frame::data(whole.slice(..cut))), Err("the cable was pulled".into())],
                false => vec![Ok(Frame::data(whole))],
            };
            Ok(Response::from_parts(parts, Body::new(StreamBody::new(stream::iter(rest)))))
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_streamed_producer_goes_on_where_it_broke() {
    let expected: Vec<i64> = (0..200).rev().collect();
    let mut most = 0;
    for generation in [Generation::Flat, Generation::Namespaced] {
        for first in (1500..40_000).step_by(1777) {
            let requests = Arc::new(AtomicUsize::new(0));
            let cuts = vec![first, 9_000, 700, 5_000];
            let channel =
                Channel::builder().generation(generation).service(cutting(cuts, requests.clone()), "/").unwrap();
            let stream = CalculatorClient::new(channel).countdown(200).await.unwrap();
            let ticks: Vec<i64> = stream.collect().await.unwrap().iter().map(|tick| tick.left).collect();
            assert_eq!(ticks, expected, "{generation:?}, cut after {first}");
            most = most.max(requests.load(Ordering::SeqCst));
        }
    }
    assert!(most > 2, "nothing was cut off");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_again_and_again_ends_the_stream() {
    let requests = Arc::new(AtomicUsize::new(0));
    let cuts = std::iter::once(4_000).chain(std::iter::repeat_n(10, 100)).collect();
    let channel =
        Channel::builder().generation(Generation::Namespaced).service(cutting(cuts, requests.clone()), "/").unwrap();
    let mut stream = CalculatorClient::new(channel).countdown(200).await.unwrap();
    let error = loop {
        match stream.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("ended without an error"),
            Err(error) => break error,
        }
    };
    assert!(error.is_connection_error(), "{error}");
    assert!(requests.load(Ordering::SeqCst) <= 6);
    assert_eq!(stream.next().await.unwrap(), None);
}

#[tokio::test]
async fn a_body_that_ends_too_soon_is_an_error_of_the_connection() {
    let requests = Arc::new(AtomicUsize::new(0));
    for cut in [0, 1, 100, 200] {
        let channel = Channel::builder()
            .generation(Generation::Namespaced)
            .service(cutting(vec![cut; 1000], requests.clone()), "/")
            .unwrap();
        let error = CalculatorClient::new(channel).add(1.0, 2.0).await.unwrap_err();
        assert!(error.is_connection_error(), "{cut}: {error}");
        assert!(error.message().contains("cable was pulled"), "{error}");
    }
}

#[tokio::test]
async fn the_first_batch_comes_before_the_response_has_ended() {
    // A body that ends after its first batch, and never says so.
    let inner = service();
    let service = service_fn(move |request: Request<Body>| {
        let inner = inner.clone();
        async move {
            let (parts, body) = inner.oneshot(request).await?.into_parts();
            let whole = body.collect().await.unwrap().to_bytes();
            let most = whole.len() - 8;
            let pieces = stream::iter([Ok::<_, BoxError>(Frame::data(whole.slice(..most)))]);
            let body = StreamBody::new(futures_util::StreamExt::chain(pieces, stream::pending()));
            Ok::<_, Infallible>(Response::from_parts(parts, Body::new(body)))
        }
    });
    for streamed in [true, false] {
        let channel = Channel::builder()
            .generation(Generation::Namespaced)
            .streamed_producers(streamed)
            .service(service.clone(), "/")
            .unwrap();
        let mut stream = CalculatorClient::new(channel).countdown(3).await.unwrap();
        assert_eq!(stream.next().await.unwrap(), Some(Tick { left: 2 }));
    }
}

/// Answers one request a connection and closes it then, without having said so; before, what there is of an answer to
/// the second request is sent.
async fn closing(second: &'static [u8]) -> (String, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let count = connections.clone();
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut head = vec![0; 64 * 1024];
                let length = connection.read(&mut head).await.unwrap();
                let mut request = Request::post("/acme.Calculator.v1/add").body(Body::empty()).unwrap();
                let text = &head[..length];
                let end = text.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
                let body = Bytes::copy_from_slice(&text[end..]);
                request.headers_mut().insert("content-type", crate::support::content_type());
                *request.body_mut() = body.into();
                let answer = service().oneshot(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/vnd.apache.arrow.stream\r\ncontent-length: {}\r\n\r\n",
                    answer.len()
                );
                connection.write_all(&[head.as_bytes(), &answer[..]].concat()).await.unwrap();
                // The next request is read, and the connection closed in place of an answer.
                let most = if second.is_empty() { 1 } else { 64 * 1024 };
                let _ = connection.read(&mut vec![0; most]).await;
                let _ = connection.write_all(second).await;
            });
        }
    });
    (url, connections)
}

#[tokio::test]
async fn a_request_on_a_stale_connection_is_sent_again() {
    let (url, connections) = closing(b"").await;
    let channel = Channel::builder().generation(Generation::Namespaced).connect(&url).unwrap();
    let client = CalculatorClient::new(channel);
    for count in 1..=3 {
        assert_eq!(client.add(1.0, f64::from(count)).await.unwrap(), 1.0 + f64::from(count));
    }
    assert_eq!(connections.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_request_whose_answer_had_begun_is_not_sent_again() {
    let (url, connections) = closing(b"HTTP/1.1 20").await;
    let channel = Channel::builder().generation(Generation::Namespaced).connect(&url).unwrap();
    let client = CalculatorClient::new(channel);
    client.add(1.0, 1.0).await.unwrap();
    let error = client.add(1.0, 1.0).await.unwrap_err();
    assert!(error.is_connection_error(), "{error}");
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_connection_that_is_not_made_is_given_up() {
    // Takes connections, and says nothing.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let builder = Channel::builder().generation(Generation::Namespaced);
    match builder.connect_timeout(std::time::Duration::from_millis(50)).connect(&url) {
        Ok(channel) => {
            let error = CalculatorClient::new(channel).add(1.0, 2.0).await.unwrap_err();
            assert!(error.message().contains("no connection within 50ms"), "{error}");
        }
        // Without the feature, or certificates of the system.
        Err(error) => assert_eq!(error.type_name(), "ValueError"),
    }
}

/// As a connection is seen that ends without a word over TLS.
fn ending_at(cut: usize) -> impl HttpService {
    let inner = service();
    service_fn(move |request: Request<Body>| {
        let inner = inner.clone();
        async move {
            let (mut parts, body) = inner.oneshot(request).await?.into_parts();
            let whole = body.collect().await.unwrap().to_bytes();
            let end: BoxError = std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into();
            let pieces = [Ok(Frame::data(whole.slice(..whole.len() - cut))), Err(end)];
            parts.headers.remove("content-length");
            Ok::<_, Infallible>(Response::from_parts(parts, Body::new(StreamBody::new(stream::iter(pieces)))))
        }
    })
}

#[tokio::test]
async fn an_answer_is_whole_where_its_stream_ends() {
    let client = |cut| {
        let builder = Channel::builder().generation(Generation::Namespaced).streamed_producers(false);
        CalculatorClient::new(builder.service(ending_at(cut), "/").unwrap())
    };
    assert_eq!(client(0).add(1.0, 2.0).await.unwrap(), 3.0);
    assert_eq!(client(0).countdown(2).await.unwrap().collect().await.unwrap().len(), 2);
    assert_eq!(client(0).announced(2).await.unwrap().collect().await.unwrap().len(), 2);
    assert!(client(8).add(1.0, 2.0).await.unwrap_err().is_connection_error());
    assert!(client(8).countdown(2).await.unwrap().collect().await.unwrap_err().is_connection_error());
}

#[tokio::test]
async fn a_header_without_its_stream_is_no_answer() {
    // Cuts where the header's stream has ended.
    let inner = service();
    let service = service_fn(move |request: Request<Body>| {
        let inner = inner.clone();
        async move {
            let (mut parts, body) = inner.oneshot(request).await?.into_parts();
            let whole = body.collect().await.unwrap().to_bytes();
            let end = b"\xff\xff\xff\xff\0\0\0\0";
            let at = whole.windows(8).position(|window| window == end).unwrap();
            parts.headers.remove("content-length");
            Ok::<_, Infallible>(Response::from_parts(parts, Body::from(whole.slice(..at + 8))))
        }
    });
    let channel = Channel::builder().generation(Generation::Namespaced).service(service, "/").unwrap();
    let error = CalculatorClient::new(channel).announced(2).await.map(drop).unwrap_err();
    assert!(error.message().contains("ends without the stream itself"), "{error}");
}
