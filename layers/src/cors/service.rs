//! The service.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::ORIGIN;
use http::{HeaderValue, Request, Response};
use http_body::Body as HttpBody;
use pin_project::pin_project;
use tower_service::Service;
use tower_vgi::{Body, BoxError};

use super::settings::{Settings, is_preflight};
use crate::response::{ResponseBody, pass};

/// The service that [`CorsLayer`](super::CorsLayer) makes.
#[derive(Clone, Debug)]
pub struct Cors<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S> Cors<S> {
    pub(super) fn new(inner: S, settings: Arc<Settings>) -> Self {
        Self { inner, settings }
    }

    inner_service_accessors!();
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Cors<S>
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

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let mut allowed = None;
        // Nearly all calls are by programs, which have no origin.
        if request.headers().contains_key(ORIGIN) {
            let (head, body) = request.into_parts();
            allowed = head.headers.get(ORIGIN).and_then(|origin| self.settings.origins.answer(origin, &head));
            if is_preflight(&head.method, &head.headers) {
                return ResponseFuture(State::Preflight(Some(self.settings.preflight(&head, allowed))));
            }
            request = Request::from_parts(head, body);
        }
        ResponseFuture(State::Calling { future: self.inner.call(request), settings: self.settings.clone(), allowed })
    }
}

/// The future of [`Cors`].
#[pin_project]
pub struct ResponseFuture<F>(#[pin] State<F>);

#[pin_project(project = StateProjection)]
enum State<F> {
    Calling {
        #[pin]
        future: F,
        settings: Arc<Settings>,
        allowed: Option<HeaderValue>,
    },
    Preflight(Option<Response<Body>>),
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.0 {
            State::Calling { .. } => "ResponseFuture::Calling",
            State::Preflight(_) => "ResponseFuture::Preflight",
        })
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().0.project() {
            StateProjection::Calling { future, settings, allowed } => {
                let mut response = ready!(future.poll(cx))?;
                settings.stamp(response.headers_mut(), allowed.take());
                Poll::Ready(Ok(pass(response)))
            }
            // A future that has given its result is not polled again; staying pending is the mildest answer.
            StateProjection::Preflight(response) => match response.take() {
                Some(response) => Poll::Ready(Ok(response.map(ResponseBody::own))),
                None => Poll::Pending,
            },
        }
    }
}
