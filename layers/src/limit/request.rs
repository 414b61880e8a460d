//! Request limits.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderName, Request, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use pin_project::pin_project;
use tower_layer::Layer;
use tower_service::Service;
use tower_vgi::{Advertise, Body, BoxError, Capabilities, ErrorCode, RpcError};

use super::{InvalidLimit, advertise};
use crate::body_refusal::{BodyRefusal, Watch, WatchedFuture};
use crate::refusal::{REQUEST_TOO_LARGE, Refusals};
use crate::response::ResponseBody;
use tower_vgi::drain::{Drain, Refuse};

/// Refuses request bodies over a cap. See the [module](super).
#[derive(Clone, Copy, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct RequestLimitLayer {
    max: u64,
}

impl RequestLimitLayer {
    /// Request bodies have at most `max` bytes, as they are sent.
    ///
    /// # Errors
    ///
    /// When `max` is 0 or larger than [`MAX_LIMIT`](super::MAX_LIMIT).
    pub fn new(max: u64) -> Result<Self, InvalidLimit> {
        Ok(Self { max: InvalidLimit::check("the request limit", max)? })
    }

    /// The limit.
    pub fn max(&self) -> u64 {
        self.max
    }
}

impl<S> Layer<S> for RequestLimitLayer {
    type Service = RequestLimit<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequestLimit { inner, max: self.max }
    }
}

impl Advertise for RequestLimitLayer {
    fn advertise(&self, capabilities: &mut Capabilities) {
        advertise(capabilities, HeaderName::from_static("vgi-max-request-bytes"), self.max);
    }
}

/// The service that [`RequestLimitLayer`] makes.
#[derive(Clone, Copy, Debug)]
pub struct RequestLimit<S> {
    inner: S,
    max: u64,
}

impl<S> RequestLimit<S> {
    inner_service_accessors!();
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for RequestLimit<S>
where
    S: Service<Request<LimitedBody<ReqBody>>, Response = Response<ResBody>>,
    ReqBody: HttpBody<Data = Bytes>,
    ReqBody::Error: Into<BoxError>,
    ResBody: HttpBody<Data = Bytes>,
    ResBody::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let max = self.max;
        let hint = request.body().size_hint();
        let announced = announced(&request).unwrap_or(0).max(hint.lower());
        if announced > max {
            let refused = Refusals::new(request.headers()).refuse(&too_large(announced, max));
            return ResponseFuture(State::Refusing(Refuse::new(request, refused)));
        }
        // A body that cannot exceed the cap cannot be refused later either.
        let watch = hint.upper().is_none_or(|upper| upper > max).then(|| Watch::new(request.headers()));
        let refusal = watch.as_ref().map(Watch::refusal);
        let drain = Drain::new(request.version());
        let request = request.map(|body| LimitedBody { body, max, left: max, refusal, is_over: false, drain });
        ResponseFuture(State::Calling(WatchedFuture::new(self.inner.call(request), watch)))
    }
}

fn announced<B>(request: &Request<B>) -> Option<u64> {
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn too_large(size: u64, max: u64) -> RpcError {
    refusal(format!("Request body exceeds max_request_bytes ({size} > {max})"))
}

fn refusal(message: String) -> RpcError {
    RpcError::new(REQUEST_TOO_LARGE, message)
        .with_code(ErrorCode::ResourceExhausted)
        .with_status(StatusCode::PAYLOAD_TOO_LARGE)
}

/// A request body of which at most so many bytes can be read.
///
/// At the first byte too many it reads on for a while, for the client's sake, and then fails with an
/// [`RpcError`] of the status 413. The layer answers the request with that error whatever the
/// service inside makes of it.
#[pin_project]
pub struct LimitedBody<B> {
    #[pin]
    body: B,
    max: u64,
    left: u64,
    /// `None` for a body that cannot exceed the limit.
    refusal: Option<BodyRefusal>,
    is_over: bool,
    drain: Drain,
}

impl<B> fmt::Debug for LimitedBody<B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LimitedBody").field("max", &self.max).field("left", &self.left).finish_non_exhaustive()
    }
}

impl From<LimitedBody<Body>> for Body {
    /// Boxes only a body that may still exceed the limit.
    fn from(body: LimitedBody<Body>) -> Self {
        if body.refusal.is_none() { body.body } else { Self::new(body) }
    }
}

impl<B> HttpBody for LimitedBody<B>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut this = self.project();
        if !*this.is_over {
            let frame = ready!(this.body.as_mut().poll_frame(cx)).transpose().map_err(Into::into)?;
            let read = frame.as_ref().and_then(Frame::data_ref).map_or(0, |data| data.len() as u64);
            if let Some(left) = this.left.checked_sub(read) {
                *this.left = left;
                return Poll::Ready(frame.map(Ok));
            }
            *this.is_over = true;
            if let Some(refusal) = this.refusal {
                refusal.set(&more_than(*this.max));
            }
        }
        ready!(this.drain.poll(this.body, cx));
        Poll::Ready(Some(Err(more_than(*this.max).into())))
    }

    fn is_end_stream(&self) -> bool {
        !self.is_over && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let inner = self.body.size_hint();
        let mut hint = SizeHint::new();
        let upper = inner.upper().map_or(self.left, |upper| upper.min(self.left));
        hint.set_upper(upper);
        hint.set_lower(inner.lower().min(upper));
        hint
    }
}

fn more_than(max: u64) -> RpcError {
    refusal(format!("Request body exceeds max_request_bytes (more than {max})"))
}

