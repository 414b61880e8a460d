//! [`Page`]: what became of a login, for people.

use askama::Template;
use http::header::SET_COOKIE;
use http::{HeaderValue, Response, StatusCode};
use tower_vgi::Body;

use crate::auth::notice::notice;

/// A page that says what became of a login.
#[derive(Template)]
#[template(path = "login.html")]
pub(super) struct Page<'a> {
    pub(super) status: StatusCode,
    pub(super) heading: &'a str,
    pub(super) text: &'a str,
    /// What authentication says of the token.
    pub(super) refusal: Option<Refusal<'a>>,
    /// Where one can go from here.
    pub(super) link: Option<Link<'a>>,
}

/// Why a token is refused.
pub(super) struct Refusal<'a> {
    pub(super) reason: &'a str,
    pub(super) detail: &'a str,
    /// What may be wrong on the way to the service.
    pub(super) proxy_hint: Option<&'a str>,
}

/// A way on.
pub(super) struct Link<'a> {
    pub(super) to: &'a str,
    pub(super) text: &'a str,
}

impl<'a> Link<'a> {
    pub(super) fn log_in(to: &'a str) -> Self {
        Self { to, text: "Log in again" }
    }
}

impl<'a> Page<'a> {
    pub(super) fn new(status: StatusCode, text: &'a str) -> Self {
        Self { status, heading: "You are not logged in", text, refusal: None, link: None }
    }

    pub(super) fn response(&self, cookies: impl IntoIterator<Item = HeaderValue>) -> Response<Body> {
        let mut response = notice(self.status, self);
        for cookie in cookies {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::collect;

    #[tokio::test]
    async fn what_others_have_written_is_text() {
        let page = Page {
            refusal: Some(Refusal { reason: "invalid_credential", detail: "<script>", proxy_hint: Some("<b>") }),
            link: Some(Link::log_in("https://a.example/?\"><script>")),
            ..Page::new(StatusCode::UNAUTHORIZED, "<b>")
        };
        let body = collect(page.response(None).into_body()).await.unwrap();
        let html = str::from_utf8(&body).unwrap();
        assert!(!html.contains("<script>") && !html.contains("<b>") && !html.contains("?\""), "{html}");
        assert!(html.contains("<code>invalid_credential</code>"));
    }
}
