//! [`LoginLayer`]: which requests have to do with logins.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ALLOW, AUTHORIZATION};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body as HttpBody;
use tower_layer::Layer;
use tower_service::Service;
use tower_vgi::rpc::TokenKeys;
use tower_vgi::{Body, BoxError};

use super::config::{InvalidLogin, Login};
use super::flow::Flow;
use super::future::ResponseFuture;
use super::visit::Visit;
use crate::response::ResponseBody;

/// Lets people log in with their browser. See the [module](super). It belongs right outside of authentication.
#[derive(Clone)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct LoginLayer {
    pub(super) flow: Arc<Flow>,
}

impl LoginLayer {
    /// Seals cookies with keys derived from `keys`: give all servers behind one address the same.
    ///
    /// # Errors
    ///
    /// When the service, the issuer or a frontend is no URL of `https`, or of `http` where it is this machine; the service's
    /// path is none that cookies can have; the client id is empty; or the system's authorities cannot be read.
    pub fn new(login: Login, keys: &TokenKeys) -> Result<Self, InvalidLogin> {
        Ok(Self { flow: Arc::new(Flow::new(login, keys)?) })
    }
}

impl<S> Layer<S> for LoginLayer {
    type Service = LoginService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        LoginService { inner, flow: self.flow.clone() }
    }
}

impl fmt::Debug for LoginLayer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LoginLayer").finish_non_exhaustive()
    }
}

/// The service that [`LoginLayer`] makes.
#[derive(Clone)]
pub struct LoginService<S> {
    inner: S,
    flow: Arc<Flow>,
}

impl<S> LoginService<S> {
    inner_service_accessors!();
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for LoginService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ReqBody: HttpBody,
    ResBody: HttpBody<Data = Bytes, Error: Into<BoxError>>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let flow = &self.flow;
        match (request.uri().path(), request.method()) {
            ("/_oauth/callback", &Method::GET) => {
                let (flow, uri, headers) = (flow.clone(), request.uri().clone(), request.headers().clone());
                return ResponseFuture::answering(async move { flow.finish(&uri, &headers).await });
            }
            ("/_oauth/logout", &Method::GET) => {
                let answer = flow.log_out(request.headers());
                return ResponseFuture::refusing(request, answer);
            }
            ("/_oauth/token", method) if flow.login.exchanges_tokens => {
                return match *method {
                    Method::POST => match flow.refuse_exchange(request.headers()) {
                        Some(refused) => ResponseFuture::refusing(request, refused),
                        None => ResponseFuture::exchanging(request, flow.clone()),
                    },
                    Method::OPTIONS => {
                        let answer = flow.answer_preflight(request.headers());
                        ResponseFuture::refusing(request, answer)
                    }
                    _ => ResponseFuture::refusing(request, wrong_verb("POST, OPTIONS")),
                };
            }
            ("/_oauth/callback" | "/_oauth/logout", method) if method != Method::OPTIONS => {
                return ResponseFuture::refusing(request, wrong_verb("GET, OPTIONS"));
            }
            _ => {}
        }
        // A header of the client's own counts before the cookie, and no login would change what becomes of it.
        let visit = if request.headers().contains_key(AUTHORIZATION) {
            None
        } else {
            let presented = flow.authorize(request.headers_mut());
            Visit::of(&mut request, flow, presented)
        };
        ResponseFuture::inner(self.inner.call(request), visit)
    }
}

fn wrong_verb(allowed: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

impl<S: fmt::Debug> fmt::Debug for LoginService<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LoginService").field("inner", &self.inner).finish_non_exhaustive()
    }
}
