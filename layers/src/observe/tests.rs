use std::convert::Infallible;
use std::future::pending;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, Response};
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt as _, StreamBody};
use tower::{ServiceExt as _, service_fn};
use tower_service::Service as _;
use tower_vgi::{Body, BoxError, CallRecord};

use super::*;

type Ended = (Option<u16>, u64, u64, End, bool);

/// Notes how requests end, and how deep in scopes they are.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<Ended>>>);

thread_local! {
    static DEPTH: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

impl Observe for Notes {
    type Seen = ();

    fn begin<B>(&self, _request: &mut Request<B>) {}

    fn in_scope<R>(&self, _seen: &(), work: impl FnOnce() -> R) -> R {
        DEPTH.set(DEPTH.get() + 1);
        let result = work();
        DEPTH.set(DEPTH.get() - 1);
        result
    }

    fn end(&self, _seen: (), outcome: Outcome<'_>) {
        let status = outcome.status.map(|status| status.as_u16());
        let cancelled = outcome.call.cancelled;
        self.0.lock().unwrap().push((status, outcome.request_bytes, outcome.response_bytes, outcome.end, cancelled));
    }
}

impl Notes {
    fn take(&self) -> Vec<Ended> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Frames that come one by one, without an announced size.
fn stream(frames: Vec<Result<&'static str, BoxError>>) -> Body {
    let frames = frames.into_iter().map(|frame| frame.map(|text| Frame::data(Bytes::from_static(text.as_bytes()))));
    Body::new(StreamBody::new(futures_util::stream::iter(frames)))
}

/// Answers with what was sent, and says something of the call.
async fn echo(request: Request<RequestBody<Body>>) -> Result<Response<Body>, Infallible> {
    assert_eq!(DEPTH.get(), 1);
    CallRecord::update_in(request.extensions(), |call| call.cancelled = true);
    let body = request.into_body().collect().await.unwrap().to_bytes();
    Ok(Response::new(Body::from(body)))
}

#[tokio::test]
async fn an_answer_that_is_read_is_complete() {
    let notes = Notes::default();
    let service = ObserveLayer::new(notes.clone()).layer(service_fn(echo));
    for body in [Body::from("four"), stream(vec![Ok("fo"), Ok("ur")])] {
        let response = service.clone().oneshot(Request::new(body)).await.unwrap();
        assert_eq!(notes.take(), []);
        // As hyper does it: not once more than needed.
        let mut body = response.into_body();
        while !body.is_end_stream() {
            body.frame().await.unwrap().unwrap();
        }
        assert_eq!(notes.take(), [(Some(200), 4, 4, End::Complete, true)]);
        drop(body);
        assert_eq!(notes.take(), []);
    }
}

#[tokio::test]
async fn what_nobody_has_to_read_is_complete() {
    let notes = Notes::default();
    let service = ObserveLayer::new(notes.clone()).layer(service_fn(echo));
    drop(service.clone().oneshot(Request::new(Body::empty())).await.unwrap());
    assert_eq!(notes.take(), [(Some(200), 0, 0, End::Complete, true)]);
    let mut request = Request::new(Body::from("four"));
    *request.method_mut() = Method::HEAD;
    drop(service.oneshot(request).await.unwrap());
    assert_eq!(notes.take(), [(Some(200), 4, 0, End::Complete, true)]);
}

#[tokio::test]
async fn whoever_does_not_wait_has_dropped_the_request() {
    let notes = Notes::default();
    let mut service = ObserveLayer::new(notes.clone()).layer(service_fn(echo));
    drop(service.ready().await.unwrap().call(Request::new(Body::from("four"))));
    assert_eq!(notes.take(), [(None, 4, 0, End::Dropped, false)]);
    drop(service.oneshot(Request::new(Body::from("four"))).await.unwrap());
    assert_eq!(notes.take(), [(Some(200), 4, 0, End::Dropped, true)]);

    let hang = ObserveLayer::new(notes.clone())
        .layer(service_fn(|_: Request<RequestBody<Body>>| pending::<Result<Response<Body>, Infallible>>()));
    assert!(futures_util::FutureExt::now_or_never(hang.oneshot(Request::new(Body::empty()))).is_none());
    assert_eq!(notes.take(), [(None, 0, 0, End::Dropped, false)]);
}

#[tokio::test]
async fn what_breaks_is_broken() {
    let notes = Notes::default();
    let fail = |_: Request<RequestBody<Body>>| async { Err::<Response<Body>, BoxError>("no".into()) };
    let service = ObserveLayer::new(notes.clone()).layer(service_fn(fail));
    assert!(service.oneshot(Request::new(Body::empty())).await.is_err());
    assert_eq!(notes.take(), [(None, 0, 0, End::Broken, false)]);

    let break_off = |_: Request<RequestBody<Body>>| async {
        Ok::<_, Infallible>(Response::new(stream(vec![Ok("half"), Err("gone".into())])))
    };
    let service = ObserveLayer::new(notes.clone()).layer(service_fn(break_off));
    assert!(service.oneshot(Request::new(Body::empty())).await.unwrap().into_body().collect().await.is_err());
    assert_eq!(notes.take(), [(Some(200), 0, 4, End::Broken, false)]);
}

async fn panics(_: Request<RequestBody<Body>>) -> Result<Response<Body>, Infallible> {
    panic!("on purpose")
}

#[tokio::test]
async fn a_panic_is_not_the_callers_doing() {
    let notes = Notes::default();
    let service = ObserveLayer::new(notes.clone()).layer(service_fn(panics));
    assert!(tokio::spawn(service.oneshot(Request::new(Body::empty()))).await.is_err());
    assert_eq!(notes.take(), [(None, 0, 0, End::Broken, false)]);
}

#[tokio::test]
async fn several_observers_share_a_record() {
    let (outer, inner) = (Notes::default(), Notes::default());
    let service = ObserveLayer::new(inner.clone()).layer(service_fn(
        |request: Request<RequestBody<RequestBody<Body>>>| async move {
            CallRecord::update_in(request.extensions(), |call| call.cancelled = true);
            Ok::<_, Infallible>(Response::new(Body::from("four")))
        },
    ));
    let service = ObserveLayer::new(outer.clone()).layer(service);
    service.oneshot(Request::new(Body::empty())).await.unwrap().into_body().collect().await.unwrap();
    assert_eq!([outer.take(), inner.take()], [[(Some(200), 0, 4, End::Complete, true)]; 2]);
}

#[tokio::test]
async fn an_observer_that_panics_harms_nobody() {
    #[derive(Clone)]
    struct Panics;
    impl Observe for Panics {
        type Seen = ();
        fn begin<B>(&self, _request: &mut Request<B>) {}
        fn end(&self, _seen: (), _outcome: Outcome<'_>) {
            panic!("on purpose");
        }
    }
    let service = ObserveLayer::new(Panics).layer(service_fn(|_: Request<RequestBody<Body>>| async {
        Ok::<_, Infallible>(Response::new(Body::from("four")))
    }));
    let body = service.oneshot(Request::new(Body::empty())).await.unwrap().into_body().collect().await.unwrap();
    assert_eq!(body.to_bytes(), "four");
}

#[tokio::test]
async fn an_observer_may_touch_the_record_in_the_end() {
    #[derive(Clone, Default)]
    struct Touches(Arc<Mutex<Option<bool>>>);
    impl Observe for Touches {
        type Seen = CallRecord;
        fn begin<B>(&self, request: &mut Request<B>) -> CallRecord {
            CallRecord::of(request.extensions_mut())
        }
        fn end(&self, record: CallRecord, _outcome: Outcome<'_>) {
            record.update(|call| call.cancelled = true);
            *self.0.lock().unwrap() = Some(record.read(|call| call.cancelled));
        }
    }
    let touches = Touches::default();
    let service = ObserveLayer::new(touches.clone())
        .layer(service_fn(|_: Request<RequestBody<Body>>| async { Ok::<_, Infallible>(Response::new(Body::empty())) }));
    service.oneshot(Request::new(Body::empty())).await.unwrap().into_body().collect().await.unwrap();
    assert_eq!(*touches.0.lock().unwrap(), Some(true));
}

/// As between the layers of a stack.
#[tokio::test]
async fn an_answer_that_is_there_is_watched_without_a_box() {
    let notes = Notes::default();
    let pieces = |_: Request<RequestBody<Body>>| async {
        let pieces = ["fo", "ur"].map(|piece| Bytes::from_static(piece.as_bytes()));
        Ok::<_, Infallible>(Response::new(Body::from_frames(pieces)))
    };
    let service = ObserveLayer::new(notes.clone()).layer(service_fn(pieces));
    let answer = async || Body::from(service.clone().oneshot(Request::new(Body::empty())).await.unwrap().into_body());
    let mut read = answer().await;
    assert!(read.is_complete());
    for _ in 0..2 {
        assert_eq!(notes.take(), []);
        read.frame().await.unwrap().unwrap();
    }
    assert_eq!(notes.take(), [(Some(200), 0, 4, End::Complete, false)]);

    let mut given_up = answer().await;
    given_up.frame().await.unwrap().unwrap();
    drop(given_up);
    assert_eq!(notes.take(), [(Some(200), 0, 2, End::Dropped, false)]);
}

#[test]
fn a_request_body_of_known_size_is_not_boxed() {
    assert!(Body::from(RequestBody::new(Body::from("abc")).0).is_complete());
}

#[tokio::test]
async fn keeps_the_layer_contract() {
    crate::testing::check(&ObserveLayer::new(Notes::default()), || Request::new(Body::empty())).await;
}
