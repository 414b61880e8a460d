//! What those get who are not let in: the 401 of the protocol, or a 503 where nobody can tell.

use std::sync::Arc;

use askama::Template;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use tower_vgi::{AuthReason, Body};

use super::AuthError;
use super::notice::notice;

/// Why a 401 refuses, one of a closed set of words.
pub(super) const AUTH_REASON: HeaderName = HeaderName::from_static("vgi-auth-reason");
/// On every 401 of a server that is to be called through a proxy.
pub(super) const AUTH_PROXY_REQUIRED: HeaderName = HeaderName::from_static("vgi-auth-proxy-required");

/// The answers of one layer, as far as its configuration decides.
#[derive(Clone, Debug)]
pub(super) struct Answers {
    pub(super) challenge: Option<HeaderValue>,
    proxy_headers: Vec<HeaderName>,
    /// Of the configuration alone, so that it tells nobody how far an attempt has come.
    proxy_hint: Option<Arc<str>>,
}

/// What a 401 says of the proxy, for whoever says it in words of its own.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "auth-login"), allow(dead_code))]
pub(super) struct ProxyHint(pub(super) Arc<str>);

impl Answers {
    pub(super) fn new(proxy_headers: impl IntoIterator<Item = HeaderName>) -> Self {
        let mut answers = Self { challenge: None, proxy_headers: Vec::new(), proxy_hint: None };
        answers.add_proxy_headers(proxy_headers);
        answers
    }

    pub(super) fn add_proxy_headers(&mut self, headers: impl IntoIterator<Item = HeaderName>) {
        for name in headers {
            if !self.proxy_headers.contains(&name) {
                self.proxy_headers.push(name);
            }
        }
        self.proxy_hint = proxy_hint(&self.proxy_headers).map(Into::into);
    }

    pub(super) fn answer(&self, request: &Parts, error: &AuthError) -> Response<Body> {
        let mut response = match error.reason() {
            Some(reason) => self.unauthorized(&request.headers, reason, error.detail()),
            None => unavailable(error),
        };
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response.extensions_mut().insert(error.clone());
        if request.method == Method::HEAD {
            *response.body_mut() = Body::empty();
        }
        response
    }

    fn unauthorized(&self, request: &HeaderMap, reason: AuthReason, detail: &str) -> Response<Body> {
        let mut response = if accepts_html(request) {
            let proxy_hint = self.proxy_hint.as_deref();
            notice(StatusCode::UNAUTHORIZED, &Unauthorized { reason: reason.as_str(), detail, proxy_hint })
        } else {
            let mut envelope =
                serde_json::json!({"error": "unauthorized", "reason": reason.as_str(), "detail": detail});
            if let Some(hint) = &self.proxy_hint {
                envelope["proxy_hint"] = (**hint).into();
            }
            json(&envelope)
        };
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        let headers = response.headers_mut();
        headers.insert(AUTH_REASON, HeaderValue::from_static(reason.as_str()));
        if let Some(challenge) = &self.challenge {
            headers.insert(WWW_AUTHENTICATE, challenge.clone());
        }
        if let Some(hint) = &self.proxy_hint {
            headers.insert(AUTH_PROXY_REQUIRED, HeaderValue::from_static("true"));
            response.extensions_mut().insert(ProxyHint(hint.clone()));
        }
        response
    }
}

fn unavailable(error: &AuthError) -> Response<Body> {
    let mut response = json(&serde_json::json!({"error": "auth_unavailable", "detail": error.detail()}));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    if let Some(seconds) = error.retry_seconds() {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn json(value: &serde_json::Value) -> Response<Body> {
    let mut response = Response::new(Body::from(value.to_string()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Only browsers ask for it by name; all others are programs, and read JSON.
pub(super) fn accepts_html(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.any(|value| value.to_ascii_lowercase().contains("text/html"))
}

#[derive(Template)]
#[template(path = "unauthorized.html")]
struct Unauthorized<'a> {
    reason: &'a str,
    detail: &'a str,
    proxy_hint: Option<&'a str>,
}

/// The note to whoever runs the server; none where no header has to come from a proxy.
fn proxy_hint(headers: &[HeaderName]) -> Option<String> {
    let names: Vec<&str> = headers.iter().map(HeaderName::as_str).collect();
    let (last, others) = names.split_last()?;
    let listed = match others {
        [] => format!("the header {last}"),
        others => format!("the headers {} and {last}", others.join(", ")),
    };
    Some(format!(
        "This service is to be called through its proxy, which has to set {listed}. A refusal may mean that the proxy \
         does not set what it should, or that the request did not come through it, just as well as that a credential is \
         wrong: look at the proxy before you replace credentials."
    ))
}
