//! [`Auth`]: which requests pass.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use tower_service::Service;
use tower_vgi::BoxError;

use super::answer::Answers;
use super::authenticate::ErasedAuthenticate;
use super::exempt::is_exempt;
use super::future::{ResponseFuture, admit};
use crate::response::ResponseBody;

/// The service that [`AuthLayer`](super::AuthLayer) makes.
#[derive(Clone)]
pub struct Auth<S> {
    inner: S,
    authenticator: Arc<dyn ErasedAuthenticate>,
    answers: Arc<Answers>,
}

impl<S> Auth<S> {
    pub(super) fn new(inner: S, authenticator: Arc<dyn ErasedAuthenticate>, answers: Arc<Answers>) -> Self {
        Self { inner, authenticator, answers }
    }

    inner_service_accessors!();
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Auth<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    ReqBody: HttpBody,
    ResBody: HttpBody<Data = Bytes, Error: Into<BoxError>>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        if is_exempt(request.method(), request.uri().path()) {
            return ResponseFuture::calling(self.inner.call(request));
        }
        let (mut head, body) = request.into_parts();
        let decision = match self.authenticator.decide_at_once(&head) {
            Some(decision) => decision,
            None => {
                let mut deciding = self.authenticator.clone().decide(head);
                // Most decide without waiting, and then the service inside is called as it is. One that waits is polled
                // again by the future, whose waker it takes then.
                match deciding.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready((parts, decision)) => {
                        head = parts;
                        decision
                    }
                    Poll::Pending => {
                        let next = self.inner.clone();
                        let ready = std::mem::replace(&mut self.inner, next);
                        return ResponseFuture::waiting(deciding, ready, body, self.answers.clone());
                    }
                }
            }
        };
        match decision {
            Ok(caller) => {
                admit(&mut head.extensions, caller);
                ResponseFuture::calling(self.inner.call(Request::from_parts(head, body)))
            }
            Err(error) => ResponseFuture::refusing(self.answers.refuse(head, body, &error)),
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for Auth<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Auth").field("inner", &self.inner).finish_non_exhaustive()
    }
}
