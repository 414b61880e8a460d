//! A limit of how many calls run at the same time: a *call layer*, around all calls, one protocol or some methods.
//!
//! ```
//! use tower_vgi::rpc::{Method, Protocol, RpcService};
//! use tower_vgi_layers::concurrency::ConcurrencyLimitLayer;
//!
//! let heavy = ConcurrencyLimitLayer::new(4).max_waiting(100);
//! let reports = Protocol::new("Reports")
//!     .method(Method::unary("sum").handler(|_, _| async { Ok(7_i64) }))
//!     .method(Method::unary("list").handler(|_, _| async { Ok("a, b".to_owned()) }))
//!     .method(Method::unary("peek").handler(|_, _| async { Ok(1_i64) }))
//!     // Four calls of these two together; `peek` is free.
//!     .method_layer("sum", heavy.clone())
//!     .method_layer("list", heavy);
//! let service = RpcService::builder().protocol(reports).build()?;
//! # let _ = service;
//! # Ok::<(), tower_vgi::rpc::BuildError>(())
//! ```
//!
//! # What a permit covers
//!
//! A call holds its permit until the body of its response has ended or was dropped, so that a streamed response
//! counts as long as it runs, and so does an answer whose caller is slow to read it. Between two turns of a stream nothing
//! is held.
//!
//! A **cancel always passes**, and takes no permit: it may free what the others wait for.
//!
//! # Waiting
//!
//! Calls over the limit wait in the order in which they came, without limit unless
//! [`max_waiting`](ConcurrencyLimitLayer::max_waiting) sets one. What goes beyond is answered at once with the code
//! `UNAVAILABLE` and a `RetryInfo`: the server is busy whoever calls, while `RESOURCE_EXHAUSTED` tells callers of a
//! quota or size of their own, and is worth a retry only to those who read the details.
//!
//! The layer waits in `poll_ready`, as tower's does. tower's `LoadShedLayer` in front of it lets nobody wait, and
//! callers get an error of the same code; `max_waiting(0)` is the shorter way.
//!
//! # Sharing
//!
//! Clones of a layer, and all services that it or its clones make, share one limit: the same value around several
//! methods, or around a protocol, limits them together. Never put a value *inside itself*, say around a protocol and
//! once more around one of its methods: a call would wait for its own permit.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project::pin_project;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::PollSemaphore;
use tower_layer::Layer;
use tower_service::Service;
use tower_vgi::rpc::{Call, Operation, Reply};
use tower_vgi::{BoxError, ErrorCode, ErrorDetail, RpcError};

/// When a caller that was turned away may try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Limits how many calls run at the same time. See the [module](self).
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct ConcurrencyLimitLayer {
    limit: Limit,
}

impl ConcurrencyLimitLayer {
    /// At most `max` calls at the same time; 0 counts as 1.
    pub fn new(max: usize) -> Self {
        let max = max.clamp(1, Semaphore::MAX_PERMITS);
        Self { limit: Limit { permits: Arc::new(Semaphore::new(max)), max, places: None } }
    }

    /// At most `max` calls wait for a permit; the next ones are refused. Default: any number.
    ///
    /// Set it before the layer is cloned: clones made earlier go on with what was set then.
    pub fn max_waiting(mut self, max: usize) -> Self {
        let max = max.min(Semaphore::MAX_PERMITS);
        self.limit.places = Some((Arc::new(Semaphore::new(max)), max));
        self
    }
}

impl<S> Layer<S> for ConcurrencyLimitLayer {
    type Service = ConcurrencyLimit<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ConcurrencyLimit { inner, limit: self.limit.clone(), readiness: Readiness::Unknown }
    }
}

/// What all clones share.
#[derive(Clone, Debug)]
struct Limit {
    permits: Arc<Semaphore>,
    max: usize,
    /// Places to wait in, and how many there are.
    places: Option<(Arc<Semaphore>, usize)>,
}

