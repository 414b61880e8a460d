//! Request bodies that fail with a refusal, which is then the answer, whatever the service inside makes of it.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use http::header::CONNECTION;
use http::{HeaderMap, HeaderValue, Response};
use pin_project::pin_project;
use tower_vgi::{Body, RpcError};

use crate::refusal::Refusals;
use crate::response::{ResponseBody, pass};

/// Where a body leaves the error that it fails with, for the future of its request.
#[derive(Clone, Debug, Default)]
pub(crate) struct BodyRefusal(Arc<OnceLock<RpcError>>);

impl BodyRefusal {
    /// The first error counts.
    pub(crate) fn set(&self, error: &RpcError) {
        let _ = self.0.set(error.clone());
    }
}

/// What is needed to refuse a request whose body may yet fail.
#[derive(Debug)]
pub(crate) struct Watch {
    refusals: Refusals,
    refusal: BodyRefusal,
    closes: bool,
}

impl Watch {
    pub(crate) fn new(headers: &HeaderMap) -> Self {
        Self { refusals: Refusals::new(headers), refusal: BodyRefusal::default(), closes: false }
    }

    /// A refusal also ends the connection, where one connection is one request at a time.
    #[cfg(feature = "body-timeout")]
    pub(crate) fn closing(self, version: http::Version) -> Self {
        Self { closes: version < http::Version::HTTP_2, ..self }
    }

    /// For the body.
    pub(crate) fn refusal(&self) -> BodyRefusal {
        self.refusal.clone()
    }

    fn refused(&self) -> Option<Response<Body>> {
        let mut response = self.refusals.refuse(self.refusal.0.get()?);
        if self.closes {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Some(response)
    }
}

/// The response of the service inside, or the refusal that the request's body has failed with.
#[pin_project]
pub(crate) struct WatchedFuture<F> {
    #[pin]
    future: F,
    watch: Option<Watch>,
}

impl<F> WatchedFuture<F> {
    /// Without a `watch` the response of the service inside passes.
    pub(crate) fn new(future: F, watch: Option<Watch>) -> Self {
        Self { future, watch }
    }
}

impl<F, B, E> Future for WatchedFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(this.future.poll(cx));
        Poll::Ready(match this.watch.as_ref().and_then(Watch::refused) {
            Some(refused) => Ok(refused.map(ResponseBody::own)),
            None => result.map(pass),
        })
    }
}
