//! The future of [`Auth`](super::Auth): until it is known who calls, and then the service's.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::request::Parts;
use http::{Extensions, Request, Response};
use http_body::Body as HttpBody;
use pin_project::pin_project;
use tower_service::Service;
use tower_vgi::call_record::RefusedToken;
use tower_vgi::drain::Refuse;
use tower_vgi::{AuthContext, AuthReason, CallRecord};

use super::AuthError;
use super::answer::Answers;
use super::authenticate::Decision;
use crate::response::{ResponseBody, pass};

/// The future of [`Auth`](super::Auth).
#[pin_project]
pub struct ResponseFuture<S: Service<Request<B>>, B>(#[pin] State<S, S::Future, B>);

#[pin_project(project = StateProjection)]
enum State<S, F, B> {
    /// In a box, as few have to wait and all would pay for its size. None once it is over.
    Waiting(Option<Box<Waiting<S, B>>>),
    Calling(#[pin] F),
    Refusing(#[pin] Refuse<B>),
}

/// A request of which it is not known yet who calls.
struct Waiting<S, B> {
    decision: Decision,
    /// The one that was found ready.
    service: S,
    body: B,
    answers: Arc<Answers>,
}

/// Tells everybody inside, and who observes, who calls.
pub(super) fn admit(request: &mut Extensions, caller: AuthContext) {
    CallRecord::update_in(request, |call| call.auth = caller.authenticated.then(|| caller.clone()));
    request.insert(caller);
}

impl Answers {
    pub(super) fn refuse<B: HttpBody>(&self, head: Parts, body: B, error: &AuthError) -> Refuse<B> {
        if error.reason().is_some_and(|reason| reason != AuthReason::MissingCredential) {
            CallRecord::update_in(&head.extensions, |call| call.refused_token = Some(RefusedToken::Credential));
        }
        let answer = self.answer(&head, error);
        Refuse::stranger(Request::from_parts(head, body), answer)
    }
}

impl<S: Service<Request<B>>, B> ResponseFuture<S, B> {
    pub(super) fn waiting(decision: Decision, service: S, body: B, answers: Arc<Answers>) -> Self {
        Self(State::Waiting(Some(Box::new(Waiting { decision, service, body, answers }))))
    }

    pub(super) fn calling(future: S::Future) -> Self {
        Self(State::Calling(future))
    }

    pub(super) fn refusing(refuse: Refuse<B>) -> Self {
        Self(State::Refusing(refuse))
    }
}

impl<S, B, R> Future for ResponseFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    B: HttpBody,
{
    type Output = Result<Response<ResponseBody<R>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().0;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Waiting(waiting) => {
                    // A future that has given its result is not polled again; staying pending is the mildest answer.
                    let Some(pending) = waiting else { return Poll::Pending };
                    let (mut head, decision) = ready!(pending.decision.as_mut().poll(cx));
                    let Some(waiting) = waiting.take() else { return Poll::Pending };
                    let Waiting { mut service, body, answers, .. } = *waiting;
                    match decision {
                        Ok(caller) => {
                            admit(&mut head.extensions, caller);
                            State::Calling(service.call(Request::from_parts(head, body)))
                        }
                        Err(error) => State::Refusing(answers.refuse(head, body, &error)),
                    }
                }
                StateProjection::Calling(future) => return future.poll(cx).map_ok(pass),
                StateProjection::Refusing(refuse) => {
                    return refuse.poll(cx).map(|answer| Ok(answer.map(ResponseBody::own)));
                }
            };
            state.set(next);
        }
    }
}

impl<S: Service<Request<B>>, B> fmt::Debug for ResponseFuture<S, B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match &self.0 {
            State::Waiting(_) => "ResponseFuture::Waiting",
            State::Calling(_) => "ResponseFuture::Calling",
            State::Refusing(_) => "ResponseFuture::Refusing",
        })
    }
}
