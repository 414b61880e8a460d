//! Work that has to be done before the first request, in the process that answers it.
//!
//! Opening a pool of connections, warming a cache: with the first request rather than before listening, so that a
//! server is reachable at once, and that a process that was forked or restored does it by itself. Requests that come
//! meanwhile wait. Where the work fails, the request that began it is answered with 500, and the next one tries again.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! use std::sync::atomic::{AtomicU32, Ordering};
//!
//! use http::{Request, Response};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use tower_vgi::Body;
//! use tower_vgi_layers::start_hook::StartHookLayer;
//!
//! static STARTS: AtomicU32 = AtomicU32::new(0);
//!
//! let hook = || async {
//!     STARTS.fetch_add(1, Ordering::SeqCst);
//!     Ok::<_, std::io::Error>(())
//! };
//! let service = ServiceBuilder::new().layer(StartHookLayer::new(hook)).service(service_fn(
//!     |_request: Request<Body>| async { Ok::<_, std::convert::Infallible>(Response::new(Body::empty())) },
//! ));
//! for _ in 0..2 {
//!     service.clone().oneshot(Request::new(Body::empty())).await?;
//! }
//! assert_eq!(STARTS.load(Ordering::SeqCst), 1);
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body as HttpBody;
use pin_project::pin_project;
use tokio::sync::OnceCell;
use tower_layer::Layer;
use tower_service::Service;
use tower_vgi::rpc::error_response;
use tower_vgi::{Advertise, BoxError, Capabilities, ErrorCode, RpcError};

use crate::response::{self, ResponseBody};

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Does something before the first request. See the [module](self).
#[derive(Clone)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct StartHookLayer {
    start: Start,
}

impl StartHookLayer {
    /// Runs `hook` with the first request, and again with the next one as long as it fails.
    ///
    /// It runs in a task of its own and to its end, even if nobody waits for it any more.
    pub fn new<F, Fut, E>(hook: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let run: RunHook = Box::new(move || {
            let hook = hook();
            Box::pin(async move { hook.await.map_err(Into::into) })
        });
        Self { start: Start(Arc::new(Shared { run, started: OnceCell::new() })) }
    }
}

impl fmt::Debug for StartHookLayer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("StartHookLayer").field("started", &self.start.is_done()).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for StartHookLayer {
    type Service = StartHook<S>;

    fn layer(&self, inner: S) -> Self::Service {
        StartHook { inner, start: self.start.clone() }
    }
}

impl Advertise for StartHookLayer {
    fn advertise(&self, _capabilities: &mut Capabilities) {}
}

type RunHook = Box<dyn Fn() -> BoxFuture<Result<(), BoxError>> + Send + Sync>;

/// The hook, and whether it has run.
#[derive(Clone)]
struct Start(Arc<Shared>);

struct Shared {
    run: RunHook,
    started: OnceCell<()>,
}

impl Start {
    fn is_done(&self) -> bool {
        self.0.started.initialized()
    }

    /// Runs the hook unless it has run, or waits for the one that runs.
    fn run(&self) -> BoxFuture<Result<(), BoxError>> {
        let shared = self.0.clone();
        let task = tokio::spawn(async move {
            let started = shared.started.get_or_try_init(|| (shared.run)()).await;
            started.copied()
        });
        Box::pin(async move { task.await.unwrap_or_else(|panic| Err(panic.into())) })
    }
}

/// The service that [`StartHookLayer`] makes.
#[derive(Clone)]
pub struct StartHook<S> {
    inner: S,
    start: Start,
}

impl<S> StartHook<S> {
    inner_service_accessors!();
}

impl<S: fmt::Debug> fmt::Debug for StartHook<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("StartHook").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for StartHook<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    ReqBody: HttpBody,
    ResBody: HttpBody<Data = Bytes, Error: Into<BoxError>>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        if self.start.is_done() {
            return ResponseFuture(State::Started(response::ResponseFuture::inner(self.inner.call(request))));
        }
        // The service that is ready is the one that has to be called.
        let clone = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, clone);
        ResponseFuture(State::Starting(self.start.run(), Some((ready, request))))
    }
}

/// The future of [`StartHook`].
#[pin_project]
pub struct ResponseFuture<S: Service<Request<B>>, B>(#[pin] State<S, B>);

#[pin_project(project = StateProjection)]
enum State<S: Service<Request<B>>, B> {
    Starting(BoxFuture<Result<(), BoxError>>, Option<(S, Request<B>)>),
    Started(#[pin] response::ResponseFuture<S::Future, B>),
}

impl<S: Service<Request<B>>, B> fmt::Debug for ResponseFuture<S, B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.0 {
            State::Starting(..) => "ResponseFuture::Starting",
            State::Started(_) => "ResponseFuture::Started",
        })
    }
}

