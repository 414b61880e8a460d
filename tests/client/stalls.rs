//! Servers that begin and do not go on: a timeout holds for the whole of what a caller waits for.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tower::{ServiceExt as _, service_fn};
use tower_vgi::client::{Channel, Generation, HttpService};
use tower_vgi::{Body, BoxError, ErrorCode, RpcError};

use crate::calculator::{CalculatorClient, Row, Tick};
use crate::ways::service;

/// Gives the responses on these paths but for their last bytes, and then nothing more.
fn stalling(on: &'static str, missing: usize) -> impl HttpService {
    let inner = service();
    service_fn(move |request: Request<Body>| {
        let inner = inner.clone();
        async move {
            let stalls = request.uri().path().ends_with(on);
            let response = inner.oneshot(request).await?;
            if !stalls {
                return Ok::<_, Infallible>(response);
            }
            let (parts, body) = response.into_parts();
            let whole = body.collect().await.unwrap().to_bytes();
            let some = whole.slice(..whole.len().saturating_sub(missing));
            let body = StreamBody::new(stream::iter([Ok::<_, BoxError>(Frame::data(some))]).chain(stream::pending()));
            Ok(Response::from_parts(parts, Body::new(body)))
        }
    })
}

fn client(on: &'static str, missing: usize, streamed: bool) -> CalculatorClient<impl HttpService> {
    let builder = Channel::builder().generation(Generation::Namespaced).timeout(Duration::from_secs(5));
    CalculatorClient::new(builder.streamed_producers(streamed).service(stalling(on, missing), "/").unwrap())
}

#[track_caller]
fn is_timeout(error: &RpcError) {
    assert_eq!((error.type_name(), error.code()), ("TimeoutError", ErrorCode::DeadlineExceeded), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_result_that_does_not_end() {
    is_timeout(&client("/add", 8, true).add(1.0, 2.0).await.unwrap_err());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_does_not_begin() {
    is_timeout(&client("/init", usize::MAX, true).countdown(3).await.unwrap_err());
    is_timeout(&client("/init", 8, true).scale(2.0).await.unwrap_err());
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_an_exchange_that_does_not_end() {
    let client = client("/exchange", 8, true);
    let mut scale = client.scale(2.0).await.unwrap();
    is_timeout(&scale.exchange(&[Row { value: 1.0 }]).await.unwrap_err());
    // Whether it counted is not known; telling the server is not waited for either.
    scale.cancel().await;
}

#[tokio::test(start_paused = true)]
async fn a_producer_that_does_not_go_on() {
    for (on, streamed) in [("/init", true), ("/exchange", false)] {
        let client = client(on, if streamed { 300 } else { usize::MAX }, streamed);
        let mut countdown = client.countdown(3).await.unwrap();
        assert_eq!(countdown.next().await.unwrap(), Some(Tick { left: 2 }), "{on}");
        // A caller may take its time.
        tokio::time::sleep(Duration::from_secs(60)).await;
        let error = loop {
            match countdown.next().await {
                Ok(tick) => assert!(tick.is_some(), "{on}: ended without an error"),
                Err(error) => break error,
            }
        };
        is_timeout(&error);
        assert_eq!(countdown.next().await.unwrap(), None, "{on}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_server_is_gone_is_given_up_in_time() {
    let client = client("/exchange", usize::MAX, false);
    let mut countdown = client.countdown(3).await.unwrap();
    countdown.cancel().await;
    countdown.cancel().await;
    assert_eq!(countdown.next().await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn an_error_is_told_although_its_answer_does_not_end() {
    // Without a timeout.
    let client = |on| {
        let builder = Channel::builder().generation(Generation::Namespaced);
        CalculatorClient::new(builder.service(stalling(on, 8), "/").unwrap())
    };
    let error = client("/divide").divide(1, 0).await.unwrap_err();
    assert_eq!(error.type_name(), "ValueError", "{error}");
    let batch = crate::support::Arguments::none().batch();
    let error = client("/init").channel().producer("acme.Calculator.v1", "absent", batch).await.unwrap_err();
    assert!(error.is_not_implemented(), "{error}");
}
