//! The service: tower-http's, or none where nobody listens.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use http_body::Body as HttpBody;
use pin_project::pin_project;
use tower_http::classify::SharedClassifier;
use tower_service::Service;
use tracing::level_filters::LevelFilter;

use super::ResponseBody;
use super::classify::Classify;
use super::events::{MakeSpan, OnEos, OnFailure, OnResponse};

type Traced<S> =
    tower_http::trace::Trace<S, SharedClassifier<Classify>, MakeSpan, (), OnResponse, (), OnEos, OnFailure>;

/// The service that [`TraceLayer`](super::TraceLayer) makes.
#[derive(Clone, Debug)]
pub struct Trace<S> {
    traced: Traced<S>,
}

impl<S> Trace<S> {
    pub(super) fn new(traced: Traced<S>) -> Self {
        Self { traced }
    }

    /// The service inside.
    pub fn get_ref(&self) -> &S {
        self.traced.get_ref()
    }

    /// The service inside, to change it.
    pub fn get_mut(&mut self) -> &mut S {
        self.traced.get_mut()
    }

    /// Takes the service out of the middleware.
    pub fn into_inner(self) -> S {
        self.traced.into_inner()
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Trace<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    S::Error: fmt::Display + 'static,
    ReqBody: HttpBody,
    ResBody: HttpBody,
    ResBody::Error: fmt::Display + 'static,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.get_mut().poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        ResponseFuture(if LevelFilter::current() == LevelFilter::OFF {
            State::Plain(self.get_mut().call(request))
        } else {
            State::Traced(self.traced.call(request))
        })
    }
}

type TracedFuture<F> = tower_http::trace::ResponseFuture<F, Classify, OnResponse, (), OnEos, OnFailure>;

/// The future of [`Trace`].
#[pin_project]
pub struct ResponseFuture<F>(#[pin] State<F>);

#[pin_project(project = StateProjection)]
enum State<F> {
    Plain(#[pin] F),
    Traced(#[pin] TracedFuture<F>),
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.0 {
            State::Plain(_) => "ResponseFuture::Plain",
            State::Traced(_) => "ResponseFuture::Traced",
        })
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    E: fmt::Display + 'static,
    B: HttpBody,
    B::Error: fmt::Display + 'static,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match self.project().0.project() {
            StateProjection::Plain(future) => ready!(future.poll(cx)).map(|response| response.map(ResponseBody::plain)),
            StateProjection::Traced(future) => {
                ready!(future.poll(cx)).map(|response| response.map(ResponseBody::traced))
            }
        })
    }
}
