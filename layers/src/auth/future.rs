//! The future of [`Auth`](super::Auth): until it is known who calls, and then the service's.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::request::Parts;
use http::{Request, Response};
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
    Waiting { decision: Decision, then: Option<Then<S, B>> },
    Calling(#[pin] F),
    Refusing(#[pin] Refuse<B>),
}

/// What becomes of the request once it is known who calls.
struct Then<S, B> {
    /// The one that was found ready.
    service: S,
    body: B,
    answers: Arc<Answers>,
}

/// What becomes of a request.
pub(super) enum Verdict<B> {
    Admitted(Request<B>),
    Refused(Refuse<B>),
}

impl Answers {
    pub(super) fn judge<B: HttpBody>(
        &self,
        mut head: Parts,
        body: B,
        decision: Result<AuthContext, AuthError>,
    ) -> Verdict<B> {
        match decision {
            Ok(caller) => {
                CallRecord::update_in(&head.extensions, |call| {
                    call.auth = caller.authenticated.then(|| caller.clone());
                });
                head.extensions.insert(caller);
                Verdict::Admitted(Request::from_parts(head, body))
            }
            Err(error) => {
                if error.reason().is_some_and(|reason| reason != AuthReason::MissingCredential) {
                    CallRecord::update_in(&head.extensions, |call| call.refused_token = Some(RefusedToken::Credential));
                }
                let answer = self.answer(&head, &error);
                Verdict::Refused(Refuse::stranger(Request::from_parts(head, body), answer))
            }
        }
    }
}

impl<S: Service<Request<B>>, B> ResponseFuture<S, B> {
    pub(super) fn waiting(decision: Decision, service: S, body: B, answers: Arc<Answers>) -> Self {
        Self(State::Waiting { decision, then: Some(Then { service, body, answers }) })
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
                StateProjection::Waiting { decision, then } => {
                    let (head, decision) = ready!(decision.as_mut().poll(cx));
                    // A future that has given its result is not polled again; staying pending is the mildest answer.
                    let Some(Then { mut service, body, answers }) = then.take() else { return Poll::Pending };
                    match answers.judge(head, body, decision) {
                        Verdict::Admitted(request) => State::Calling(service.call(request)),
                        Verdict::Refused(refuse) => State::Refusing(refuse),
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
            State::Waiting { .. } => "ResponseFuture::Waiting",
            State::Calling(_) => "ResponseFuture::Calling",
            State::Refusing(_) => "ResponseFuture::Refusing",
        })
    }
}
