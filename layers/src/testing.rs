//! The contract that every layer here keeps, as a test for layers of your own.
//!
//! [`check`] wraps a probing service in the layer and looks at what tower and hyper rely on: that
//! the service polled ready is the one that is called, that errors pass, that dropping a future or a
//! body drops what is inside, and that a body's size hint is true.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use http::Request;
//! use tower::layer::util::Identity;
//! use tower_vgi::Body;
//!
//! tower_vgi_layers::testing::check(&Identity::new(), || Request::new(Body::empty())).await;
//! # }
//! ```

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tower_layer::Layer;
use tower_service::Service;
use tower_vgi::{Body, BoxError};

/// Checks that a layer behaves. `request` makes a request that the layer hands to the service inside.
///
/// # Panics
///
/// When the layer breaks the contract; the message says in which point.
pub async fn check<L, B>(layer: &L, request: impl Fn() -> Request<Body>)
where
    L: Layer<Probe>,
    L::Service: Service<Request<Body>, Response = Response<B>, Error = ProbeError> + Clone,
    B: HttpBody<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let shared = Arc::<Shared>::default();
    let mut service = layer.layer(Probe { shared: shared.clone(), readiness: Readiness::Unknown });

    // Twice by the same service, and by clones taken while the other one is ready.
    for _ in 0..2 {
        ready(&mut service).await;
        let mut other = service.clone();
        let answered = service.call(request()).await;
        assert!(answered.is_ok(), "the layer turned a response into an error");
        ready(&mut other).await;
        assert!(other.call(request()).await.is_ok(), "a clone of the service fails where the service does not");
    }
    assert_eq!(shared.calls.load(Ordering::SeqCst), 4, "each request reaches the service inside exactly once");

    shared.behave(Behaviour::Fail);
    ready(&mut service).await;
    let failed = service.call(request()).await;
    assert!(failed.is_err(), "the layer swallowed an error of the service inside");

    shared.behave(Behaviour::Hang);
    ready(&mut service).await;
    let before = shared.futures_dropped.load(Ordering::SeqCst);
    {
        let mut future = pin!(service.call(request()));
        // A layer may first do something of its own, such as reading the body.
        for _ in 0..16 {
            let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(polled.is_pending(), "the layer answered while the service inside has not");
        }
    }
    let dropped = shared.futures_dropped.load(Ordering::SeqCst) - before;
    assert_eq!(dropped, 1, "dropping the future does not drop the one inside");

    shared.behave(Behaviour::Answer);
    ready(&mut service).await;
    if let Ok(response) = service.call(request()).await {
        let before = shared.bodies_dropped.load(Ordering::SeqCst);
        drop(response);
        let dropped = shared.bodies_dropped.load(Ordering::SeqCst) - before;
        assert_eq!(dropped, 1, "dropping the response's body does not drop the one inside");
    }

    ready(&mut service).await;
    if let Ok(response) = service.call(request()).await {
        check_size_hint(response.into_body()).await;
    }
}

/// Reads a body to its end.
///
/// # Errors
///
/// The body's own.
pub async fn collect<B>(body: B) -> Result<Bytes, BoxError>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let mut body = pin!(body);
    let mut collected = BytesMut::new();
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        if let Ok(data) = frame.map_err(Into::into)?.into_data() {
            collected.extend_from_slice(&data);
        }
    }
    Ok(collected.freeze())
}

/// The service that [`check`] puts inside the layer.
///
/// It wants to be polled ready before each call, and panics if it was not.
pub struct Probe {
    shared: Arc<Shared>,
    readiness: Readiness,
}

impl Clone for Probe {
    /// Readiness belongs to one instance: the clone is not ready.
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), readiness: Readiness::Unknown }
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Probe").finish_non_exhaustive()
    }
}

impl<B> Service<Request<B>> for Probe {
    type Response = Response<ProbeBody>;
    type Error = ProbeError;
    type Future = ProbeFuture<B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ProbeError>> {
        if self.readiness == Readiness::Unknown {
            self.readiness = Readiness::Asked;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.readiness = Readiness::Ready;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        assert_eq!(self.readiness, Readiness::Ready, "the layer called a service that it had not polled ready");
        self.readiness = Readiness::Unknown;
        self.shared.calls.fetch_add(1, Ordering::SeqCst);
        ProbeFuture { _request: request, shared: self.shared.clone() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readiness {
    Unknown,
    Asked,
    Ready,
}

#[derive(Default)]
struct Shared {
    behaviour: Mutex<Behaviour>,
    calls: AtomicUsize,
    futures_dropped: AtomicUsize,
    bodies_dropped: AtomicUsize,
}

impl Shared {
    fn behave(&self, behaviour: Behaviour) {
        *self.behaviour.lock().unwrap_or_else(PoisonError::into_inner) = behaviour;
    }
}

#[derive(Clone, Copy, Default)]
enum Behaviour {
    #[default]
    Answer,
    Fail,
    Hang,
}

/// The error that [`Probe`] fails with.
#[derive(Debug)]
pub struct ProbeError(());

impl fmt::Display for ProbeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the probe was told to fail")
    }
}

impl std::error::Error for ProbeError {}

/// The future of [`Probe`]. It keeps the request, as a service at work would.
pub struct ProbeFuture<B> {
    _request: Request<B>,
    shared: Arc<Shared>,
}

impl<B> fmt::Debug for ProbeFuture<B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ProbeFuture").finish_non_exhaustive()
    }
}

