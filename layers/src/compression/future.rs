//! From the request to the response.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, VARY,
};
use http::{Request, Response, StatusCode, request, response};
use http_body::Body as HttpBody;
use pin_project::pin_project;
use tower_service::Service;
use tower_vgi::{Body, BoxError};

use super::encoder::Encoder;
use super::encoding::Encodings;
use super::layer::Settings;
use super::negotiation::{Choice, X_VGI_CONTENT_ENCODING};
use super::receive::Receive;
use super::whole::Whole;
use super::{RequestBody, ResponseBody};
use crate::refusal::Refusals;
use tower_vgi::drain::{Drain, Refuse};

const ARROW: &str = "application/vnd.apache.arrow.stream";

/// The future of [`Compression`](super::Compression).
#[pin_project]
pub struct ResponseFuture<S, ReqBody, ResBody>(#[pin] State<S, ReqBody, ResBody>)
where
    S: Service<Request<RequestBody<ReqBody>>>;

#[pin_project(project = StateProjection)]
enum State<S, ReqBody, ResBody>
where
    S: Service<Request<RequestBody<ReqBody>>>,
{
    Receiving {
        #[pin]
        body: ReqBody,
        receiving: Box<Receiving<S>>,
    },
    Refusing(#[pin] Refuse<ReqBody>),
    Calling {
        #[pin]
        future: S::Future,
        answer: Answer,
    },
    Compressing {
        #[pin]
        body: ResBody,
        compressing: Box<Compressing>,
    },
}

struct Receiving<S> {
    receive: Receive,
    /// Gone when the request was refused or handed on.
    next: Option<(request::Parts, S, Answer)>,
    refused: Option<(Drain, Response<Body>)>,
}

struct Compressing {
    whole: Whole,
    head: response::Parts,
}

/// What is to be done with the response.
pub(super) struct Answer {
    pub(super) wanted: Option<Choice>,
    pub(super) settings: Arc<Settings>,
}

impl<S, ReqBody, ResBody> ResponseFuture<S, ReqBody, ResBody>
where
    S: Service<Request<RequestBody<ReqBody>>>,
    ReqBody: HttpBody,
{
    pub(super) fn calling(future: S::Future, answer: Answer) -> Self {
        Self(State::Calling { future, answer })
    }

    pub(super) fn receiving(request: Request<ReqBody>, receive: Receive, service: S, answer: Answer) -> Self {
        let (head, body) = request.into_parts();
        let receiving = Receiving { receive, next: Some((head, service, answer)), refused: None };
        Self(State::Receiving { body, receiving: Box::new(receiving) })
    }

    pub(super) fn refusing(request: Request<ReqBody>, refused: Response<Body>) -> Self {
        Self(State::Refusing(Refuse::new(request, refused)))
    }
}

impl<S, ReqBody, ResBody> fmt::Debug for ResponseFuture<S, ReqBody, ResBody>
where
    S: Service<Request<RequestBody<ReqBody>>>,
{
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.0 {
            State::Receiving { .. } => "ResponseFuture::Receiving",
            State::Refusing(_) => "ResponseFuture::Refusing",
            State::Calling { .. } => "ResponseFuture::Calling",
            State::Compressing { .. } => "ResponseFuture::Compressing",
        })
    }
}

impl<S, ReqBody, ResBody> Future for ResponseFuture<S, ReqBody, ResBody>
where
    S: Service<Request<RequestBody<ReqBody>>, Response = Response<ResBody>>,
    ReqBody: HttpBody<Data = Bytes>,
    ReqBody::Error: Into<BoxError>,
    ResBody: HttpBody<Data = Bytes>,
    ResBody::Error: Into<BoxError>,
{
    type Output = Result<Response<ResponseBody<ResBody>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().0;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Receiving { body, receiving } => match ready!(receiving.poll(body, cx)) {
                    Ok(next) => next,
                    Err(refused) => return Poll::Ready(Ok(refused.map(ResponseBody::own))),
                },
                StateProjection::Refusing(refuse) => {
                    return Poll::Ready(Ok(ready!(refuse.poll(cx)).map(ResponseBody::own)));
                }
                StateProjection::Calling { future, answer } => match answer.decide(ready!(future.poll(cx))?) {
                    Decision::Send(response) => return Poll::Ready(Ok(response)),
                    Decision::Compress { body, compressing } => State::Compressing { body, compressing },
                },
                StateProjection::Compressing { body, compressing } => {
                    let compressed = ready!(compressing.whole.poll(body, cx));
                    let head = std::mem::replace(&mut compressing.head, Response::new(()).into_parts().0);
                    let body = match compressed {
                        Ok(bytes) => ResponseBody::own(bytes.into()),
                        Err(error) => ResponseBody::failed(error),
                    };
                    return Poll::Ready(Ok(Response::from_parts(head, body)));
                }
            };
            state.set(next);
        }
    }
}

