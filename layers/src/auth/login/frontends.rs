//! [`Frontends`]: pages on other hosts that people may be sent to with their token.

use super::config::InvalidLogin;
use crate::auth::private::is_private;
use crate::origin;

/// Longer URLs are no places to return to.
const MAX_URL: usize = 2048;

/// The pages that may have tokens.
#[derive(Clone, Default)]
pub(super) struct Frontends(Vec<Frontend>);

/// Pages of one origin that may have tokens.
#[derive(Clone)]
struct Frontend {
    /// As browsers write it.
    origin: String,
    /// One of this machine without a port stands for all ports (RFC 8252 §7.3).
    has_all_ports: bool,
    /// The page, which also stands for those below it; empty for all.
    path: String,
}

impl Frontends {
    pub(super) fn new<S: AsRef<str>>(urls: impl IntoIterator<Item = S>) -> Result<Self, InvalidLogin> {
        urls.into_iter().map(|url| Frontend::new(url.as_ref())).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this is what one of the pages sends as its `Origin`.
    pub(super) fn have(&self, origin: &str) -> bool {
        self.0.iter().any(|known| known.is_of(origin))
    }

    /// Whether a URL leads to one of the pages.
    pub(super) fn are_at(&self, url: &str) -> bool {
        // Browsers read `\` as `/`, and leave out what is no character.
        if url.len() > MAX_URL || !url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
            return false;
        }
        let Ok((origin, rest)) = origin::split(url) else { return false };
        let path = rest.split(['?', '#']).next().unwrap_or_default();
        self.0.iter().any(|known| known.is_of(&origin) && known.has(path))
    }
}

impl Frontend {
    fn new(url: &str) -> Result<Self, InvalidLogin> {
        let wrong = |why: &str| InvalidLogin(format!("{url:?} is no frontend, such as https://ui.example: {why}"));
        let (origin, rest) = origin::split(url).map_err(|why| wrong(why.as_str()))?;
        if rest.contains(['?', '#']) {
            return Err(wrong("only its host and a path tell pages apart"));
        }
        if !leads_straight(rest) {
            return Err(wrong("its path leads elsewhere"));
        }
        // Tokens would otherwise go over the network for everybody to read.
        if !origin.parse().is_ok_and(|url| is_private(&url)) {
            return Err(wrong("it has to be of https, or of http on this machine"));
        }
        let host = &url[..url.len() - rest.len()];
        let port = host.rsplit_once(':').map_or("", |(_, port)| port);
        let has_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let has_all_ports =
            !has_port && ["http://localhost", "http://127.0.0.1", "http://[::1]"].contains(&origin.as_str());
        Ok(Self { origin, has_all_ports, path: rest.trim_end_matches('/').to_owned() })
    }

    fn is_of(&self, origin: &str) -> bool {
        match origin.strip_prefix(&self.origin) {
            Some("") => true,
            Some(rest) => self.has_all_ports && rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok()),
            None => false,
        }
    }

    fn has(&self, path: &str) -> bool {
        if self.path.is_empty() {
            return true;
        }
        let below = path.strip_prefix(&self.path);
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) && leads_straight(path)
    }
}

/// Whether a path leads where it seems to, without steps back.
fn leads_straight(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    !["/.", "%2e", "%2f", "%5c"].iter().any(|step| lower.contains(step))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frontends() -> Frontends {
        Frontends::new(["https://ui.example", "https://B.example:8443/", "http://localhost", "http://127.0.0.1:80"])
            .unwrap()
    }

    #[test]
    fn only_pages_of_the_origins_are_returned_to() {
        for url in [
            "https://ui.example",
            "https://ui.example/",
            "https://ui.example/a?b=c#d",
            "https://ui.example?x",
            "https://ui.example#x",
            "https://b.example:8443/x",
            "http://localhost/x",
            "http://localhost:5173/x",
            "http://127.0.0.1:80/x",
            "http://127.0.0.1/x",
            "HTTPS://UI.example:443/",
        ] {
            assert!(frontends().are_at(url), "{url}");
        }
        for url in [
            "",
            "/",
            "//ui.example/x",
            "ui.example",
            "http://ui.example/",
            "https://ui.example.evil.example/",
            "https://ui.example@evil.example/",
            "https://ui.example:443@evil.example/",
            "https://ui.example/\\evil.example/",
            "https://ui.example\\@evil.example/",
            "https://ui.example%2f@evil.example/",
            "https://ui.example:8443/",
            "https://user@ui.example/",
            "https://evil.example/https://ui.example/",
            "https://b.example/x",
            "http://localhost.evil.example/",
            "http://localhost:80@evil.example/",
            "http://localhost:1:2@evil.example/",
            "http://localhost:/",
            "http://localhost:123456/",
            "http://127.0.0.1:8080/x",
            "https://ui.example/ x",
            "https://ui.example/\r\nset-cookie: a=b",
            "https://ui.example/\u{e4}",
            "javascript:alert(1)//https://ui.example",
        ] {
            assert!(!frontends().are_at(url), "{url}");
        }
        assert!(!frontends().are_at(&format!("https://ui.example/{}", "x".repeat(MAX_URL))));
        assert!(!Frontends::default().are_at("https://ui.example"));
    }

    #[test]
    fn an_origin_is_one_as_a_whole() {
        for origin in ["https://ui.example", "https://b.example:8443", "http://localhost", "http://localhost:3000"] {
            assert!(frontends().have(origin), "{origin}");
        }
        for origin in [
            "",
            "null",
            "http://127.0.0.1:8080",
            "https://ui.example/",
            "https://ui.example.evil",
            "http://ui.example",
            "*",
        ] {
            assert!(!frontends().have(origin), "{origin}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for origin in [
            "",
            "*",
            "ui.example",
            "https://",
            "https://*.ui.example",
            "https://ui.example#x",
            "https://ui.example/a/../b",
            "https://ui.example/?q",
            "https://a@ui.example",
            "http://ui.example",
            "ftp://ui.example",
        ] {
            assert!(Frontends::new([origin]).is_err(), "{origin}");
        }
    }

    /// Another page of the host may send people on to wherever somebody likes, and the token with them.
    #[test]
    fn one_page_of_a_host_stands_for_no_others() {
        let one = Frontends::new(["https://ui.example/app/"]).unwrap();
        for url in ["https://ui.example/app", "https://ui.example/app/", "https://ui.example/app/x?y#z"] {
            assert!(one.are_at(url), "{url}");
        }
        for path in [
            "",
            "/",
            "/apps",
            "/redirect?to=/app",
            "/app/../redirect",
            "/app/%2E%2e/redirect",
            "/app/.%2e/redirect",
            "/app%2f..%2fx",
            "/x/app",
        ] {
            assert!(!one.are_at(&format!("https://ui.example{path}")), "{path}");
        }
        assert!(one.have("https://ui.example"));
    }
}
