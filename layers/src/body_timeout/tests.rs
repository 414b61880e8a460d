use std::convert::Infallible;

use http::{StatusCode, Version};
use tokio::time::{Instant, Sleep, sleep};
use tower::{ServiceExt, service_fn};
use tower_vgi::Body;
use tower_vgi::rpc::rpc_error;

use super::*;
use crate::testing::collect;

/// A client that sends frames with pauses before them, then ends, or hangs.
struct Sending {
    frames: Vec<(u64, usize)>,
    ends: bool,
    pause: Option<Pin<Box<Sleep>>>,
}

fn sending(frames: &[(u64, usize)], ends: bool) -> Sending {
    Sending { frames: frames.iter().rev().copied().collect(), ends, pause: None }
}

impl HttpBody for Sending {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        let Some((seconds, length)) = self.frames.last().copied() else {
            return if self.ends { Poll::Ready(None) } else { Poll::Pending };
        };
        if seconds > 0 {
            let pause = self.pause.get_or_insert_with(|| Box::pin(sleep(Duration::from_secs(seconds))));
            std::task::ready!(pause.as_mut().poll(cx));
        }
        self.pause = None;
        self.frames.pop();
        Poll::Ready(Some(Ok(http_body::Frame::data(Bytes::from(vec![0; length])))))
    }
}

/// A service that answers 200 with how much it has read, or 500 when it cannot.
async fn count<B>(request: Request<TimeoutBody<B>>) -> Result<Response<Body>, Infallible>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    Ok(match collect(request.into_body()).await {
        Ok(bytes) => Response::new(Body::from(bytes.len().to_string())),
        Err(_) => Response::builder().status(500).body(Body::empty()).unwrap(),
    })
}

async fn send(layer: RequestBodyTimeoutLayer, body: Sending) -> (StatusCode, String) {
    let response = layer.layer(service_fn(count)).oneshot(Request::new(body)).await.unwrap();
    let status = response.status();
    (status, String::from_utf8_lossy(&collect(response.into_body()).await.unwrap()).into_owned())
}

