//! Where callers reach the server.

use std::fmt;

use http::Uri;

/// The URL without a slash at its end.
pub(super) fn parse(url: &str) -> Result<String, InvalidPublicUrl> {
    let trimmed = url.trim_end_matches('/');
    let is_base = |uri: &Uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
            && uri.query().is_none()
    };
    match trimmed.parse::<Uri>() {
        Ok(uri) if is_base(&uri) && !trimmed.contains('#') => Ok(trimmed.to_owned()),
        _ => Err(InvalidPublicUrl),
    }
}

/// A public URL that is none. What it was is not shown: it may have credentials in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidPublicUrl;

impl fmt::Display for InvalidPublicUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            "the public URL of the local storage has to be http:// or https:// with a host, perhaps a port and a path, and \
             nothing else, such as https://rpc.example/vgi",
        )
    }
}

impl std::error::Error for InvalidPublicUrl {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_what_others_begin_with() {
        for (url, expected) in [
            ("https://rpc.example", "https://rpc.example"),
            ("https://rpc.example/", "https://rpc.example"),
            ("http://127.0.0.1:8000/vgi/", "http://127.0.0.1:8000/vgi"),
            ("http://[::1]:1", "http://[::1]:1"),
        ] {
            assert_eq!(parse(url).as_deref(), Ok(expected));
        }
        for url in ["", "/vgi", "rpc.example", "ftp://x", "http://", "https://u:p@x", "https://x?y", "https://x#y"] {
            assert_eq!(parse(url), Err(InvalidPublicUrl), "{url}");
        }
    }
}