impl<S, B, ResBody> Future for ResponseFuture<S, B>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
    B: HttpBody,
{
    type Output = Result<Response<ResponseBody<ResBody>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().0;
        loop {
            let (started, waiting) = match state.as_mut().project() {
                StateProjection::Started(future) => return future.poll(cx),
                StateProjection::Starting(start, waiting) => (ready!(start.as_mut().poll(cx)), waiting.take()),
            };
            // It is taken once, since the state is another one afterwards.
            let Some((mut service, request)) = waiting else { return Poll::Pending };
            state.set(State::Started(match started {
                Ok(()) => response::ResponseFuture::inner(service.call(request)),
                Err(error) => {
                    tracing::error!(target: TARGET, error, "the start hook failed; the next request runs it again");
                    let response = error_response(&not_started(), request.headers());
                    response::ResponseFuture::refuse(request, response)
                }
            }));
        }
    }
}

/// The target of the event that tells why a hook failed.
pub const TARGET: &str = "tower_vgi::start_hook";

/// Callers are not told why: what it says is meant for those who run the server.
fn not_started() -> RpcError {
    RpcError::runtime_error("The server could not start its work. Its log says why; the next request tries again.")
        .with_code(ErrorCode::Internal)
        .with_status(StatusCode::INTERNAL_SERVER_ERROR)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::Notify;
    use tower::{ServiceExt as _, service_fn};
    use tower_vgi::Body;

    use super::*;

    async fn answer(_: Request<Body>) -> Result<Response<Body>, Infallible> {
        Ok(Response::new(Body::empty()))
    }

    async fn status<S, B>(service: &S) -> u16
    where
        S: Service<Request<Body>, Response = Response<B>, Error = Infallible> + Clone,
    {
        let Ok(response) = service.clone().oneshot(Request::new(Body::from("a body"))).await;
        response.status().as_u16()
    }

    #[tokio::test]
    async fn a_hook_that_fails_is_run_again_by_the_next_request() {
        let runs = Arc::new(AtomicU32::new(0));
        let count = runs.clone();
        let layer = StartHookLayer::new(move || {
            let run = count.fetch_add(1, Ordering::SeqCst);
            async move { if run < 2 { Err("not yet") } else { Ok(()) } }
        });
        let service = layer.layer(service_fn(answer));
        let mut statuses = Vec::new();
        for _ in 0..5 {
            statuses.push(status(&service).await);
        }
        assert_eq!((statuses.as_slice(), runs.load(Ordering::SeqCst)), (&[500, 500, 200, 200, 200][..], 3));
    }

    #[tokio::test]
    async fn callers_are_not_told_why_a_hook_failed() {
        let service = StartHookLayer::new(|| async { Err("password=1234") }).layer(service_fn(answer));
        let response = service.oneshot(Request::new(Body::empty())).await.unwrap();
        let body = crate::testing::collect(response.into_body()).await.unwrap();
        let text = String::from_utf8_lossy(&body);
        assert!(text.contains("Its log says why") && !text.contains("1234"), "{text}");
    }

    #[tokio::test]
    async fn a_hook_that_panics_has_failed() {
        let runs = AtomicU32::new(0);
        let layer = StartHookLayer::new(move || {
            assert!(runs.fetch_add(1, Ordering::SeqCst) > 0, "on purpose");
            async { Ok::<_, Infallible>(()) }
        });
        let service = layer.layer(service_fn(answer));
        assert_eq!([status(&service).await, status(&service).await], [500, 200]);
    }

    #[tokio::test]
    async fn requests_that_come_meanwhile_wait_and_the_hook_runs_once_whoever_leaves() {
        let (runs, go) = (Arc::new(AtomicU32::new(0)), Arc::new(Notify::new()));
        let (count, gate) = (runs.clone(), go.clone());
        let layer = StartHookLayer::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
            let gate = gate.clone();
            async move {
                gate.notified().await;
                Ok::<_, Infallible>(())
            }
        });
        let service = layer.layer(service_fn(answer));
        let first = tokio::spawn(service.clone().oneshot(Request::new(Body::empty())));
        while runs.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        first.abort();
        let second = tokio::spawn(service.clone().oneshot(Request::new(Body::empty())));
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        go.notify_one();
        assert_eq!(second.await.unwrap().unwrap().status(), 200);
        assert_eq!((status(&service).await, runs.load(Ordering::SeqCst)), (200, 1));
    }

    #[tokio::test]
    async fn keeps_the_layer_contract() {
        let layer = StartHookLayer::new(|| async { Ok::<_, Infallible>(()) });
        // Once it has started; a request that waits for that is not yet with the service inside.
        layer.start.run().await.unwrap();
        crate::testing::check(&layer, || Request::new(Body::empty())).await;
    }
}
