//! Which origins may call.

use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use http::HeaderValue;
use http::request::Parts;
use http::uri::Authority;

/// The origins whose pages may call: any, one, several, or what a predicate says.
///
/// ```
/// use tower_vgi_layers::cors::AllowOrigin;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let any = AllowOrigin::any();
/// let one: AllowOrigin = "https://app.example".parse()?;
/// let several = AllowOrigin::list(["https://app.example", "http://localhost:8080"])?;
/// let ours = AllowOrigin::predicate(|origin, _request| origin.as_bytes().ends_with(b".app.example"));
///
/// let error = AllowOrigin::list(["https://app.example/index.html"]).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     r#""https://app.example/index.html" is no origin: it goes on after the host and the port"#,
/// );
/// # let _ = (any, one, several, ours);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct AllowOrigin(Kind);

#[derive(Clone)]
enum Kind {
    Any,
    List(Arc<[HeaderValue]>),
    Predicate(Arc<Predicate>),
}

type Predicate = dyn Fn(&HeaderValue, &Parts) -> bool + Send + Sync;

impl AllowOrigin {
    /// Every origin may call.
    ///
    /// Browsers send no cookies and no client certificates then, nor with any other choice of this layer.
    pub fn any() -> Self {
        Self(Kind::Any)
    }

    /// These origins may call, as in `https://app.example` or `http://localhost:8080`.
    ///
    /// They are compared as browsers write them: in lower case, and without the port where it is the scheme's own.
    /// `*` alone is [`any`](Self::any). `null` is the origin of local files and sandboxed pages of anybody.
    ///
    /// # Errors
    ///
    /// When one of them is no origin, or `*` beside others.
    pub fn list<I>(origins: I) -> Result<Self, InvalidOrigin>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let mut texts = origins.into_iter().peekable();
        let first_is_any = texts.peek().is_some_and(|text| text.as_ref() == "*");
        if first_is_any {
            texts.next();
            return match texts.next() {
                None => Ok(Self::any()),
                Some(_) => Err(InvalidOrigin::new("*", Reason::NotAlone)),
            };
        }
        let origins: Result<_, _> = texts.map(|text| parse(text.as_ref())).collect();
        Ok(Self(Kind::List(origins?)))
    }

    /// The origins may call for which `allows` is true, given the origin and the head of the request.
    ///
    /// It is asked for every request that has an origin, so it must be quick.
    pub fn predicate(allows: impl Fn(&HeaderValue, &Parts) -> bool + Send + Sync + 'static) -> Self {
        Self(Kind::Predicate(Arc::new(allows)))
    }

    /// What the response says about this origin; `None` where it may not call.
    pub(super) fn answer(&self, origin: &HeaderValue, request: &Parts) -> Option<HeaderValue> {
        match &self.0 {
            Kind::Any => Some(HeaderValue::from_static("*")),
            Kind::List(origins) => origins.iter().find(|known| *known == origin).cloned(),
            Kind::Predicate(allows) => allows(origin, request).then(|| origin.clone()),
        }
    }
}

impl fmt::Debug for AllowOrigin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Any => formatter.write_str("Any"),
            Kind::List(origins) => formatter.debug_list().entries(origins.iter()).finish(),
            Kind::Predicate(_) => formatter.write_str("Predicate"),
        }
    }
}

/// One origin, or `*`.
impl FromStr for AllowOrigin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        Self::list([text])
    }
}

/// An origin as browsers write it.
fn parse(text: &str) -> Result<HeaderValue, InvalidOrigin> {
    let invalid = |reason| InvalidOrigin::new(text, reason);
    if text == "null" {
        return Ok(HeaderValue::from_static("null"));
    }
    if text.contains('*') {
        return Err(invalid(if text == "*" { Reason::NotAlone } else { Reason::Wildcard }));
    }
    let lower = text.to_ascii_lowercase();
    let (scheme, rest) = lower.split_once("://").ok_or_else(|| invalid(Reason::Scheme))?;
    let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    if !scheme.starts_with(|first: char| first.is_ascii_alphabetic()) || !scheme.bytes().all(is_scheme) {
        return Err(invalid(Reason::Scheme));
    }
    if rest.contains(['/', '?', '#']) {
        return Err(invalid(Reason::Path));
    }
    let authority: Authority = rest.parse().map_err(|_| invalid(Reason::Host))?;
    let port = authority.port().map(|port| port.as_u16());
    let host = authority.host();
    if host.is_empty() || rest.contains('@') || (port.is_none() && host.len() < rest.len()) {
        return Err(invalid(Reason::Host));
    }
    let origin = match (scheme, port) {
        (_, None) | ("http", Some(80)) | ("https", Some(443)) => format!("{scheme}://{host}"),
        (_, Some(port)) => format!("{scheme}://{host}:{port}"),
    };
    HeaderValue::try_from(origin).map_err(|_| invalid(Reason::Host))
}

/// A text that is no origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidOrigin {
    text: String,
    reason: Reason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Scheme,
    Host,
    Path,
    Wildcard,
    NotAlone,
}

impl InvalidOrigin {
    fn new(text: &str, reason: Reason) -> Self {
        Self { text: text.to_owned(), reason }
    }
}

impl fmt::Display for InvalidOrigin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match self.reason {
            Reason::Scheme => "it does not begin with a scheme, as in https://app.example",
            Reason::Host => "what follows the scheme is not a host in ASCII, perhaps with a port",
            Reason::Path => "it goes on after the host and the port",
            Reason::Wildcard => "only a predicate can allow a whole family of origins",
            Reason::NotAlone => "it allows every origin, so it stands alone",
        };
        write!(formatter, "{:?} is no origin: {reason}", self.text)
    }
}

impl Error for InvalidOrigin {}

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
            ("null", "null"),
        ] {
            assert_eq!(parse(text).unwrap(), origin, "{text}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused_with_a_reason() {
        for (text, reason) in [
            ("", Reason::Scheme),
            ("app.example", Reason::Scheme),
            ("://app.example", Reason::Scheme),
            ("ht tp://app.example", Reason::Scheme),
            ("https://", Reason::Host),
            ("https://:443", Reason::Host),
            ("https://app.example:", Reason::Host),
            ("https://app.example:99999", Reason::Host),
            ("https://user@app.example", Reason::Host),
            ("https://app.example, https://b.example", Reason::Path),
            ("https://a b", Reason::Host),
            ("https://b\u{fc}cher.example", Reason::Host),
            ("https://app.example/", Reason::Path),
            ("https://app.example?a", Reason::Path),
            ("https://*.example", Reason::Wildcard),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.reason, reason, "{text}");
            assert!(error.to_string().contains("is no origin: "), "{error}");
        }
    }

    #[test]
    fn any_origin_stands_alone() {
        assert!(matches!("*".parse::<AllowOrigin>().unwrap().0, Kind::Any));
        for mixed in [["*", "https://a.example"], ["https://a.example", "*"]] {
            assert_eq!(AllowOrigin::list(mixed).unwrap_err().reason, Reason::NotAlone);
        }
    }
}
