//! Bodies and futures of middleware that sometimes answers by itself.
//!
//! They are for layers of your own, too. This one lets only those pass who know a word; the others see why, even
//! if they write a long body before they read:
//!
//! ```
//! use std::task::{Context, Poll};
//!
//! use bytes::Bytes;
//! use http::{HeaderMap, Request, Response, StatusCode};
//! use http_body::Body as HttpBody;
//! use tower::{Service, ServiceExt, layer::layer_fn, service_fn};
//! use tower_vgi::rpc::error_response;
//! use tower_vgi::{Body, BoxError, ErrorCode, RpcError};
//! use tower_vgi_layers::response::{ResponseBody, ResponseFuture};
//!
//! #[derive(Clone)]
//! struct Guard<S>(S);
//!
//! impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Guard<S>
//! where
//!     S: Service<Request<ReqBody>, Response = Response<ResBody>>,
//!     ReqBody: HttpBody,
//!     ResBody: HttpBody<Data = Bytes, Error: Into<BoxError>>,
//! {
//!     type Response = Response<ResponseBody<ResBody>>;
//!     type Error = S::Error;
//!     type Future = ResponseFuture<S::Future, ReqBody>;
//!
//!     fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
//!         self.0.poll_ready(cx)
//!     }
//!
//!     fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
//!         if request.headers().get("x-word").is_some_and(|word| word == "swordfish") {
//!             return ResponseFuture::inner(self.0.call(request));
//!         }
//!         let error = RpcError::new("AuthenticationError", "the header X-Word has to be the word")
//!             .with_code(ErrorCode::Unauthenticated)
//!             .with_status(StatusCode::UNAUTHORIZED);
//!         let response = error_response(&error, request.headers());
//!         ResponseFuture::refuse_stranger(request, response)
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let service = Guard(service_fn(async |_: Request<Body>| Ok::<_, BoxError>(Response::new(Body::empty()))));
//! let response = service.clone().oneshot(Request::new(Body::from("a long body"))).await?;
//! assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
//! let response = service.oneshot(Request::get("/").header("x-word", "swordfish").body(Body::empty())?).await?;
//! assert_eq!(response.status(), StatusCode::OK);
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use pin_project::pin_project;
use tower_vgi::drain::Refuse;
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

/// The response of the service inside, or a layer's own answer.
///
/// `B` is the request's body; it matters only where requests are [refused](Self::refuse).
#[pin_project]
pub struct ResponseFuture<F, B = Body>(#[pin] FutureKind<F, B>);

#[pin_project(project = FutureKindProjection)]
enum FutureKind<F, B> {
    Inner(#[pin] F),
    Own(Option<Response<Body>>),
    Later(Pin<Box<dyn Future<Output = Response<Body>> + Send>>),
    Refuse(#[pin] Refuse<B>),
}

impl<F, B> ResponseFuture<F, B> {
    /// Waits for the service inside.
    pub fn inner(future: F) -> Self {
        Self(FutureKind::Inner(future))
    }

    /// Answers at once, without the service inside.
    pub fn own(response: Response<Body>) -> Self {
        Self(FutureKind::Own(Some(response)))
    }

    /// Answers without the service inside, once it is known what.
    pub fn later(response: impl Future<Output = Response<Body>> + Send + 'static) -> Self {
        Self(FutureKind::Later(Box::pin(response)))
    }
}

impl<F, B: HttpBody> ResponseFuture<F, B> {
    /// Answers a request whose body was not touched, once its client has been heard out (see
    /// [`drain`](tower_vgi::drain)).
    pub fn refuse(request: Request<B>, response: Response<Body>) -> Self {
        Self(FutureKind::Refuse(Refuse::new(request, response)))
    }

    /// Like [`refuse`](Self::refuse), for a client that is not known or comes too often: less is read of it (see
    /// [`Drain::stranger`](tower_vgi::drain::Drain::stranger)).
    pub fn refuse_stranger(request: Request<B>, response: Response<Body>) -> Self {
        Self(FutureKind::Refuse(Refuse::stranger(request, response)))
    }
}

impl<F, B> fmt::Debug for ResponseFuture<F, B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match &self.0 {
            FutureKind::Inner(_) => "ResponseFuture::Inner",
            FutureKind::Own(_) => "ResponseFuture::Own",
            FutureKind::Later(_) => "ResponseFuture::Later",
            FutureKind::Refuse(_) => "ResponseFuture::Refuse",
        })
    }
}

impl<F, ReqBody, B, E> Future for ResponseFuture<F, ReqBody>
where
    F: Future<Output = Result<Response<B>, E>>,
    ReqBody: HttpBody,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let own = match self.project().0.project() {
            FutureKindProjection::Inner(future) => return Poll::Ready(ready!(future.poll(cx)).map(pass)),
            FutureKindProjection::Own(response) => response.take(),
            FutureKindProjection::Later(response) => Some(ready!(response.as_mut().poll(cx))),
            FutureKindProjection::Refuse(refuse) => Some(ready!(refuse.poll(cx))),
        };
        // A future that has given its result is not polled again; staying pending is the mildest answer.
        own.map_or(Poll::Pending, |response| Poll::Ready(Ok(response.map(ResponseBody::own))))
    }
}

pub(crate) fn pass<B>(response: Response<B>) -> Response<ResponseBody<B>> {
    response.map(ResponseBody::inner)
}

/// An error of the HTTP framework, not of a call: `{"title": …}`.
#[cfg(any(feature = "mount", feature = "health", feature = "pages"))]
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
