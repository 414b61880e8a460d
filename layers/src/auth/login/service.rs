//! [`LoginLayer`]: which requests have to do with logins.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ACCEPT, ALLOW};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body as HttpBody;
use tower_layer::Layer;
use tower_service::Service;
use tower_vgi::rpc::TokenKeys;
use tower_vgi::{Body, BoxError};

use super::config::{InvalidLogin, Login};
use super::flow::Flow;
use super::future::ResponseFuture;
use crate::response::ResponseBody;

/// Lets people log in with their browser. See the [module](super). It belongs right outside of authentication.
#[derive(Clone)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct LoginLayer {
    flow: Arc<Flow>,
}

impl LoginLayer {
    /// Seals cookies with keys derived from `keys`: give all servers behind one address the same.
    ///
    /// # Errors
    ///
    /// When a URL is none, the client id is empty, or the system's authorities cannot be read.
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
        match (request.uri().path(), request.method()) {
            ("/_oauth/callback", &Method::GET) => {
                let (flow, uri, headers) = (self.flow.clone(), request.uri().clone(), request.headers().clone());
                return ResponseFuture::answering(async move { flow.finish(&uri, &headers).await });
            }
            ("/_oauth/logout", &Method::GET) => return ResponseFuture::refusing(request, self.flow.log_out()),
            ("/_oauth/callback" | "/_oauth/logout", method) if method != Method::OPTIONS => {
                return ResponseFuture::refusing(request, wrong_verb());
            }
            _ => {}
        }
        self.flow.authorize(request.headers_mut());
        let target = is_of_a_browser(&request).then(|| {
            request.uri().path_and_query().map_or_else(|| "/".to_owned(), |target| target.as_str().to_owned())
        });
        let login = target.map(|target| (self.flow.clone(), target));
        ResponseFuture::inner(self.inner.call(request), login)
    }
}

/// Whether somebody looks at a page, who can be sent elsewhere.
fn is_of_a_browser<B>(request: &Request<B>) -> bool {
    let mut accepted = request.headers().get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    request.method() == Method::GET && accepted.any(|value| value.to_ascii_lowercase().contains("text/html"))
}

fn wrong_verb() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, OPTIONS"));
    response
}

impl<S: fmt::Debug> fmt::Debug for LoginService<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LoginService").field("inner", &self.inner).finish_non_exhaustive()
    }
}
