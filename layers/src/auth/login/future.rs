//! The future of [`LoginService`](super::LoginService).

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{HeaderMap, Request, Response};
use http_body::Body as HttpBody;
use pin_project::pin_project;
use tower_vgi::Body;
use tower_vgi::drain::Refuse;

use super::flow::Flow;
use super::form::ReadForm;
use super::visit::Visit;
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
        /// Of somebody who looks at a page, and can be sent elsewhere.
        visit: Option<Box<Visit>>,
    },
    Reading {
        #[pin]
        form: ReadForm<B>,
        then: Option<(Arc<Flow>, HeaderMap)>,
    },
    Answering(Answering),
    Refusing(#[pin] Refuse<B>),
}

impl<F, B> ResponseFuture<F, B> {
    pub(super) fn inner(future: F, visit: Option<Box<Visit>>) -> Self {
        Self(State::Inner { future, visit })
    }

    pub(super) fn answering(answer: impl Future<Output = Response<Body>> + Send + 'static) -> Self {
        Self(State::Answering(Box::pin(answer)))
    }
}

impl<F, B: HttpBody> ResponseFuture<F, B> {
    pub(super) fn refusing(request: Request<B>, response: Response<Body>) -> Self {
        Self(State::Refusing(Refuse::stranger(request, response)))
    }

    pub(super) fn exchanging(request: Request<B>, flow: Arc<Flow>) -> Self {
        let then = Some((flow, request.headers().clone()));
        Self(State::Reading { form: ReadForm::new(request), then })
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
            let answer: Answering = match state.as_mut().project() {
                StateProjection::Inner { future, visit } => {
                    let response = ready!(future.poll(cx))?;
                    match visit.take().and_then(|visit| visit.goes_on(&response)) {
                        Some(step) => Box::pin(step.answer(response.map(|_| ()))),
                        None => return Poll::Ready(Ok(pass(response))),
                    }
                }
                StateProjection::Reading { form, then } => {
                    let form = ready!(form.poll(cx));
                    // A future that has given its result is not polled again; staying pending is the mildest answer.
                    let Some((flow, headers)) = then.take() else { return Poll::Pending };
                    Box::pin(async move { flow.exchange(&headers, form).await })
                }
                StateProjection::Answering(answer) => return answer.as_mut().poll(cx).map(own),
                StateProjection::Refusing(refuse) => return refuse.poll(cx).map(own),
            };
            state.set(State::Answering(answer));
        }
    }
}

fn own<R, E>(response: Response<Body>) -> Result<Response<ResponseBody<R>>, E> {
    Ok(response.map(ResponseBody::own))
}

impl<F, B> fmt::Debug for ResponseFuture<F, B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.0 {
            State::Inner { .. } => "ResponseFuture::Inner",
            State::Reading { .. } => "ResponseFuture::Reading",
            State::Answering(_) => "ResponseFuture::Answering",
            State::Refusing(_) => "ResponseFuture::Refusing",
        })
    }
}
