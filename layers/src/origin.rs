//! Origins of pages, as browsers write them: in lower case, and without the port where it is the scheme's own.

use http::uri::Authority;

/// What is wrong with a text that is no origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    Scheme,
    Host,
    Path,
    Wildcard,
}

#[cfg(any(feature = "auth-login", feature = "cors"))]
impl Wrong {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Scheme => "it does not begin with a scheme, as in https://app.example",
            Self::Host => "what follows the scheme is not a host in ASCII, perhaps with a port",
            Self::Path => "it goes on after the host and the port",
            Self::Wildcard => "a * in it stands for nothing: it has to be one origin",
        }
    }
}

/// The origin of a URL, and what follows it: a path, a query or a fragment, or nothing.
#[cfg(any(feature = "auth-login", feature = "auth-oauth"))]
pub(crate) fn split(url: &str) -> Result<(String, &str), Wrong> {
    let host = url.find("://").ok_or(Wrong::Scheme)? + "://".len();
    let end = url[host..].find(['/', '?', '#']).map_or(url.len(), |at| host + at);
    let (origin, rest) = url.split_at(end);
    Ok((parse(origin)?, rest))
}

/// An origin.
pub(crate) fn parse(text: &str) -> Result<String, Wrong> {
    if text.contains('*') {
        return Err(Wrong::Wildcard);
    }
    let lower = text.to_ascii_lowercase();
    let (scheme, rest) = lower.split_once("://").ok_or(Wrong::Scheme)?;
    let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    if !scheme.starts_with(|first: char| first.is_ascii_alphabetic()) || !scheme.bytes().all(is_scheme) {
        return Err(Wrong::Scheme);
    }
    if rest.contains(['/', '?', '#']) {
        return Err(Wrong::Path);
    }
    let authority: Authority = rest.parse().map_err(|_| Wrong::Host)?;
    let port = authority.port().map(|port| port.as_u16());
    let host = authority.host();
    if host.is_empty() || rest.contains('@') || (port.is_none() && host.len() < rest.len()) {
        return Err(Wrong::Host);
    }
    Ok(match (scheme, port) {
        (_, None) | ("http", Some(80)) | ("https", Some(443)) => format!("{scheme}://{host}"),
        (_, Some(port)) => format!("{scheme}://{host}:{port}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_become_what_browsers_write() {
        for (text, origin) in [
            ("https://app.example", "https://app.example"),
            ("HTTPS://App.Example:443", "https://app.example"),
            ("http://app.example:80", "http://app.example"),
            ("http://app.example:443", "http://app.example:443"),
            ("http://localhost:8080", "http://localhost:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("chrome-extension://abcdef", "chrome-extension://abcdef"),
        ] {
            assert_eq!(parse(text).unwrap(), origin, "{text}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused_with_a_reason() {
        for (text, wrong) in [
            ("", Wrong::Scheme),
            ("app.example", Wrong::Scheme),
            ("://app.example", Wrong::Scheme),
            ("ht tp://app.example", Wrong::Scheme),
            ("https://", Wrong::Host),
            ("https://:443", Wrong::Host),
            ("https://app.example:", Wrong::Host),
            ("https://app.example:99999", Wrong::Host),
            ("https://user@app.example", Wrong::Host),
            ("https://app.example, https://b.example", Wrong::Path),
            ("https://a b", Wrong::Host),
            ("https://b\u{fc}cher.example", Wrong::Host),
            ("https://app.example/", Wrong::Path),
            ("https://app.example?a", Wrong::Path),
            ("https://*.example", Wrong::Wildcard),
        ] {
            assert_eq!(parse(text), Err(wrong), "{text}");
        }
    }

    #[cfg(feature = "auth-login")]
    #[test]
    fn urls_are_taken_apart() {
        for (url, origin, rest) in [
            ("HTTPS://A.example:443/B?c#d", "https://a.example", "/B?c#d"),
            ("http://localhost:1", "http://localhost:1", ""),
            ("https://a.example?x://y", "https://a.example", "?x://y"),
        ] {
            assert_eq!(split(url), Ok((origin.to_owned(), rest)));
        }
        for url in ["/a", "https:///a", "https://a.example\\@b.example/", "https://a@b.example/"] {
            assert!(split(url).is_err(), "{url}");
        }
    }
}
