//! An answer where there was a panic.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! use http::{Request, Response, StatusCode};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use tower_vgi::Body;
//! use tower_vgi_layers::catch_panic::CatchPanicLayer;
//!
//! let service = ServiceBuilder::new().layer(CatchPanicLayer::new()).service(service_fn(
//!     |request: Request<Body>| async move {
//!         assert_eq!(request.uri().path(), "/add", "only additions");
//!         Ok::<_, std::convert::Infallible>(Response::new(Body::empty()))
//!     },
//! ));
//! let response = service.oneshot(Request::post("/subtract").body(Body::empty())?).await?;
//! assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
//! # Ok(())
//! # }
//! ```
//!
//! A panic while the service inside is called, or while its future is polled, becomes a 500 with an error of the
//! protocol; one while the response's body is polled becomes an error of the body, so that the caller sees it break
//! off and does not take it for complete. What has panicked is dropped and never polled again. Callers are not told
//! what the panic said: that is an event of [tracing] at the level `ERROR`, with the target `tower_vgi::panic` and the
//! fields `panic`, `during` and `request_id`.
//!
//! `RpcService` catches panics of methods itself. This is for everything else, such as layers, so put it outside of
//! them and inside of what every response has to carry. A panic on another thread, or where panics abort the process,
//! cannot be caught.
//!
//! [tracing]: https://docs.rs/tracing

mod body;
mod catch;

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body as HttpBody;
use pin_project::pin_project;
use tower_layer::Layer;
use tower_service::Service;
use tower_vgi::{Advertise, Body, BoxError, Capabilities, ErrorCode, RpcError};

use crate::refusal::Refusals;
use catch::catch;

pub use body::ResponseBody;

/// Answers where there was a panic. See the [module](self).
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct CatchPanicLayer;

impl CatchPanicLayer {
    /// Catches every panic of the service inside.
    pub fn new() -> Self {
        Self
    }
}

impl<S> Layer<S> for CatchPanicLayer {
    type Service = CatchPanic<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CatchPanic { inner }
    }
}

impl Advertise for CatchPanicLayer {
    fn advertise(&self, _capabilities: &mut Capabilities) {}
}

/// The service that [`CatchPanicLayer`] makes.
#[derive(Clone, Copy, Debug)]
pub struct CatchPanic<S> {
    inner: S,
}

impl<S> CatchPanic<S> {
    inner_service_accessors!();
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for CatchPanic<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
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
        let refusals = Refusals::new(request.headers());
        ResponseFuture(match catch(&refusals, "call", || self.inner.call(request)) {
            Some(future) => State::Calling { future, refusals },
            None => State::Refused(Some(refuse(&refusals))),
        })
    }
}

fn refuse(refusals: &Refusals) -> Response<Body> {
    let error = RpcError::runtime_error("The server failed at this request. Its log says why.")
        .with_code(ErrorCode::Internal)
        .with_status(StatusCode::INTERNAL_SERVER_ERROR);
    refusals.refuse(&error)
}

/// The future of [`CatchPanic`].
#[pin_project]
pub struct ResponseFuture<F>(#[pin] State<F>);

#[pin_project(project = StateProjection)]
enum State<F> {
    Calling {
        #[pin]
        future: F,
        refusals: Refusals,
    },
    Refused(Option<Response<Body>>),
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.0 {
            State::Calling { .. } => "ResponseFuture::Calling",
            State::Refused(_) => "ResponseFuture::Refused",
        })
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().0;
        if let StateProjection::Calling { future, refusals } = state.as_mut().project() {
            if let Some(polled) = catch(refusals, "call", || future.poll(cx)) {
                return polled
                    .map_ok(|response| response.map(|body| ResponseBody::inner(body, std::mem::take(refusals))));
            }
            let refusals = refusals.clone();
            // Here the future is dropped, which may panic again; the refusal takes its place all the same.
            catch(&refusals, "drop", || state.set(State::Refused(Some(refuse(&refusals)))));
        }
        // A future that has given its result is not polled again; staying pending is the mildest answer.
        let StateProjection::Refused(response) = state.project() else { return Poll::Pending };
        response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response.map(ResponseBody::own))))
    }
}

#[cfg(test)]
mod tests;
