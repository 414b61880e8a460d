//! The future of [`Sticky`](super::Sticky), which tells the caller what became of its session.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body::Body as HttpBody;
use pin_project::pin_project;
use tower_vgi::call_record::{RecordedSession, SessionAction};
use tower_vgi::session::{CallSession, SESSION, SESSION_CLOSE, SessionChange};
use tower_vgi::{AuthContext, Body, CallRecord};

use super::layer::Shared;
use super::service::caller;
use super::token;
use crate::response::{ResponseBody, ResponseFuture as Answer};

const TRUE: HeaderValue = HeaderValue::from_static("true");

/// The future of [`Sticky`](super::Sticky). `B` is the request's body.
#[pin_project]
pub struct ResponseFuture<F, B = Body>(#[pin] Kind<F, B>);

#[pin_project(project = KindProjection)]
enum Kind<F, B> {
    /// A request without a session, and the refusal of one whose session is lost.
    Plain(#[pin] Answer<F, B>),
    Settle {
        #[pin]
        future: F,
        unsettled: Unsettled,
    },
    Teardown(Pin<Box<dyn Future<Output = bool> + Send>>),
}

impl<F, B> ResponseFuture<F, B> {
    pub(super) fn pass(future: F) -> Self {
        Self(Kind::Plain(Answer::inner(future)))
    }

    pub(super) fn settle(future: F, unsettled: Unsettled) -> Self {
        Self(Kind::Settle { future, unsettled })
    }

    pub(super) fn teardown(shared: Arc<Shared>, request: &Request<B>) -> Self {
        let token = request.headers().get(SESSION).cloned();
        let caller = caller(request);
        Self(Kind::Teardown(Box::pin(async move { shared.end(token, caller).await })))
    }
}

impl<F, B: HttpBody> ResponseFuture<F, B> {
    pub(super) fn refuse(request: Request<B>, response: Response<Body>) -> Self {
        Self(Kind::Plain(Answer::refuse(request, response)))
    }
}

impl<F, ReqBody, B, E> Future for ResponseFuture<F, ReqBody>
where
    F: Future<Output = Result<Response<B>, E>>,
    ReqBody: HttpBody,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().0.project() {
            KindProjection::Plain(answer) => answer.poll(cx),
            KindProjection::Settle { future, unsettled } => {
                let mut response = ready!(future.poll(cx))?;
                unsettled.settle(response.headers_mut());
                Poll::Ready(Ok(response.map(ResponseBody::inner)))
            }
            KindProjection::Teardown(ended) => Poll::Ready(Ok(torn_down(ready!(ended.as_mut().poll(cx))))),
        }
    }
}

/// Where there is nothing to end, that is fine, too.
fn torn_down<B>(ended: bool) -> Response<ResponseBody<B>> {
    let mut response = Response::new(ResponseBody::own(Body::empty()));
    if ended {
        *response.status_mut() = StatusCode::NO_CONTENT;
        response.headers_mut().insert(SESSION_CLOSE, TRUE);
    }
    response
}

impl<F, B> fmt::Debug for ResponseFuture<F, B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match &self.0 {
            Kind::Plain(_) => "ResponseFuture::Plain",
            Kind::Settle { .. } => "ResponseFuture::Settle",
            Kind::Teardown(_) => "ResponseFuture::Teardown",
        })
    }
}

/// The session of a call whose caller has not been told yet what became of it. One that was opened and cannot be told of,
/// because nobody waits for the response any more, is closed.
pub(super) struct Unsettled {
    session: CallSession,
    caller: AuthContext,
    shared: Arc<Shared>,
    record: Option<CallRecord>,
}

impl Unsettled {
    pub(super) fn new(
        session: CallSession,
        caller: AuthContext,
        shared: Arc<Shared>,
        record: Option<CallRecord>,
    ) -> Self {
        let unsettled = Self { session, caller, shared, record };
        unsettled.record(SessionAction::Resumed);
        unsettled
    }

    /// Tells those who observe the call, if it has to do with a session.
    fn record(&self, action: SessionAction) {
        if let Some((record, id)) = self.record.as_ref().zip(self.session.touched()) {
            record.update(|call| call.session = Some(RecordedSession::new(action, id.to_string())));
        }
    }

    fn settle(&self, headers: &mut HeaderMap) {
        match self.session.settle() {
            SessionChange::None => {}
            SessionChange::Opened { id, .. } => {
                self.record(SessionAction::Opened);
                let token = token::seal(&self.shared.sealer, &self.shared.server_id, id, &self.caller);
                if let Ok(mut token) = HeaderValue::try_from(token) {
                    token.set_sensitive(true);
                    headers.insert(SESSION, token);
                }
                self.shared.echo.say(headers);
            }
            SessionChange::Closed => {
                self.record(SessionAction::Closed);
                headers.insert(SESSION_CLOSE, TRUE);
            }
        }
    }
}

impl Drop for Unsettled {
    fn drop(&mut self) {
        self.session.abandon();
    }
}