impl<S> Receiving<S> {
    /// The call of the service inside, once the body is there; or the refusal.
    fn poll<ReqBody, ResBody>(
        &mut self,
        mut body: Pin<&mut ReqBody>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<State<S, ReqBody, ResBody>, Response<Body>>>
    where
        S: Service<Request<RequestBody<ReqBody>>>,
        ReqBody: HttpBody<Data = Bytes>,
        ReqBody::Error: Into<BoxError>,
    {
        if self.refused.is_none() {
            let decoded = ready!(self.receive.poll(body.as_mut(), cx));
            let Some((mut head, mut service, answer)) = self.next.take() else { return Poll::Pending };
            match decoded {
                Ok(bytes) => {
                    head.headers.remove(CONTENT_ENCODING);
                    head.headers.remove(CONTENT_LENGTH);
                    let request = Request::from_parts(head, RequestBody::decoded(bytes));
                    return Poll::Ready(Ok(State::Calling { future: service.call(request), answer }));
                }
                Err(error) => {
                    let refused = Refusals::new(&head.headers).refuse(&error);
                    if !self.receive.is_unread() {
                        return Poll::Ready(Err(refused));
                    }
                    self.refused = Some((Drain::new(head.version), refused));
                }
            }
        }
        match &mut self.refused {
            Some((drain, _)) => ready!(drain.poll(body, cx)),
            None => return Poll::Pending,
        }
        self.refused.take().map_or(Poll::Pending, |(_, refused)| Poll::Ready(Err(refused)))
    }
}

enum Decision<B> {
    Send(Response<ResponseBody<B>>),
    Compress { body: B, compressing: Box<Compressing> },
}

impl Answer {
    fn decide<B: HttpBody>(&self, response: Response<B>) -> Decision<B> {
        let (mut head, body) = response.into_parts();
        if self.settings.encode == Encodings::NONE || !is_negotiable(&head) {
            return Decision::Send(Response::from_parts(head, ResponseBody::plain(body)));
        }
        head.headers.append(VARY, HeaderValue::from_static("Accept-Encoding, X-VGI-Accept-Encoding"));
        let length = body.size_hint().exact();
        let Some(choice) =
            self.wanted.as_ref().filter(|_| length.is_none_or(|length| length >= self.settings.min_size))
        else {
            return Decision::Send(Response::from_parts(head, ResponseBody::plain(body)));
        };
        match length {
            Some(length) => {
                if let Some(whole) = Whole::new(choice.encoding, &self.settings, length) {
                    choice.stamp(&mut head.headers);
                    return Decision::Compress { body, compressing: Box::new(Compressing { whole, head }) };
                }
            }
            None => {
                if let Some(encoder) = Encoder::new(choice.encoding, &self.settings, None) {
                    choice.stamp(&mut head.headers);
                    let piece = self.settings.piece(choice.encoding);
                    let body = ResponseBody::streamed(body, encoder, piece);
                    return Decision::Send(Response::from_parts(head, body));
                }
            }
        }
        // No memory for an encoder: what is sent as it is can still be read.
        Decision::Send(Response::from_parts(head, ResponseBody::plain(body)))
    }
}

impl Choice {
    fn stamp(&self, headers: &mut HeaderMap) {
        headers.remove(CONTENT_LENGTH);
        headers.remove(ACCEPT_RANGES);
        headers.insert(self.header.clone(), HeaderValue::from_static(self.encoding.name()));
    }
}

/// Whether callers can choose how this response is encoded.
fn is_negotiable(head: &response::Parts) -> bool {
    let has_body =
        !matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) && !head.status.is_informational();
    let mut content_type = None;
    // Responses have few headers: one pass is cheaper than a lookup of each name.
    for (name, value) in &head.headers {
        if *name == CONTENT_TYPE {
            content_type = content_type.or(Some(value));
        } else if *name == CONTENT_ENCODING
            || *name == X_VGI_CONTENT_ENCODING
            || (*name == CACHE_CONTROL && forbids_transformation(value))
        {
            return false;
        }
    }
    has_body && content_type.is_some_and(is_arrow)
}

/// Whether this is the media type of Arrow streams, perhaps with parameters.
fn is_arrow(content_type: &HeaderValue) -> bool {
    if content_type == ARROW {
        return true;
    }
    let media_type = content_type.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    media_type.trim_ascii().eq_ignore_ascii_case(ARROW.as_bytes())
}

fn forbids_transformation(cache_control: &HeaderValue) -> bool {
    let mut directives = cache_control.to_str().unwrap_or_default().split(',');
    directives.any(|directive| directive.trim().eq_ignore_ascii_case("no-transform"))
}
