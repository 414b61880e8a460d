//! [`Address`]: where a request was sent to, as links and examples show it.

use http::uri::Authority;
use http::{HeaderMap, Request, header};
use tower_vgi::MountPrefix;

/// Where the server is when the request does not say it in a form that can be trusted.
const UNKNOWN: &str = "http://your-server.example";

/// The longest name of a host, and its port.
const MAX_AUTHORITY: usize = 253 + 6;

/// The server's address for links and examples. Both parts can stand in HTML and in a string of any language: callers
/// choose the host's name.
#[derive(Clone, Debug)]
pub(super) struct Address {
    base: String,
    /// How much of `base` is the origin, without the mount prefix.
    origin: usize,
}

impl Address {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        let mut base = origin(request).unwrap_or_else(|| UNKNOWN.to_owned());
        let origin = base.len();
        if let Some(MountPrefix(prefix)) = request.extensions().get() {
            push_prefix(&mut base, prefix);
        }
        Self { base, origin }
    }

    /// Such as `https://host:8080/vgi`, without a slash at its end.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Such as `/vgi`, or empty.
    pub(super) fn prefix(&self) -> &str {
        self.base.get(self.origin..).unwrap_or_default()
    }
}

fn origin<B>(request: &Request<B>) -> Option<String> {
    // HTTP/2 has the host in the address, HTTP/1.1 in a header.
    let in_header = || single(request.headers(), header::HOST.as_str()).and_then(|host| host.parse().ok());
    let authority = request.uri().authority().cloned().or_else(in_header)?;
    if !is_plain(&authority) {
        return None;
    }
    let forwarded = single(request.headers(), "x-forwarded-proto");
    // Each proxy of a chain may add its own; the first one is the caller's.
    let forwarded = forwarded.and_then(|schemes| schemes.split(',').next()).map(str::trim);
    let scheme = match forwarded.or(request.uri().scheme_str()) {
        Some(scheme) if scheme.eq_ignore_ascii_case("https") => "https",
        _ => "http",
    };
    Some(format!("{scheme}://{authority}"))
}

/// The value of a header that has exactly one.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// A host name or an IP address, perhaps with a port: nothing that could mean something elsewhere.
fn is_plain(authority: &Authority) -> bool {
    let text = authority.as_str();
    let named = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    !authority.host().is_empty() && text.len() <= MAX_AUTHORITY && text.bytes().all(named)
}

/// The prefix is the operator's, but it comes as text: what does not stand for itself in a URL and in HTML is escaped.
fn push_prefix(base: &mut String, prefix: &str) {
    // `//host` would lead elsewhere.
    let Some(path) = prefix.strip_prefix('/').filter(|path| !path.starts_with('/')) else { return };
    base.push('/');
    for byte in path.trim_end_matches('/').bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~!$()*+,;=:@%".contains(&byte) {
            base.push(char::from(byte));
        } else {
            base.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn base(uri: &str, headers: &[(&str, &str)]) -> String {
        let mut request = Request::get(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Address::of(&request.body(()).unwrap()).base().to_owned()
    }

    #[test]
    fn it_is_where_the_request_was_sent_to() {
        assert_eq!(base("/", &[("host", "vgi.example:8080")]), "http://vgi.example:8080");
        assert_eq!(base("/", &[("host", "[::1]:80")]), "http://[::1]:80");
        assert_eq!(base("https://vgi.example/describe", &[]), "https://vgi.example");
        assert_eq!(base("/", &[("host", "vgi.example"), ("x-forwarded-proto", "https, http")]), "https://vgi.example");
        assert_eq!(base("/", &[("host", "vgi.example"), ("x-forwarded-proto", "gopher")]), "http://vgi.example");
    }

    #[test]
    fn a_host_that_could_mean_something_in_a_page_is_not_shown() {
        let hosts = ["", "a\"b", "a<script>", "a'b", "a b", "user@host", "a/b", "a&amp;b", "a\\b", &"a".repeat(300)];
        for host in hosts {
            assert_eq!(base("/", &[("host", host)]), UNKNOWN, "{host}");
        }
        assert_eq!(base("/", &[]), UNKNOWN);
        assert_eq!(base("/", &[("host", "a"), ("host", "b")]), UNKNOWN);
    }

    #[test]
    fn the_prefix_is_part_of_it_and_harmless() {
        let with = |prefix: &str| {
            let mut request = Request::get("/").header("host", "h").body(()).unwrap();
            request.extensions_mut().insert(MountPrefix(Arc::from(prefix)));
            let address = Address::of(&request);
            assert_eq!(address.base(), format!("http://h{}", address.prefix()));
            address.prefix().to_owned()
        };
        assert_eq!(with("/vgi"), "/vgi");
        assert_eq!(with("/a/b/"), "/a/b");
        assert_eq!(with(""), "");
        assert_eq!(with("//elsewhere.example"), "");
        assert_eq!(with("/a\"><'&"), "/a%22%3E%3C%27%26");
    }
}
