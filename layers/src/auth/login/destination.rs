//! [`Destination`]: where people go once they are logged in.

use http::Uri;

use super::frontends::Frontends;

/// The parameter by which pages on other hosts say where to return to.
const RETURN_TO: &str = "_vgi_return_to";

/// Where people go once they are logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    /// The path and query of a page of this service, inside of its prefix.
    Page(String),
    /// The URL of a page elsewhere, which gets the token.
    Frontend(String),
}

impl Destination {
    /// What somebody wants who looks at this address. Where it names a place to return to that is none, the rest of it
    /// still is a page.
    pub(super) fn of(uri: &Uri, frontends: &Frontends) -> Self {
        if !frontends.is_empty()
            && let Some(query) = uri.query()
            && let Some((_, url)) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == RETURN_TO)
            && frontends.are_at(&url)
        {
            return Self::Frontend(url.into_owned());
        }
        Self::Page(uri.path_and_query().map_or("/", |target| target.as_str()).to_owned())
    }
}

/// The URL of a page with something behind `#`, which browsers keep to themselves: no server on the way sees it.
pub(super) fn with_fragment(url: &str, pairs: &[(&str, &str)]) -> String {
    let pairs = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let separator = if url.contains('#') { '&' } else { '#' };
    format!("{url}{separator}{pairs}")
}
