//! Where people are who are not let in, or do not want to be any more.

use std::fmt;

use http::header::{HeaderName, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use tower_vgi::{AuthReason, Body};

use super::cookies::{IDENTITY, LATEST, SESSIONS, TOKEN};
use super::destination::Destination;
use super::flow::Flow;
use super::latest::Latest;
use super::page::{Link, Page, Refusal};
use crate::auth::answer::{AUTH_PROXY_REQUIRED, AUTH_REASON, ProxyHint};
use crate::auth::{AuthError, TARGET};

/// Where browsers say whose link was followed.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// For how long the next login asks who people are, in seconds.
const LEFT: u64 = 600;

impl Flow {
    /// Says that the token of a login is of no use here. Nobody else does: the provider has given it, and the browser only
    /// sees itself sent on.
    pub(super) fn refuse(&self, refused: &Response<()>, destination: &Destination) -> Response<Body> {
        let error = refused.extensions().get::<AuthError>();
        let reason = error.and_then(AuthError::reason).unwrap_or(AuthReason::Unauthorized).as_str();
        let detail = error.map_or("", AuthError::detail);
        tracing::warn!(target: TARGET, reason, ?detail, "the identity provider's token is refused right after a login");
        let proxy_hint = refused.extensions().get::<ProxyHint>().map(|hint| &*hint.0);
        let retry = self.address(&destination.target());
        let page = Page {
            refusal: Some(Refusal { reason, detail, proxy_hint }),
            link: Some(Link::log_in(&retry)),
            ..Page::new(
                StatusCode::UNAUTHORIZED,
                "The identity provider has let you in, but this service does not accept the token that it gave.",
            )
        };
        let mut response = page.response(self.forget(&[TOKEN, IDENTITY]));
        for name in [AUTH_REASON, AUTH_PROXY_REQUIRED, WWW_AUTHENTICATE] {
            if let Some(value) = refused.headers().get(&name) {
                response.headers_mut().insert(name, value.clone());
            }
        }
        response
    }

    /// Forgets who somebody is, and stays where nobody need be known: another page would have them logged in again.
    pub(super) fn log_out(&self, headers: &HeaderMap) -> Response<Body> {
        let here = self.address("/_oauth/logout");
        let site = headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes);
        if !matches!(site, None | Some(b"same-origin" | b"none")) {
            let page = Page {
                heading: "Do you want to log out?",
                link: Some(Link { to: &here, text: "Log out" }),
                ..Page::new(StatusCode::OK, "A page of another site has sent you here.")
            };
            return page.response(None);
        }
        let again = self.address("/");
        let page = Page {
            heading: "You are logged out",
            link: Some(Link::log_in(&again)),
            ..Page::new(StatusCode::OK, "You may still be logged in with the identity provider.")
        };
        page.response(self.forget(&[&[TOKEN, IDENTITY], SESSIONS.as_slice()].concat()))
    }

    /// The next login lets people choose who they are.
    fn forget(&self, names: &[&str]) -> Vec<HeaderValue> {
        let left = self.cookies.set(LATEST, &Latest::Left.write(), Some(LEFT));
        names.iter().filter_map(|name| self.cookies.clear(name)).chain(left).collect()
    }

    /// A page of fixed texts; why it is for whoever runs the server.
    pub(super) fn failed(&self, status: StatusCode, text: &str, why: impl fmt::Display) -> Response<Body> {
        // Quoted: a part of it may be what somebody wrote into an address.
        tracing::warn!(target: TARGET, why = ?why.to_string(), "a login failed: {text}");
        Page { link: Some(Link::log_in(&self.address("/"))), ..Page::new(status, text) }.response(None)
    }
}
