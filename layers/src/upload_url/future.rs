use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project::pin_project;
use tower_vgi::Body;

use crate::response::{ResponseBody, pass};

/// The future of [`GiveUploadUrls`](super::GiveUploadUrls).
#[pin_project]
pub struct ResponseFuture<F>(#[pin] Kind<F>);

#[pin_project(project = Projection)]
enum Kind<F> {
    Inner(#[pin] F),
    Own(Pin<Box<dyn Future<Output = Response<Body>> + Send>>),
}

impl<F> ResponseFuture<F> {
    pub(super) fn inner(future: F) -> Self {
        Self(Kind::Inner(future))
    }

    pub(super) fn own(answer: impl Future<Output = Response<Body>> + Send + 'static) -> Self {
        Self(Kind::Own(Box::pin(answer)))
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().0.project() {
            Projection::Inner(future) => Poll::Ready(ready!(future.poll(cx)).map(pass)),
            Projection::Own(answer) => Poll::Ready(Ok(ready!(answer.as_mut().poll(cx)).map(ResponseBody::own))),
        }
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match &self.0 {
            Kind::Inner(_) => "ResponseFuture::Inner",
            Kind::Own(_) => "ResponseFuture::Own",
        })
    }
}
