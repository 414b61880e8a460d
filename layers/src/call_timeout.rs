//! A deadline for each call: a *call layer*, around all calls, one protocol or one method.
//!
//! ```
//! use std::time::Duration;
//!
//! use tower_vgi::rpc::{Method, Protocol, RpcService};
//! use tower_vgi_layers::call_timeout::CallTimeoutLayer;
//!
//! let reports = Protocol::new("Reports")
//!     .method(Method::unary("count").handler(|_, _| async { Ok(7_i64) }))
//!     // The tighter of two limits counts.
//!     .method_layer("count", CallTimeoutLayer::new(Duration::from_secs(2)));
//! let service = RpcService::builder()
//!     .layer(CallTimeoutLayer::new(Duration::from_secs(60)))
//!     .protocol(reports)
//!     .build()?;
//! # let _ = service;
//! # Ok::<(), tower_vgi::rpc::BuildError>(())
//! ```
//!
//! A call that takes longer is given up: its future is dropped, which
//! [`CallContext::cancelled`](tower_vgi::rpc::CallContext::cancelled) tells to whatever it has started elsewhere, and
//! its caller gets a `TimeoutError` with the code `DEADLINE_EXCEEDED`.
//!
//! # Streams
//!
//! Each turn of a stream is a call of its own, and has the whole time. Where a response carries many steps of a
//! producer, each step has the whole time again; one that takes longer ends the stream with the error. How long a
//! caller takes to read does not count.
//!
//! # What does not count
//!
//! The time begins when the service inside is called. Waiting until it is ready, as for a permit of a
//! concurrency limit inside of this layer, comes before; so does reading the request. Code that never yields cannot be
//! interrupted: let it ask [`CallContext::is_cancelled`](tower_vgi::rpc::CallContext::is_cancelled) on a thread of its
//! own.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project::pin_project;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tower_layer::Layer;
use tower_service::Service;
use tower_vgi::rpc::{Call, MethodName, Reply};
use tower_vgi::{BoxError, ErrorCode, RpcError};

/// Gives up calls that take too long. See the [module](self).
#[derive(Clone, Copy, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct CallTimeoutLayer {
    limit: Duration,
}

impl CallTimeoutLayer {
    /// A call, and each later step of a streamed response, may take `limit`.
    pub fn new(limit: Duration) -> Self {
        Self { limit }
    }
}

impl<S> Layer<S> for CallTimeoutLayer {
    type Service = CallTimeout<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CallTimeout { inner, limit: self.limit }
    }
}

/// The service that [`CallTimeoutLayer`] makes.
#[derive(Clone, Copy, Debug)]
pub struct CallTimeout<S> {
    inner: S,
    limit: Duration,
}

impl<S> CallTimeout<S> {
    inner_service_accessors!();
}

impl<S> Service<Call> for CallTimeout<S>
where
    S: Service<Call, Response = Reply>,
    S::Error: Into<BoxError>,
{
    type Response = Reply;
    type Error = BoxError;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, call: Call) -> Self::Future {
        ResponseFuture {
            name: call.method_name(),
            limit: self.limit,
            deadline: Instant::now().checked_add(self.limit),
            sleep: None,
            future: self.inner.call(call),
        }
    }
}

/// The future of [`CallTimeout`].
#[pin_project]
pub struct ResponseFuture<F> {
    #[pin]
    future: F,
    /// Made when there is something to wait for: most calls never are.
    #[pin]
    sleep: Option<Sleep>,
    /// `None` when it is further away than time can tell.
    deadline: Option<Instant>,
    limit: Duration,
    name: MethodName,
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ResponseFuture").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

impl<F, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Reply, E>>,
    E: Into<BoxError>,
{
    type Output = Result<Reply, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Poll::Ready(reply) = this.future.poll(cx) {
            let (limit, name) = (*this.limit, this.name.clone());
            return Poll::Ready(reply.map(|reply| limit_steps(reply, limit, name)).map_err(Into::into));
        }
        if this.sleep.is_none() {
            this.sleep.set(this.deadline.map(sleep_until));
        }
        match this.sleep.as_pin_mut() {
            Some(sleep) => ready!(sleep.poll(cx)),
            None => return Poll::Pending,
        }
        let text = format!(
            "{} took longer than {:?}, the server's limit for a call; ask for less in one call",
            this.name, this.limit
        );
        Poll::Ready(Err(too_slow(text).into()))
    }
}

fn limit_steps(reply: Reply, limit: Duration, name: MethodName) -> Reply {
    reply.map_steps(move |step| {
        let name = name.clone();
        Box::pin(async move {
            timeout(limit, step).await.unwrap_or_else(|_| {
                let text = format!(
                    "a step of {name} took longer than {limit:?}, the server's limit; ask for less in one step"
                );
                Err(too_slow(text))
            })
        })
    })
}

fn too_slow(text: String) -> RpcError {
    RpcError::new("TimeoutError", text).with_code(ErrorCode::DeadlineExceeded)
}
