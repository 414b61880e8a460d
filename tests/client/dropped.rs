//! Streams that are given up: nothing stays behind.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::{Stream, stream};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tower::{ServiceExt as _, service_fn};
use tower_vgi::client::{Channel, Generation, HttpService};
use tower_vgi::{Body, BoxError};

use crate::calculator::CalculatorClient;
use crate::ways::service;

/// Something of the server's that is under way.
struct UnderWay(Arc<AtomicUsize>);

impl UnderWay {
    fn begin(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A producer's next turn is never answered, and its streamed response does not come to its end.
fn endless(under_way: Arc<AtomicUsize>, streamed: bool) -> impl HttpService {
    let inner = service();
    service_fn(move |request: Request<Body>| {
        let (inner, under_way) = (inner.clone(), UnderWay::begin(&under_way));
        async move {
            if request.uri().path().ends_with("/exchange") {
                std::future::pending::<()>().await;
            }
            let (parts, body) = inner.oneshot(request).await?.into_parts();
            let whole = body.collect().await.unwrap().to_bytes();
            if !streamed {
                return Ok::<_, Infallible>(Response::from_parts(parts, Body::from(whole)));
            }
            let pieces = without_end(whole.slice(..whole.len() - 200), under_way);
            Ok(Response::from_parts(parts, Body::new(StreamBody::new(pieces))))
        }
    })
}

fn without_end(some: Bytes, under_way: UnderWay) -> impl Stream<Item = Result<Frame<Bytes>, BoxError>> {
    stream::unfold((Some(some), under_way), |(some, under_way)| async move {
        match some {
            Some(some) => Some((Ok(Frame::data(some)), (None, under_way))),
            None => std::future::pending().await,
        }
    })
}

/// How much is under way after a batch was read, and after the stream was dropped.
async fn given_up(streamed: bool) -> (usize, usize) {
    let under_way = Arc::new(AtomicUsize::new(0));
    let builder = Channel::builder().generation(Generation::Namespaced).streamed_producers(streamed);
    let channel = builder.service(endless(under_way.clone(), streamed), "/").unwrap();
    let mut rows = CalculatorClient::new(channel).countdown(3).await.unwrap();
    rows.next().await.unwrap().unwrap();
    // A request ahead is a task of its own.
    settle().await;
    let before = under_way.load(Ordering::SeqCst);
    drop(rows);
    settle().await;
    (before, under_way.load(Ordering::SeqCst))
}

async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_response_that_is_read_no_further_is_dropped() {
    assert_eq!(given_up(true).await, (1, 0));
}

#[tokio::test]
async fn a_request_ahead_is_given_up_with_its_stream() {
    assert_eq!(given_up(false).await, (1, 0));
}