impl Limit {
    /// Begins to wait; `None` when there is no place for that.
    fn wait(&self) -> Option<Readiness> {
        let place = match &self.places {
            Some((places, _)) => Some(places.clone().try_acquire_owned().ok()?),
            None => None,
        };
        Some(Readiness::Waiting { permits: PollSemaphore::new(self.permits.clone()), _place: place })
    }

    fn refusal(&self) -> RpcError {
        let waiting = self.places.as_ref().map_or(0, |(_, max)| *max);
        RpcError::runtime_error(format!(
            "the server is busy: {} calls are running and {waiting} are waiting, which are its limits; try again later",
            self.max
        ))
        .with_code(ErrorCode::Unavailable)
        .with_detail(ErrorDetail::retry_info(RETRY_AFTER))
    }
}

/// The service that [`ConcurrencyLimitLayer`] makes.
#[derive(Debug)]
pub struct ConcurrencyLimit<S> {
    inner: S,
    limit: Limit,
    readiness: Readiness,
}

impl<S> ConcurrencyLimit<S> {
    inner_service_accessors!();
}

impl<S: Clone> Clone for ConcurrencyLimit<S> {
    /// The clone has no permit yet.
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), limit: self.limit.clone(), readiness: Readiness::Unknown }
    }
}

/// How far a service is on its way to the next call.
#[derive(Debug)]
enum Readiness {
    Unknown,
    Waiting {
        permits: PollSemaphore,
        _place: Option<OwnedSemaphorePermit>,
    },
    Permitted(OwnedSemaphorePermit),
    /// Ready for a cancel, which needs no permit.
    Cancel,
    /// Ready to refuse.
    Full,
}

impl<S> Service<Call> for ConcurrencyLimit<S>
where
    S: Service<Call, Response = Reply>,
    S::Error: Into<BoxError>,
{
    type Response = Reply;
    type Error = BoxError;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if Operation::waiting() == Some(Operation::Cancel) {
            self.readiness = Readiness::Cancel;
        } else if matches!(self.readiness, Readiness::Cancel | Readiness::Full) {
            self.readiness = Readiness::Unknown;
        }
        loop {
            self.readiness = match &mut self.readiness {
                // Whoever waits is served first: a permit that comes back goes to them and not to the semaphore.
                Readiness::Unknown => match self.limit.permits.clone().try_acquire_owned() {
                    Ok(permit) => Readiness::Permitted(permit),
                    Err(_) => self.limit.wait().unwrap_or(Readiness::Full),
                },
                Readiness::Waiting { permits, .. } => match ready!(permits.poll_acquire(cx)) {
                    Some(permit) => Readiness::Permitted(permit),
                    // Nobody closes the semaphore.
                    None => Readiness::Full,
                },
                Readiness::Permitted(_) | Readiness::Cancel => return self.inner.poll_ready(cx).map_err(Into::into),
                // An error would say that this service is of no use any more.
                Readiness::Full => return Poll::Ready(Ok(())),
            };
        }
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let permit = match std::mem::replace(&mut self.readiness, Readiness::Unknown) {
            Readiness::Permitted(permit) => Some(permit),
            Readiness::Cancel if call.operation() == Operation::Cancel => None,
            _ => return ResponseFuture(State::Refused(Some(self.limit.refusal()))),
        };
        ResponseFuture(State::Running { future: self.inner.call(call), permit })
    }
}

/// The future of [`ConcurrencyLimit`].
#[pin_project]
pub struct ResponseFuture<F>(#[pin] State<F>);

#[pin_project(project = StateProjection)]
enum State<F> {
    Running {
        #[pin]
        future: F,
        permit: Option<OwnedSemaphorePermit>,
    },
    Refused(Option<RpcError>),
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.0 {
            State::Running { .. } => "ResponseFuture::Running",
            State::Refused(_) => "ResponseFuture::Refused",
        })
    }
}

