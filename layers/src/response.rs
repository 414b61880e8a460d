//! Bodies and futures of middleware that sometimes answers by itself.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Response;
use http_body::{Body as HttpBody, Frame, SizeHint};
use pin_project::pin_project;
use tower_vgi::{Body, BoxError};

/// The body of a response: the service's own, or that of a layer's answer. The former is not boxed.
#[pin_project]
pub struct ResponseBody<B>(#[pin] BodyKind<B>);

#[pin_project(project = BodyKindProjection)]
enum BodyKind<B> {
    Inner(#[pin] B),
    Own(#[pin] Body),
}

impl<B> ResponseBody<B> {
    /// The body of a response that passes through.
    pub fn inner(body: B) -> Self {
        Self(BodyKind::Inner(body))
    }

    /// The body of an answer made by a layer.
    pub fn own(body: impl Into<Body>) -> Self {
        Self(BodyKind::Own(body.into()))
    }
}

impl<B> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            BodyKind::Inner(_) => formatter.write_str("ResponseBody::Inner"),
            BodyKind::Own(body) => formatter.debug_tuple("ResponseBody::Own").field(body).finish(),
        }
    }
}

impl<B: Default> Default for ResponseBody<B> {
    fn default() -> Self {
        Self::inner(B::default())
    }
}

/// Neither kind needs a box.
impl<B: Into<Body>> From<ResponseBody<B>> for Body {
    fn from(body: ResponseBody<B>) -> Self {
        match body.0 {
            BodyKind::Inner(body) => body.into(),
            BodyKind::Own(body) => body,
        }
    }
}

impl<B> HttpBody for ResponseBody<B>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.project().0.project() {
            BodyKindProjection::Inner(body) => body.poll_frame(cx).map_err(Into::into),
            BodyKindProjection::Own(body) => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            BodyKind::Inner(body) => body.is_end_stream(),
            BodyKind::Own(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            BodyKind::Inner(body) => body.size_hint(),
            BodyKind::Own(body) => body.size_hint(),
        }
    }
}

/// The response of the service inside, or a layer's own answer, which is there at once.
#[pin_project]
pub struct ResponseFuture<F>(#[pin] FutureKind<F>);

#[pin_project(project = FutureKindProjection)]
enum FutureKind<F> {
    Inner(#[pin] F),
    Own(Option<Response<Body>>),
}

impl<F> ResponseFuture<F> {
    /// Waits for the service inside.
    pub fn inner(future: F) -> Self {
        Self(FutureKind::Inner(future))
    }

    /// Answers without the service inside.
    pub fn own(response: Response<Body>) -> Self {
        Self(FutureKind::Own(Some(response)))
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match &self.0 {
            FutureKind::Inner(_) => "ResponseFuture::Inner",
            FutureKind::Own(_) => "ResponseFuture::Own",
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
            FutureKindProjection::Inner(future) => Poll::Ready(ready!(future.poll(cx)).map(pass)),
            FutureKindProjection::Own(response) => match response.take() {
                Some(response) => Poll::Ready(Ok(response.map(ResponseBody::own))),
                // A future that has given its result is not polled again; staying pending is the mildest answer.
                None => Poll::Pending,
            },
        }
    }
}

pub(crate) fn pass<B>(response: Response<B>) -> Response<ResponseBody<B>> {
    response.map(ResponseBody::inner)
}

/// An error of the HTTP framework, not of a call: `{"title": …}`.
#[cfg(any(feature = "mount", feature = "health"))]
pub(crate) fn json_error(status: http::StatusCode) -> Response<Body> {
    let body = format!(r#"{{"title": "{status}"}}"#);
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_of_either_kind_becomes_one_without_a_box() {
        assert!(Body::from(ResponseBody::inner(Body::from("abc"))).is_complete());
        assert!(Body::from(ResponseBody::<Body>::own("abc")).is_complete());
    }
}
