//! The future of [`LoginService`](super::LoginService).

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response, StatusCode};
use http_body::Body as HttpBody;
use pin_project::pin_project;
use tower_vgi::drain::Refuse;
use tower_vgi::{AuthReason, Body};

use super::flow::Flow;
use crate::response::{ResponseBody, pass};

/// The response of the service inside, or a step of a login.
#[pin_project]
pub struct ResponseFuture<F, B>(#[pin] State<F, B>);

type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

#[pin_project(project = StateProjection)]
enum State<F, B> {
    Inner {
        #[pin]
        future: F,
        /// Where to go after a login, if one would help.
        login: Option<(Arc<Flow>, String)>,
    },
    Answering(Answering),
    Refusing(#[pin] Refuse<B>),
}

impl<F, B> ResponseFuture<F, B> {
    pub(super) fn inner(future: F, login: Option<(Arc<Flow>, String)>) -> Self {
        Self(State::Inner { future, login })
    }

    pub(super) fn answering(answer: impl Future<Output = Response<Body>> + Send + 'static) -> Self {
        Self(State::Answering(Box::pin(answer)))
    }
}

impl<F, B: HttpBody> ResponseFuture<F, B> {
    pub(super) fn refusing(request: Request<B>, response: Response<Body>) -> Self {
        Self(State::Refusing(Refuse::new(request, response)))
    }
}

impl<F, B, R, E> Future for ResponseFuture<F, B>
where
    F: Future<Output = Result<Response<R>, E>>,
    B: HttpBody,
{
    type Output = Result<Response<ResponseBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().0;
        loop {
            let answer = match state.as_mut().project() {
                StateProjection::Inner { future, login } => {
                    let response = ready!(future.poll(cx))?;
                    match login.take() {
                        Some((flow, target)) if would_help(&response) => {
                            Box::pin(async move { flow.begin(&target).await })
                        }
                        _ => return Poll::Ready(Ok(pass(response))),
                    }
                }
                StateProjection::Answering(answer) => return answer.as_mut().poll(cx).map(own),
                StateProjection::Refusing(refuse) => return refuse.poll(cx).map(own),
            };
            state.set(State::Answering(answer));
        }
    }
}

/// Whether another token may be let in. Whoever is known and may not come in would be sent round in circles.
fn would_help<R>(response: &Response<R>) -> bool {
    let reason = response.headers().get("vgi-auth-reason").and_then(|reason| reason.to_str().ok());
    let reason = reason.map_or(AuthReason::Unauthorized, AuthReason::from_wire);
    response.status() == StatusCode::UNAUTHORIZED
        && !matches!(reason, AuthReason::InsufficientScope | AuthReason::ProxyRequired)
}

fn own<R, E>(response: Response<Body>) -> Result<Response<ResponseBody<R>>, E> {
    Ok(response.map(ResponseBody::own))
}

impl<F, B> fmt::Debug for ResponseFuture<F, B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.0 {
            State::Inner { .. } => "ResponseFuture::Inner",
            State::Answering(_) => "ResponseFuture::Answering",
            State::Refusing(_) => "ResponseFuture::Refusing",
        })
    }
}