impl<F, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Reply, E>>,
    E: Into<BoxError>,
{
    type Output = Result<Reply, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().0.project() {
            StateProjection::Running { future, permit } => {
                let mut reply = ready!(future.poll(cx)).map_err(Into::into)?;
                if let Some(permit) = permit.take() {
                    reply.hold(permit);
                }
                Poll::Ready(Ok(reply))
            }
            StateProjection::Refused(error) => match error.take() {
                Some(error) => Poll::Ready(Err(error.into())),
                None => Poll::Pending,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::task::Waker;
    use tower::service_fn;

    fn layered(
        layer: &ConcurrencyLimitLayer,
    ) -> ConcurrencyLimit<impl Service<Call, Response = Reply, Error = Infallible> + Clone> {
        layer.layer(service_fn(|_: Call| std::future::pending::<Result<Reply, Infallible>>()))
    }

    fn is_ready(service: &mut impl Service<Call, Error = BoxError>) -> bool {
        match service.poll_ready(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(ready) => ready.is_ok(),
            Poll::Pending => false,
        }
    }

    fn is_full<S>(service: &ConcurrencyLimit<S>) -> bool {
        matches!(service.readiness, Readiness::Full)
    }

    #[test]
    fn readiness_is_a_permit_and_comes_back_when_it_is_not_used() {
        let layer = ConcurrencyLimitLayer::new(1);
        let mut first = layered(&layer);
        assert!(is_ready(&mut first) && is_ready(&mut first), "asking twice takes one permit");
        let mut second = first.clone();
        assert!(!is_ready(&mut second), "a clone is not ready because its original is");
        drop(first);
        assert!(is_ready(&mut second));
    }

    #[test]
    fn who_waits_is_served_in_order() {
        let layer = ConcurrencyLimitLayer::new(1);
        let mut running = layered(&layer);
        assert!(is_ready(&mut running));
        let [mut first, mut gone, mut second] = [(); 3].map(|()| layered(&layer));
        assert!(!is_ready(&mut first) && !is_ready(&mut gone) && !is_ready(&mut second));
        drop(running);
        assert!(!is_ready(&mut layered(&layer)), "nobody overtakes");
        assert!(!is_ready(&mut second));
        drop(gone);
        assert!(is_ready(&mut first));
        drop(first);
        assert!(is_ready(&mut second), "who has left is not waited for");
    }

    #[test]
    fn places_to_wait_in_are_limited_and_come_back() {
        let layer = ConcurrencyLimitLayer::new(1).max_waiting(1);
        let mut running = layered(&layer);
        assert!(is_ready(&mut running));
        let [mut waiting, mut refused] = [(); 2].map(|()| layered(&layer));
        assert!(!is_ready(&mut waiting));
        assert!(is_ready(&mut refused) && is_full(&refused));
        drop(waiting);
        assert!(!is_ready(&mut refused), "there is a place now");
        drop(running);
        assert!(is_ready(&mut refused) && !is_full(&refused));
    }

    #[test]
    fn a_permit_that_was_given_to_somebody_who_has_left_goes_to_the_next() {
        let layer = ConcurrencyLimitLayer::new(1);
        let mut running = layered(&layer);
        assert!(is_ready(&mut running));
        let [mut first, mut second] = [(); 2].map(|()| layered(&layer));
        assert!(!is_ready(&mut first) && !is_ready(&mut second));
        drop(running);
        drop(first);
        assert!(is_ready(&mut second));
    }

    #[test]
    fn a_limit_of_nothing_is_a_limit_of_one() {
        assert!(is_ready(&mut layered(&ConcurrencyLimitLayer::new(0))));
        assert!(is_ready(&mut layered(&ConcurrencyLimitLayer::new(usize::MAX).max_waiting(usize::MAX))));
    }

    #[test]
    fn the_refusal_names_the_limits() {
        let error = ConcurrencyLimitLayer::new(3).max_waiting(9).limit.refusal();
        assert_eq!((error.code(), error.retry_delay()), (ErrorCode::Unavailable, Some(RETRY_AFTER)));
        assert!(error.message().contains("3 calls are running and 9 are waiting"), "{error}");
    }
}