impl<B> Future for ProbeFuture<B> {
    type Output = Result<Response<ProbeBody>, ProbeError>;

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> {
        let behaviour = *self.shared.behaviour.lock().unwrap_or_else(PoisonError::into_inner);
        match behaviour {
            Behaviour::Answer => Poll::Ready(Ok(Response::new(ProbeBody { left: 3, shared: self.shared.clone() }))),
            Behaviour::Fail => Poll::Ready(Err(ProbeError(()))),
            Behaviour::Hang => Poll::Pending,
        }
    }
}

impl<B> Drop for ProbeFuture<B> {
    fn drop(&mut self) {
        self.shared.futures_dropped.fetch_add(1, Ordering::SeqCst);
    }
}

/// The body that [`Probe`] answers with: a few frames, and an exact size hint.
pub struct ProbeBody {
    left: usize,
    shared: Arc<Shared>,
}

impl ProbeBody {
    const FRAME: &'static [u8] = b"frame";
}

impl fmt::Debug for ProbeBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ProbeBody").field("left", &self.left).finish_non_exhaustive()
    }
}

impl HttpBody for ProbeBody {
    type Data = Bytes;
    type Error = ProbeError;

    fn poll_frame(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ProbeError>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(Self::FRAME)))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact((self.left * Self::FRAME.len()) as u64)
    }
}

impl Drop for ProbeBody {
    fn drop(&mut self) {
        self.shared.bodies_dropped.fetch_add(1, Ordering::SeqCst);
    }
}

async fn ready<S>(service: &mut S)
where
    S: Service<Request<Body>, Error = ProbeError>,
{
    let ready = poll_fn(|cx| service.poll_ready(cx)).await;
    assert!(ready.is_ok(), "the layer is not ready though the service inside is");
}

/// Hints are kept and compared with what came after them.
async fn check_size_hint<B>(body: B)
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let mut body = pin!(body);
    let mut hints = vec![(0, body.size_hint())];
    let mut total = 0;
    loop {
        let ended = body.is_end_stream();
        let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await else { break };
        assert!(!ended, "the body goes on after it said that it had ended");
        assert!(frame.is_ok(), "the body fails though the one inside does not");
        if let Some(Ok(data)) = frame.ok().map(Frame::into_data) {
            total += data.len() as u64;
        }
        hints.push((total, body.size_hint()));
    }
    for (read, hint) in hints {
        let left = total - read;
        assert!(hint.lower() <= left, "the size hint promised at least {} bytes, {left} came", hint.lower());
        assert!(hint.upper().is_none_or(|upper| left <= upper), "more than the size hint's upper bound came");
    }
}

/// How much a layer reads of a body of 10 MiB whose request it refuses.
#[cfg(test)]
pub(crate) async fn mebibytes_read<L, B>(layer: &L) -> usize
where
    L: Layer<tower::util::ServiceFn<Unreached>>,
    L::Service: Service<Request<LongBody>, Response = Response<B>>,
{
    let read = Arc::<AtomicUsize>::default();
    let inside: Unreached = |_| panic!("the layer does not refuse");
    let service = layer.layer(tower::service_fn(inside));
    let answered = tower::ServiceExt::oneshot(service, Request::new(LongBody { read: read.clone() })).await;
    assert!(answered.is_ok());
    read.load(Ordering::SeqCst)
}

#[cfg(test)]
type Unreached = fn(Request<LongBody>) -> std::future::Ready<Result<Response<Body>, std::convert::Infallible>>;

/// Does not say how long it is.
#[cfg(test)]
pub(crate) struct LongBody {
    read: Arc<AtomicUsize>,
}

#[cfg(test)]
impl HttpBody for LongBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let read = self.read.fetch_add(1, Ordering::SeqCst);
        Poll::Ready((read < 100).then(|| Ok(Frame::data(Bytes::from_static(&[0; 1 << 20])))))
    }
}
