//! Which origins may call.

use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use http::HeaderValue;
use http::request::Parts;

use crate::origin::{self, Wrong};

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

fn parse(text: &str) -> Result<HeaderValue, InvalidOrigin> {
    let invalid = |reason| InvalidOrigin::new(text, reason);
    match text {
        "null" => Ok(HeaderValue::from_static("null")),
        "*" => Err(invalid(Reason::NotAlone)),
        _ => {
            let origin = origin::parse(text).map_err(|wrong| invalid(Reason::Wrong(wrong)))?;
            HeaderValue::try_from(origin).map_err(|_| invalid(Reason::Wrong(Wrong::Host)))
        }
    }
}

/// A text that is no origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidOrigin {
    text: String,
    reason: Reason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Wrong(Wrong),
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
            Reason::Wrong(Wrong::Wildcard) => "only a predicate can allow a whole family of origins",
            Reason::Wrong(wrong) => wrong.as_str(),
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
        assert_eq!(parse("HTTPS://App.Example:443").unwrap(), "https://app.example");
        assert_eq!(parse("null").unwrap(), "null");
        let error = parse("https://app.example/").unwrap_err();
        assert!(error.to_string().contains("is no origin: "), "{error}");
    }

    #[test]
    fn any_origin_stands_alone() {
        assert!(matches!("*".parse::<AllowOrigin>().unwrap().0, Kind::Any));
        for mixed in [["*", "https://a.example"], ["https://a.example", "*"]] {
            assert_eq!(AllowOrigin::list(mixed).unwrap_err().reason, Reason::NotAlone);
        }
    }
}
