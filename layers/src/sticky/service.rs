//! [`Sticky`]: from a token to a session.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response};
use http_body::Body as HttpBody;
use tower_service::Service;
use tower_vgi::call_record::RecordedSession;
use tower_vgi::rpc::error_response;
use tower_vgi::session::{CallSession, SESSION, SESSION_ACCEPT};
use tower_vgi::{AuthContext, BoxError, CallRecord, RpcError};

use super::future::{ResponseFuture, Unsettled};
use super::layer::Shared;
use super::token;
use crate::response::ResponseBody;

/// Where a caller ends its session.
const TEARDOWN: &str = "/__session__";

/// The service that [`StickyLayer`](super::StickyLayer) makes.
#[derive(Clone, Debug)]
pub struct Sticky<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> Sticky<S> {
    pub(super) fn new(inner: S, shared: Arc<Shared>) -> Self {
        Self { inner, shared }
    }

    inner_service_accessors!();
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Sticky<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ReqBody: HttpBody,
    ResBody: HttpBody<Data = Bytes>,
    ResBody::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        // Only calls have sessions; published clients send the headers with everything.
        if request.method() != Method::POST {
            return match request.method() == Method::DELETE && request.uri().path() == TEARDOWN {
                true => ResponseFuture::teardown(self.shared.clone(), &request),
                false => ResponseFuture::pass(self.inner.call(request)),
            };
        }
        let token = request.headers().get(SESSION).filter(|token| !token.is_empty());
        CallRecord::update_in(request.extensions(), |call| call.session = Some(RecordedSession::none()));
        if token.is_none() && !request.headers().contains_key(SESSION_ACCEPT) {
            return ResponseFuture::pass(self.inner.call(request));
        }
        let caller = caller(&request);
        match self.shared.session(token, &caller) {
            Ok(session) => {
                request.extensions_mut().insert(session.clone());
                let record = request.extensions().get().cloned();
                let unsettled = Unsettled::new(session, caller, self.shared.clone(), record);
                ResponseFuture::settle(self.inner.call(request), unsettled)
            }
            Err(error) => {
                CallRecord::update_in(request.extensions(), |call| call.error = Some(error.clone()));
                let response = error_response(&error, request.headers());
                ResponseFuture::refuse(request, response)
            }
        }
    }
}

impl Shared {
    fn session(&self, token: Option<&HeaderValue>, caller: &AuthContext) -> Result<CallSession, RpcError> {
        let session = CallSession::new(&self.sessions, self.time_to_live);
        let Some(token) = token else { return Ok(session) };
        let id = token::open(&self.sealer, &self.server_id, token.as_bytes(), caller)?;
        session.resume(id, caller)
    }

    /// Ends the session that a request names; whether there was one.
    pub(super) async fn end(&self, token: Option<HeaderValue>, caller: AuthContext) -> bool {
        let Some(token) = token else { return false };
        match token::open(&self.sealer, &self.server_id, token.as_bytes(), &caller) {
            Ok(id) => self.sessions.close(id, &caller).await,
            Err(_) => false,
        }
    }
}

/// Who calls, without the claims: they change while a session goes on.
pub(super) fn caller<B>(request: &Request<B>) -> AuthContext {
    request.extensions().get().map(AuthContext::without_claims).unwrap_or_default()
}
