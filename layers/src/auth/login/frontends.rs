//! [`Frontends`]: pages on other hosts that people may be sent to with their token.

use http::Uri;

use super::config::InvalidLogin;

/// Longer URLs are no places to return to.
const MAX_URL: usize = 2048;

/// The origins of pages that may have tokens, as browsers write them: `https://ui.example`.
///
/// URLs are compared as text, from their beginning: how a browser reads one makes no difference then. One of this machine
/// without a port stands for all ports (RFC 8252 §7.3).
#[derive(Clone, Debug, Default)]
pub(super) struct Frontends(Vec<String>);

impl Frontends {
    pub(super) fn new<S: AsRef<str>>(origins: impl IntoIterator<Item = S>) -> Result<Self, InvalidLogin> {
        origins.into_iter().map(|origin| normal(origin.as_ref())).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this is what one of the pages sends as its `Origin`.
    pub(super) fn have(&self, origin: &str) -> bool {
        self.0.iter().any(|known| rest(origin, known) == Some(""))
    }

    /// Whether a URL leads to one of the pages.
    pub(super) fn are_at(&self, url: &str) -> bool {
        let is_plain = url.len() <= MAX_URL && url.bytes().all(|byte| byte.is_ascii_graphic());
        is_plain
            && self
                .0
                .iter()
                .any(|known| rest(url, known).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#'])))
    }
}

/// What follows an origin in a URL.
fn rest<'a>(url: &'a str, origin: &str) -> Option<&'a str> {
    let rest = url.strip_prefix(origin)?;
    let port = rest.strip_prefix(':').filter(|_| is_any_port_of_this_machine(origin));
    let Some(port) = port else { return Some(rest) };
    let after = port.trim_start_matches(|digit: char| digit.is_ascii_digit());
    (1..=5).contains(&(port.len() - after.len())).then_some(after)
}

fn is_any_port_of_this_machine(origin: &str) -> bool {
    matches!(origin, "http://localhost" | "http://127.0.0.1" | "http://[::1]")
}

fn normal(origin: &str) -> Result<String, InvalidLogin> {
    let wrong = || InvalidLogin(format!("{origin:?} is no origin of pages, such as https://ui.example"));
    let url: Uri = origin.parse().map_err(|_| wrong())?;
    let (Some(scheme), Some(authority)) = (url.scheme_str(), url.authority()) else { return Err(wrong()) };
    if authority.as_str().contains('@') || url.path() != "/" || url.query().is_some() {
        return Err(wrong());
    }
    let authority = authority.as_str().to_ascii_lowercase();
    match scheme {
        // Browsers never write a port that goes without saying.
        "https" => Ok(format!("https://{}", authority.strip_suffix(":443").unwrap_or(&authority))),
        // Tokens would otherwise go over the network for everybody to read.
        "http" if crate::auth::outbound::is_private(&url) => Ok(format!("http://{authority}")),
        _ => Err(wrong()),
    }
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
        ] {
            assert!(frontends().are_at(url), "{url}");
        }
        for url in [
            "",
            "/",
            "//ui.example/x",
            "ui.example",
            "http://ui.example/",
            "HTTPS://ui.example/",
            "https://ui.example.evil.example/",
            "https://ui.example@evil.example/",
            "https://ui.example:443@evil.example/",
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
        for origin in ["", "null", "https://ui.example/", "https://ui.example.evil", "http://ui.example", "*"] {
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
            "https://ui.example/path",
            "https://ui.example/?q",
            "https://a@ui.example",
            "http://ui.example",
            "ftp://ui.example",
        ] {
            assert!(Frontends::new([origin]).is_err(), "{origin}");
        }
    }
}