/// The future of [`RequestLimit`].
#[pin_project]
pub struct ResponseFuture<F, B>(#[pin] State<F, B>);

#[pin_project(project = StateProjection)]
enum State<F, B> {
    Calling(#[pin] WatchedFuture<F>),
    Refusing(#[pin] Refuse<B>),
}

impl<F, B> fmt::Debug for ResponseFuture<F, B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.0 {
            State::Calling(_) => "ResponseFuture::Calling",
            State::Refusing(_) => "ResponseFuture::Refusing",
        })
    }
}

impl<F, B, R, E> Future for ResponseFuture<F, B>
where
    F: Future<Output = Result<Response<R>, E>>,
    B: HttpBody,
{
    type Output = Result<Response<ResponseBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().0.project() {
            StateProjection::Calling(future) => future.poll(cx),
            StateProjection::Refusing(refuse) => Poll::Ready(Ok(ready!(refuse.poll(cx)).map(ResponseBody::own))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::collect;
    use std::convert::Infallible;
    use tower::{ServiceExt, service_fn};

    /// A body whose size shows only while it is read.
    #[derive(Default)]
    struct Chunked(Vec<&'static str>);

    impl HttpBody for Chunked {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            if self.0.is_empty() {
                return Poll::Ready(None);
            }
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(self.0.remove(0).as_bytes())))))
        }
    }

    /// A service that answers 200 with what it read, or 500 when it cannot.
    async fn echo<B>(request: Request<LimitedBody<B>>) -> Result<Response<Body>, Infallible>
    where
        B: HttpBody<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        Ok(match collect(request.into_body()).await {
            Ok(bytes) => Response::new(Body::from(bytes)),
            Err(_) => Response::builder().status(500).body(Body::empty()).unwrap(),
        })
    }

    async fn send<B>(max: u64, request: Request<B>) -> (StatusCode, String)
    where
        B: HttpBody<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let service = RequestLimitLayer::new(max).unwrap().layer(service_fn(echo::<B>));
        let response = service.oneshot(request).await.unwrap();
        let status = response.status();
        (status, String::from_utf8_lossy(&collect(response.into_body()).await.unwrap()).into_owned())
    }

    #[tokio::test]
    async fn the_cap_itself_passes_and_one_more_byte_does_not() {
        assert_eq!(send(5, Request::new(Body::from("12345"))).await.0, StatusCode::OK);
        let (status, text) = send(5, Request::new(Body::from("123456"))).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(text.contains("RequestTooLargeError: Request body exceeds max_request_bytes (6 > 5)"), "{text}");
    }

    #[tokio::test]
    async fn a_body_without_a_length_is_counted() {
        assert_eq!(send(5, Request::new(Chunked(vec!["12", "345"]))).await, (StatusCode::OK, "12345".to_owned()));
        let (status, text) = send(5, Request::new(Chunked(vec!["12", "3456", "7"]))).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(text.contains("(more than 5)"), "{text}");
    }

    #[tokio::test]
    async fn an_announced_length_is_enough_to_refuse() {
        let mut request = Request::new(Chunked::default());
        request.headers_mut().insert(CONTENT_LENGTH, http::HeaderValue::from_static("6"));
        assert_eq!(send(5, request).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[tokio::test]
    async fn a_service_that_does_not_read_is_left_alone() {
        let service = RequestLimitLayer::new(1).unwrap().layer(service_fn(async |_: Request<LimitedBody<Chunked>>| {
            Ok::<_, Infallible>(Response::new(Body::empty()))
        }));
        let response = service.oneshot(Request::new(Chunked(vec!["123"]))).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }

    #[test]
    fn the_size_hint_knows_the_limit() {
        let drain = || Drain::new(http::Version::HTTP_11);
        let body = |body| LimitedBody { body, max: 5, left: 5, refusal: None, is_over: false, drain: drain() };
        assert_eq!(body(Body::from("123")).size_hint().exact(), Some(3));
        assert_eq!(body(Body::new(Chunked::default())).size_hint().upper(), Some(5));
    }

    #[tokio::test]
    async fn the_limit_holds_for_an_erased_body_too() {
        let service =
            RequestLimitLayer::new(5).unwrap().layer(service_fn(async |request: Request<LimitedBody<Body>>| {
                let body = Body::from(request.into_body());
                let hint = body.size_hint().exact();
                Ok::<_, Infallible>(Response::new(Body::from(format!("{hint:?} {:?}", collect(body).await.ok()))))
            }));
        let text = async |body| {
            let response = service.oneshot(Request::new(body)).await.unwrap();
            let status = response.status();
            (status, collect(response.into_body()).await.unwrap())
        };
        let (status, known) = text(Body::from("12345")).await;
        assert_eq!((status, &known[..]), (StatusCode::OK, &b"Some(5) Some(b\"12345\")"[..]));
        let (status, unknown) = text(Body::new(Chunked(vec!["12", "345"]))).await;
        assert_eq!((status, &unknown[..]), (StatusCode::OK, &b"None Some(b\"12345\")"[..]));
        assert_eq!(text(Body::new(Chunked(vec!["12", "3456"]))).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[tokio::test]
    async fn keeps_the_layer_contract() {
        let layer = RequestLimitLayer::new(10).unwrap();
        crate::testing::check(&layer, || Request::new(Body::from("1234"))).await;
        crate::testing::check(&layer, || Request::new(Body::new(Chunked(vec!["1"])))).await;
    }
}
