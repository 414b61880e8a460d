use std::convert::Infallible;
use std::future::poll_fn;
use std::panic::panic_any;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body::{Frame, SizeHint};
use tower::{ServiceExt, service_fn};
use tracing::Level;

use super::*;
use crate::recorded::Recorded;
use crate::testing::collect;

/// Polled some times, then panics; may panic again when it is dropped. Each must happen once.
struct Panicking {
    polls: usize,
    drops_badly: bool,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    panics: AtomicUsize,
    drops: AtomicUsize,
}

impl Panicking {
    fn new(polls: usize, drops_badly: bool) -> Self {
        Self { polls, drops_badly, counts: Arc::default() }
    }

    fn step(&mut self) {
        if self.polls == 0 {
            self.counts.panics.fetch_add(1, Ordering::SeqCst);
            panic!("secret {}", "payload");
        }
        self.polls -= 1;
    }
}

impl Drop for Panicking {
    fn drop(&mut self) {
        self.counts.drops.fetch_add(1, Ordering::SeqCst);
        if self.drops_badly {
            panic!("another secret");
        }
    }
}

impl Future for Panicking {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.step();
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl HttpBody for Panicking {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.step();
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"frame")))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(5 * self.polls as u64 + 5)
    }
}

async fn call<S, B>(service: S) -> Response<ResponseBody<B>>
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible>,
    B: HttpBody<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let request = Request::post("/add").header("x-request-id", "id-1").body(Body::empty()).unwrap();
    CatchPanicLayer::new().layer(service).oneshot(request).await.unwrap()
}

/// The answer to a panic, in which nothing of the panic is found.
async fn check_answer(response: Response<ResponseBody<Body>>) {
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(response.headers()["content-type"], tower_vgi::rpc::ARROW_STREAM);
    let body = collect(response.into_body()).await.unwrap();
    let text = String::from_utf8_lossy(&body);
    for expected in ["RuntimeError: The server failed at this request.", "INTERNAL", "id-1"] {
        assert!(text.contains(expected), "{text}");
    }
    assert!(!text.contains("secret"), "{text}");
}

#[tokio::test]
async fn a_panic_in_the_call_is_answered() {
    let service = service_fn(|_: Request<Body>| -> std::future::Ready<Result<Response<Body>, Infallible>> {
        panic!("secret");
    });
    check_answer(call(service).await).await;
}

#[tokio::test]
async fn a_panic_in_the_future_is_answered() {
    for polls in [0, 3] {
        for drops_badly in [false, true] {
            let counts = Arc::<Counts>::default();
            let made = counts.clone();
            let service = service_fn(move |_: Request<Body>| Panicking { polls, drops_badly, counts: made.clone() });
            check_answer(call(service).await).await;
            assert_eq!(counts.panics.load(Ordering::SeqCst), 1, "polled again");
            assert_eq!(counts.drops.load(Ordering::SeqCst), 1);
        }
    }
}

#[tokio::test]
async fn a_panic_of_any_type_is_answered() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic_any(Box::new(7));
        }
    }
    check_answer(call(service_fn(async |_: Request<Body>| panic_any(Bomb))).await).await;
}

#[tokio::test]
async fn a_panic_in_the_body_breaks_it_off() {
    for drops_badly in [false, true] {
        let counts = Arc::<Counts>::default();
        let made = counts.clone();
        let response = call(service_fn(async |_: Request<Body>| {
            Ok(Response::new(Panicking { polls: 2, drops_badly, counts: made.clone() }))
        }))
        .await;
        assert_eq!(response.status(), StatusCode::OK);
        let mut body = pin!(response.into_body());
        assert_eq!(body.size_hint().exact(), Some(15));
        for _ in 0..2 {
            let frame = poll_fn(|cx| body.as_mut().poll_frame(cx)).await.unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), "frame");
        }
        assert!(!body.is_end_stream());
        let error = poll_fn(|cx| body.as_mut().poll_frame(cx)).await.unwrap().unwrap_err();
        assert!(error.to_string().contains("The server failed while it sent the response"), "{error}");
        assert_eq!(counts.drops.load(Ordering::SeqCst), 1);
        assert!(poll_fn(|cx| body.as_mut().poll_frame(cx)).await.is_none());
        assert!(body.is_end_stream());
        assert_eq!(counts.panics.load(Ordering::SeqCst), 1, "polled again");
    }
}

#[tokio::test]
async fn a_client_sees_that_the_body_broke_off() {
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use hyper_util::server::conn::auto;
    use hyper_util::service::TowerToHyperService;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// Of unknown length, and not ready each second time: then what is there already is sent.
    struct Chunked(Panicking, bool);
    impl HttpBody for Chunked {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            self.1 = !self.1;
            if self.1 {
                return Pin::new(&mut self.0).poll_frame(cx);
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    }

    let (mut client, server) = tokio::io::duplex(64 * 1024);
    let service = CatchPanicLayer::new().layer(service_fn(async |_: Request<hyper::body::Incoming>| {
        Ok::<_, Infallible>(Response::new(Chunked(Panicking::new(1, false), false)))
    }));
    let serving = tokio::spawn(async move {
        let builder = auto::Builder::new(TokioExecutor::new());
        builder.serve_connection(TokioIo::new(server), TowerToHyperService::new(service)).await
    });
    client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n5\r\nframe\r\n"), "neither more data nor an end: {answer}");
    assert!(serving.await.unwrap().is_err());
}

#[tokio::test]
async fn what_a_panic_says_is_logged() {
    let (recorded, _guard) = Recorded::start(Level::ERROR);
    call(service_fn(|_: Request<Body>| Panicking::new(1, true))).await;
    let response = call(service_fn(async |_: Request<Body>| Ok(Response::new(Panicking::new(0, false))))).await;
    assert!(collect(response.into_body()).await.is_err());

    let records = recorded.take("tower_vgi::panic");
    let of = |name| records.iter().map(|record| record.field(name).unwrap()).collect::<Vec<_>>();
    assert_eq!(of("panic"), ["secret payload", "another secret", "secret payload"]);
    assert_eq!(of("during"), ["call", "drop", "body"]);
    assert_eq!(of("request_id"), ["id-1"; 3]);
    assert!(records.iter().all(|record| record.level() == Level::ERROR));
}

#[tokio::test]
async fn bodies_that_cannot_panic_are_not_boxed() {
    let refusals = Refusals::new(&http::HeaderMap::new());
    assert!(Body::from(ResponseBody::inner(Body::from("abc"), refusals.clone())).is_complete());
    assert!(Body::from(ResponseBody::<Body>::own(Body::from("abc"))).is_complete());
    let body = Body::from(ResponseBody::inner(Body::new(Panicking::new(0, false)), refusals));
    assert!(collect(body).await.is_err());
}

#[tokio::test]
async fn keeps_the_layer_contract() {
    crate::testing::check(&CatchPanicLayer::new(), || Request::new(Body::empty())).await;
}
