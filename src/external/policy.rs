//! [`UrlPolicy`]: which URLs are read.

use std::fmt;
use std::sync::Arc;

use http::Uri;
use http::uri::Scheme;

use crate::{ErrorCode, RpcError};

type Check = Arc<dyn Fn(&Uri) -> Result<(), String> + Send + Sync>;

/// An origin that becomes known later, and what may be read there.
#[derive(Clone)]
struct Given {
    origin: Arc<dyn Fn() -> Option<Uri> + Send + Sync>,
    check: Check,
}

/// Which URLs a [`Fetcher`](super::Fetcher) reads; every redirect is held to it as well.
///
/// By default `https` only, and only what has a public address once its name is resolved.
///
/// ```
/// use tower_vgi::external::UrlPolicy;
///
/// // The store of this cluster, besides what is public.
/// let policy = UrlPolicy::new().allow_origin("http://minio.storage.svc:9000")?;
/// // That store and nothing else.
/// let only = UrlPolicy::only(["http://minio.storage.svc:9000"])?;
/// # let _ = (policy, only);
/// # Ok::<(), tower_vgi::RpcError>(())
/// ```
#[derive(Clone)]
pub struct UrlPolicy {
    https: bool,
    http: bool,
    private: bool,
    origins: Vec<Origin>,
    given: Vec<Given>,
    checks: Vec<Check>,
}

/// Scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    scheme: Scheme,
    host: String,
    port: u16,
}

impl Default for UrlPolicy {
    fn default() -> Self {
        Self { https: true, http: false, private: false, origins: Vec::new(), given: Vec::new(), checks: Vec::new() }
    }
}

impl UrlPolicy {
    /// `https`, and public addresses.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Some origins, whatever addresses they have, and no others.
    ///
    /// # Errors
    ///
    /// A `ValueError` for what is no origin.
    pub fn only<'a>(origins: impl IntoIterator<Item = &'a str>) -> Result<Self, RpcError> {
        let nothing = Self { https: false, ..Self::default() };
        origins.into_iter().try_fold(nothing, Self::allow_origin)
    }

    /// Every URL, whatever it leads to: for tests, and for readers that trust whoever writes pointers as themselves.
    #[must_use]
    pub fn any() -> Self {
        Self { http: true, private: true, ..Self::default() }
    }

    /// An origin such as `http://minio.internal:9000`, whatever address it has.
    ///
    /// # Errors
    ///
    /// A `ValueError` for what is no origin: `http` or `https`, a host, perhaps a port.
    pub fn allow_origin(mut self, origin: &str) -> Result<Self, RpcError> {
        let uri = origin.parse::<Uri>().ok().filter(|uri| matches!(uri.path(), "" | "/") && uri.query().is_none());
        let origin = uri.as_ref().and_then(Origin::of).ok_or_else(|| {
            RpcError::value_error(format!(
                "'{}' is no origin: expected http:// or https://, a host and perhaps a port",
                crate::reference::redacted(origin)
            ))
        })?;
        self.origins.push(origin);
        Ok(self)
    }

    /// `http` as well, which anybody in between can read and change.
    #[must_use]
    pub fn allow_http(mut self) -> Self {
        self.http = true;
        self
    }

    /// Addresses of this machine and its networks as well.
    #[must_use]
    pub fn allow_private_addresses(mut self) -> Self {
        self.private = true;
        self
    }

    /// The origin of the URL that a function gives, whatever address it has: for one that is not known yet, such as that of
    /// a server which has still to find a port. Of that origin nothing is read but what `check` takes, however its port is
    /// written.
    #[must_use]
    pub fn allow_origin_of(
        mut self,
        url: impl Fn() -> Option<Uri> + Send + Sync + 'static,
        check: impl Fn(&Uri) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.given.push(Given { origin: Arc::new(url), check: Arc::new(check) });
        self
    }

    /// Asks a function besides, about every URL and every redirect. What it refuses is not read; its text is shown, with
    /// the URL's query taken out.
    #[must_use]
    pub fn check(mut self, check: impl Fn(&Uri) -> Result<(), String> + Send + Sync + 'static) -> Self {
        self.checks.push(Arc::new(check));
        self
    }

    /// Whether a URL may be read, as far as can be told before its name is resolved.
    pub(super) fn admit(&self, uri: &Uri) -> Result<(), RpcError> {
        let origin = Origin::of(uri).ok_or_else(|| refused("only http and https can be read"))?;
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(refused("credentials before the host are not sent"));
        }
        let scheme = if origin.scheme == Scheme::HTTPS { self.https } else { self.http };
        if !scheme && !self.names(&origin) {
            return Err(refused(&match (self.https, self.origins.is_empty()) {
                (true, _) => format!("scheme '{}' is not allowed, only 'https' is", origin.scheme),
                (false, _) => {
                    format!("{}://{}:{} is not among the allowed origins", origin.scheme, origin.host, origin.port)
                }
            }));
        }
        let of_origin = self.given.iter().filter(|given| given.is(&origin)).map(|given| &given.check);
        for check in of_origin.chain(&self.checks) {
            check(uri).map_err(|reason| refused(&without_secrets(&reason, uri)))?;
        }
        Ok(())
    }

    /// Whether a URL may lead to any address.
    pub(super) fn takes_any_address(&self, uri: &Uri) -> bool {
        self.private || Origin::of(uri).is_some_and(|origin| self.names(&origin))
    }

    fn names(&self, origin: &Origin) -> bool {
        self.origins.contains(origin) || self.given.iter().any(|given| given.is(origin))
    }
}