#[tokio::test(start_paused = true)]
async fn a_body_that_keeps_to_the_minimum_may_take_for_ever() {
    let frames = [(5, 5 * 1024); 1000];
    let (status, text) = send(RequestBodyTimeoutLayer::new(), sending(&frames, true)).await;
    assert_eq!((status, text.as_str()), (StatusCode::OK, "5120000"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_dribbles_is_refused() {
    let frames = [(1, 1); 1000];
    let start = Instant::now();
    let (status, text) = send(RequestBodyTimeoutLayer::new(), sending(&frames, true)).await;
    assert_eq!(status, StatusCode::REQUEST_TIMEOUT);
    assert!(text.contains("TimeoutError: Request body came too slowly ("), "{text}");
    assert!(text.contains("the minimum is 1024 bytes a second"), "{text}");
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_was_fast_and_stops_is_refused() {
    let frames = [(0, 10 << 20), (0, 10 << 20)];
    let start = Instant::now();
    let layer = RequestBodyTimeoutLayer::new().grace(Duration::from_secs(3));
    let (status, text) = send(layer, sending(&frames, false)).await;
    assert_eq!(status, StatusCode::REQUEST_TIMEOUT);
    assert!(text.contains("(0 bytes in 3.0 s, "), "{text}");
    assert_eq!(start.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_bounds_what_is_fast_enough() {
    let frames = [(5, 1 << 20); 10];
    let layer = RequestBodyTimeoutLayer::new().deadline(Duration::from_secs(50));
    assert_eq!(send(layer, sending(&frames, true)).await.0, StatusCode::OK);
    let layer = layer.deadline(Duration::from_secs(49));
    let (status, text) = send(layer, sending(&frames, true)).await;
    assert_eq!(status, StatusCode::REQUEST_TIMEOUT);
    assert!(text.contains("(9437184 bytes came in 49.0 s, the deadline is 49.0 s)"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn limits_can_be_turned_off() {
    let layer = RequestBodyTimeoutLayer::new().min_rate(0).deadline(None);
    assert_eq!(send(layer, sending(&[(100_000, 1)], true)).await.0, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn the_time_of_the_service_does_not_count() {
    let service = RequestBodyTimeoutLayer::new().layer(service_fn(async |request: Request<TimeoutBody<Sending>>| {
        let mut body = Box::pin(request.into_body());
        while let Some(frame) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
            frame?;
            sleep(Duration::from_secs(1000)).await;
        }
        Ok::<_, BoxError>(Response::new(Body::empty()))
    }));
    let request = Request::new(sending(&[(9, 1), (0, 1), (0, 1)], true));
    assert_eq!(service.oneshot(request).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn the_service_sees_the_refusal_again_and_again() {
    let service = RequestBodyTimeoutLayer::new().layer(service_fn(async |request: Request<TimeoutBody<Sending>>| {
        let mut body = Box::pin(request.into_body());
        for _ in 0..2 {
            let frame = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await;
            let error = frame.unwrap().unwrap_err();
            assert_eq!(rpc_error(&error).unwrap().status(), StatusCode::REQUEST_TIMEOUT);
            assert!(!body.is_end_stream());
        }
        Ok::<_, Infallible>(Response::new(Body::empty()))
    }));
    let response = service.oneshot(Request::new(sending(&[], false))).await.unwrap();
    assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_ends_the_connection_of_http_1_only() {
    for (version, header) in [(Version::HTTP_11, Some("close")), (Version::HTTP_2, None)] {
        let mut request = Request::new(sending(&[], false));
        *request.version_mut() = version;
        request.headers_mut().insert("x-request-id", "abc".parse().unwrap());
        let response = RequestBodyTimeoutLayer::new().layer(service_fn(count)).oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
        let connection = response.headers().get("connection").map(|value| value.to_str().unwrap());
        assert_eq!(connection, header);
        let text = collect(response.into_body()).await.unwrap();
        assert!(text.windows(3).any(|window| window == b"abc"), "the refusal names the request");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_stops_reads_the_refusal_and_then_the_end() {
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use hyper_util::server::conn::auto;
    use hyper_util::service::TowerToHyperService;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let (mut client, server) = tokio::io::duplex(64 * 1024);
    let service = RequestBodyTimeoutLayer::new().layer(service_fn(count::<hyper::body::Incoming>));
    let serving = tokio::spawn(async move {
        let builder = auto::Builder::new(TokioExecutor::new());
        builder.serve_connection(TokioIo::new(server), TowerToHyperService::new(service)).await
    });
    client.write_all(b"POST /add HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nabc").await.unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    assert!(answer.contains("(0 bytes in 10.0 s, "), "{answer}");
    serving.await.unwrap().unwrap();
}

/// No runtime: a timer would panic.
#[test]
fn a_body_that_is_there_needs_no_timer() {
    let mut request = Box::pin(
        RequestBodyTimeoutLayer::new().layer(service_fn(count)).oneshot(Request::new(sending(&[(0, 3), (0, 4)], true))),
    );
    let polled = request.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop()));
    let Poll::Ready(Ok(response)) = polled else { panic!("waits") };
    assert_eq!(response.status(), StatusCode::OK);
}

#[test]
fn bodies_without_waiting_are_not_boxed() {
    let limits = RequestBodyTimeoutLayer::new().limits;
    let timed = |body| TimeoutBody::timed(body, Pace::new(limits), Default::default());
    assert!(Body::from(TimeoutBody::untimed(Body::empty())).is_complete());
    assert!(Body::from(timed(Body::from("abc"))).is_complete());
    assert!(!Body::from(timed(Body::new(sending(&[], true)))).is_complete());
}

#[tokio::test]
async fn keeps_the_layer_contract() {
    let layer = RequestBodyTimeoutLayer::new();
    crate::testing::check(&layer, || Request::new(Body::empty())).await;
    crate::testing::check(&layer, || Request::new(Body::new(sending(&[(0, 1)], true)))).await;
}
