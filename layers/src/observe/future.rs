//! The future of an observed request.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use http_body::Body as HttpBody;
use pin_project::pin_project;

use super::watch::Watch;
use super::{End, Observe, ResponseBody};

/// The future of [`Observed`](super::Observed).
#[pin_project]
pub struct ResponseFuture<F, O: Observe> {
    #[pin]
    future: F,
    /// Goes over to the response's body.
    watch: Option<Watch<O>>,
    /// Whether there is nothing to wait for after the head, as with `HEAD`.
    headless: bool,
}

impl<F, O: Observe> ResponseFuture<F, O> {
    pub(super) fn new(future: F, watch: Watch<O>, headless: bool) -> Self {
        Self { future, watch: Some(watch), headless }
    }
}

impl<F, O: Observe> fmt::Debug for ResponseFuture<F, O> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

impl<F, B, E, O> Future for ResponseFuture<F, O>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: HttpBody,
    O: Observe,
{
    type Output = Result<Response<ResponseBody<B, O>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(watch) = this.watch else {
            // A future that has given its result is not polled again; staying pending is the mildest answer.
            return Poll::Pending;
        };
        let result = ready!(watch.in_scope(|| this.future.poll(cx)));
        let Some(mut watch) = this.watch.take() else { return Poll::Pending };
        Poll::Ready(match result {
            Ok(response) => {
                watch.responded(response.status());
                if *this.headless || response.body().is_end_stream() {
                    watch.end(End::Complete);
                }
                Ok(response.map(|body| ResponseBody::new(body, watch)))
            }
            Err(error) => {
                watch.end(End::Broken);
                Err(error)
            }
        })
    }
}
