//! How long a request body may take, so that a client that dribbles cannot hold a request open for ever.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! # use std::pin::Pin;
//! # use std::task::{Context, Poll};
//! use std::time::Duration;
//!
//! use http::{Request, Response, StatusCode};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use tower_vgi::{Body, BoxError};
//! use tower_vgi_layers::body_timeout::{RequestBodyTimeoutLayer, TimeoutBody};
//! # use bytes::Bytes;
//! # use http_body::Frame;
//! # use http_body_util::BodyExt;
//! # struct Silent;
//! # impl http_body::Body for Silent {
//! #     type Data = Bytes;
//! #     type Error = BoxError;
//! #     fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
//! #         Poll::Pending
//! #     }
//! # }
//!
//! let layer = RequestBodyTimeoutLayer::new().min_rate(4096).deadline(Duration::from_secs(600));
//! let service = ServiceBuilder::new().layer(layer).service(service_fn(|request: Request<TimeoutBody<Silent>>| async {
//!     request.into_body().collect().await?;
//!     Ok::<_, BoxError>(Response::new(Body::empty()))
//! }));
//!
//! // A client that sends its headers and then nothing.
//! let response = service.oneshot(Request::new(Silent)).await?;
//! assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
//! # Ok(())
//! # }
//! ```
//!
//! By default a body has to come at 1 KiB a second, and may fall 10 seconds behind that; there is no deadline, since
//! how long an honest upload takes depends on its size. Only time counts in which the service waits for bytes, from
//! when it finds none until it finds some: not the time that it takes itself. A body that is there at once costs no
//! clock and no timer.
//!
//! A body that takes too long fails with an [`RpcError`](tower_vgi::RpcError) of the status 408, and so does the
//! request, whatever the service inside makes of it. HTTP/1 connections are closed, since the rest of the body could
//! take as long. Needs a tokio runtime with time. Put it outside of everything that reads bodies, such as
//! [`limit`](crate::limit) and [`compression`](crate::compression). How long headers may take is up to whoever accepts
//! connections; [`serve`](crate::serve()) bounds it.

mod body;
mod pace;

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use pin_project::pin_project;
use tower_layer::Layer;
use tower_service::Service;
use tower_vgi::{Advertise, BoxError, Capabilities};

use crate::body_refusal::{Watch, WatchedFuture};
use crate::response::ResponseBody;
use pace::{Limits, Pace};

pub use body::TimeoutBody;

/// Refuses request bodies that come too slowly. See the [module](self).
#[derive(Clone, Copy, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct RequestBodyTimeoutLayer {
    limits: Limits,
}

impl RequestBodyTimeoutLayer {
    /// At least 1 KiB a second, up to 10 seconds behind it, and no deadline.
    pub fn new() -> Self {
        Self { limits: Limits { deadline: None, min_rate: 1024, grace: Duration::from_secs(10) } }
    }

    /// How long the service may wait for a body in all. Default: no such limit.
    pub fn deadline(mut self, deadline: impl Into<Option<Duration>>) -> Self {
        self.limits.deadline = deadline.into();
        self
    }

    /// How many bytes have to come in each second of waiting; 0 turns it off. Default: 1024.
    pub fn min_rate(mut self, bytes_per_second: u64) -> Self {
        self.limits.min_rate = bytes_per_second;
        self
    }

    /// How far a body may fall behind the minimum rate. Default: 10 seconds.
    ///
    /// It is also how long a client may pause. A client that was fast before gets no longer pause for it.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.limits.grace = grace;
        self
    }
}

impl Default for RequestBodyTimeoutLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for RequestBodyTimeoutLayer {
    type Service = RequestBodyTimeout<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequestBodyTimeout { inner, limits: self.limits }
    }
}

impl Advertise for RequestBodyTimeoutLayer {
    fn advertise(&self, _capabilities: &mut Capabilities) {}
}

/// The service that [`RequestBodyTimeoutLayer`] makes.
#[derive(Clone, Copy, Debug)]
pub struct RequestBodyTimeout<S> {
    inner: S,
    limits: Limits,
}

impl<S> RequestBodyTimeout<S> {
    inner_service_accessors!();
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for RequestBodyTimeout<S>
where
    S: Service<Request<TimeoutBody<ReqBody>>, Response = Response<ResBody>>,
    ReqBody: HttpBody<Data = Bytes>,
    ReqBody::Error: Into<BoxError>,
    ResBody: HttpBody<Data = Bytes>,
    ResBody::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        if request.body().is_end_stream() {
            let future = self.inner.call(request.map(TimeoutBody::untimed));
            return ResponseFuture(WatchedFuture::new(future, None));
        }
        let watch = Watch::new(request.headers()).closing(request.version());
        let refusal = watch.refusal();
        let future = self.inner.call(request.map(|body| TimeoutBody::timed(body, Pace::new(self.limits), refusal)));
        ResponseFuture(WatchedFuture::new(future, Some(watch)))
    }
}

/// The future of [`RequestBodyTimeout`].
#[pin_project]
pub struct ResponseFuture<F>(#[pin] WatchedFuture<F>);

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().0.poll(cx)
    }
}

#[cfg(test)]
mod tests;