impl Given {
    fn is(&self, origin: &Origin) -> bool {
        (self.origin)().as_ref().and_then(Origin::of).as_ref() == Some(origin)
    }
}

impl Origin {
    fn of(uri: &Uri) -> Option<Self> {
        let scheme = uri.scheme().filter(|scheme| **scheme == Scheme::HTTP || **scheme == Scheme::HTTPS)?.clone();
        let host = uri.host().filter(|host| !host.is_empty())?.to_ascii_lowercase();
        let port = uri.port_u16().unwrap_or(if scheme == Scheme::HTTPS { 443 } else { 80 });
        Some(Self { scheme, host, port })
    }
}

/// The error of a URL that is not read.
pub(super) fn refused(reason: &str) -> RpcError {
    RpcError::value_error(format!("ExternalLocation URL rejected: {reason}")).with_code(ErrorCode::InvalidArgument)
}

/// A text of others, who may have written the URL into it.
fn without_secrets(text: &str, uri: &Uri) -> String {
    let whole = uri.to_string();
    let text = text.replace(&whole, &crate::reference::redacted(&whole));
    match uri.query().filter(|query| !query.is_empty()) {
        Some(query) => query
            .split('&')
            .map(|pair| pair.split_once('=').map_or(pair, |(_, value)| value))
            .filter(|secret| secret.len() > 3)
            .fold(text.replace(query, "<redacted>"), |text, secret| text.replace(secret, "<redacted>")),
        None => text,
    }
}

impl fmt::Debug for UrlPolicy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("UrlPolicy")
            .field("https", &self.https)
            .field("http", &self.http)
            .field("private", &self.private)
            .field("origins", &self.origins)
            .field("given", &self.given.len())
            .field("checks", &self.checks.len())
            .finish()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn admits(policy: &UrlPolicy, url: &str) -> bool {
        policy.admit(&url.parse().unwrap()).is_ok()
    }

    #[test]
    fn https_is_read_and_what_is_named() {
        let policy = UrlPolicy::new().allow_origin("http://minio:9000").unwrap();
        for (url, expected) in [
            ("https://bucket.example/x?y", true),
            ("http://bucket.example/x", false),
            ("http://minio:9000/x", true),
            ("http://MINIO:9000/x", true),
            ("http://minio/x", false),
            ("https://minio:9000/x", true),
            ("https://user@bucket.example/x", false),
            ("/relative", false),
        ] {
            assert_eq!(admits(&policy, url), expected, "{url}");
        }
        let any = |url: &str| policy.takes_any_address(&url.parse().unwrap());
        // Only the very origin: another port of the same host is another server.
        assert!(any("http://minio:9000/x") && !any("https://minio:9000/x") && !any("https://bucket.example/x"));
    }

    #[test]
    fn a_list_of_origins_is_all_there_is() {
        let policy = UrlPolicy::only(["http://minio:9000", "https://store.example"]).unwrap();
        assert!(admits(&policy, "http://minio:9000/x") && admits(&policy, "https://store.example:443/x"));
        assert!(!admits(&policy, "https://elsewhere.example/x") && !admits(&policy, "http://store.example/x"));
        for bad in ["minio:9000", "ftp://x", "http://x/path", "http://x?q", ""] {
            assert_eq!(UrlPolicy::new().allow_origin(bad).unwrap_err().type_name(), "ValueError", "{bad}");
        }
    }

    #[test]
    fn an_origin_may_become_known_later() {
        let known = Arc::new(std::sync::OnceLock::new());
        let later = known.clone();
        let policy = UrlPolicy::new().allow_origin_of(move || later.get().cloned(), |_| Ok(()));
        let any = |url: &str| policy.takes_any_address(&url.parse().unwrap());
        assert!(!admits(&policy, "http://10.0.0.1:1/x") && !any("http://10.0.0.1:1/x"));
        known.set(Uri::from_static("http://10.0.0.1:1/vgi")).unwrap();
        assert!(admits(&policy, "http://10.0.0.1:1/x") && any("http://10.0.0.1:1/x"));
        assert!(!admits(&policy, "http://10.0.0.1:2/x") && !any("http://10.0.0.1:2/x"));
        let never = policy.clone().check(|_| Err("no".to_owned()));
        assert!(!admits(&never, "http://10.0.0.1:1/x"));
    }

    #[test]
    fn what_is_checked_of_an_origin_is_checked_however_it_is_written() {
        let check = |uri: &Uri| if uri.path() == "/object" { Ok(()) } else { Err("not signed".to_owned()) };
        for own in ["https://rpc.example/vgi", "https://rpc.example:443/vgi"] {
            let policy = UrlPolicy::new().allow_origin_of(move || own.parse().ok(), check);
            for origin in ["https://rpc.example", "https://rpc.example:443", "https://RPC.example"] {
                assert!(admits(&policy, &format!("{origin}/object")), "{origin}");
                assert!(!admits(&policy, &format!("{origin}/admin")), "{origin}");
            }
            assert!(admits(&policy, "https://elsewhere.example/admin"));
        }
    }

    #[test]
    fn what_a_check_says_keeps_no_secret() {
        let policy =
            UrlPolicy::any().check(|uri| Err(format!("I do not like {uri} with {}", uri.query().unwrap_or(""))));
        let error = policy.admit(&"https://host/a?sig=hidden&x=also-hidden".parse().unwrap()).unwrap_err();
        assert!(error.message().starts_with("ExternalLocation URL rejected: I do not like https://host/a"), "{error}");
        assert!(!error.message().contains("hidden"), "{error}");
    }
}
