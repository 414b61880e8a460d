//! [`Destination`]: where people go once they are logged in.

use http::Uri;

use super::frontends::Frontends;

/// The parameter by which pages on other hosts say where to return to.
const RETURN_TO: &str = "_vgi_return_to";

/// What is behind `#` when pages elsewhere get people back. A name alone is a parameter too, without a value.
const PARAMETERS: [&str; 5] = ["token", "refresh_token", "token_endpoint", "client_id", "use_id_token"];

/// Where people go once they are logged in.
#[derive(PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
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
            && has_plain_fragment(&url)
        {
            return Self::Frontend(url.into_owned());
        }
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        Self::Page(ascii(target))
    }

    pub(super) fn is_page(&self) -> bool {
        matches!(self, Self::Page(_))
    }

    /// The path and query of this service that lead there.
    pub(super) fn target(&self) -> String {
        match self {
            Self::Page(target) => target.clone(),
            Self::Frontend(url) => {
                let query = form_urlencoded::Serializer::new(String::new()).append_pair(RETURN_TO, url).finish();
                format!("/?{query}")
            }
        }
    }
}

/// As browsers write it: a header has no place for other characters.
fn ascii(target: &str) -> String {
    let mut written = String::with_capacity(target.len());
    for byte in target.bytes() {
        match byte.is_ascii() {
            true => written.push(char::from(byte)),
            false => written.push_str(&format!("%{byte:02X}")),
        }
    }
    written
}

/// Whether what a URL has behind `#` is a place in the page and nothing else. Of parameters the first of a name counts, and
/// it would stand before ours: whoever made up the URL could have the page send its tokens elsewhere.
pub(super) fn has_plain_fragment(url: &str) -> bool {
    url.split_once('#')
        .is_none_or(|(_, fragment)| !fragment.contains(['=', '&', ';', '%', '#']) && !PARAMETERS.contains(&fragment))
}

/// The URL of a page with something behind `#`, which browsers keep to themselves: no server on the way sees it.
pub(super) fn with_fragment(url: &str, pairs: &[(&str, &str)]) -> String {
    let pairs = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let separator = if url.contains('#') { '&' } else { '#' };
    format!("{url}{separator}{pairs}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_says_where_in_the_page_and_nothing_of_tokens() {
        for url in ["https://u.example/a?b=c&d", "https://u.example/#", "https://u.example/#/route?x"] {
            assert!(has_plain_fragment(url), "{url}");
        }
        for fragment in
            ["token_endpoint=https://evil.example", "a&b", "/route?token=x", "token_endpoint%3Dx", "a#b", "token"]
        {
            assert!(!has_plain_fragment(&format!("https://u.example/#{fragment}")), "{fragment}");
        }
    }

    #[test]
    fn a_page_is_where_a_header_can_lead() {
        let uri: Uri = "/caf\u{e9}?a=b".parse().unwrap();
        assert_eq!(Destination::of(&uri, &Frontends::default()).target(), "/caf%C3%A9?a=b");
    }
}
