//! [`PagesLayer`]: which pages there are.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use http::Uri;
use tower_layer::Layer;
use tower_vgi::{Advertise, Capabilities, ServiceInfo};

use super::service::Pages;
use super::site::Site;

/// Answers with pages for people. See the [module](super).
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct PagesLayer {
    options: Options,
    site: Arc<Site>,
}

/// What the operator chose.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) info: Arc<ServiceInfo>,
    pub(super) landing: bool,
    pub(super) describe: bool,
    pub(super) not_found: bool,
    pub(super) repository: Option<String>,
}

impl PagesLayer {
    /// Shows the server that `info` describes, with all three pages.
    pub fn new(info: Arc<ServiceInfo>) -> Self {
        Self::with(Options { info, landing: true, describe: true, not_found: true, repository: None })
    }

    /// Whether there is a landing page. Default: yes.
    pub fn landing(self, show: bool) -> Self {
        Self::with(Options { landing: show, ..self.options })
    }

    /// Whether there is a describe page, provided that [`ServiceInfo::describe`] lets the server show what it hosts.
    /// Default: yes.
    pub fn describe(self, show: bool) -> Self {
        Self::with(Options { describe: show, ..self.options })
    }

    /// Whether people get a page where nothing is to be found. Default: yes.
    pub fn not_found(self, show: bool) -> Self {
        Self::with(Options { not_found: show, ..self.options })
    }

    /// Links to where the service's source is. Default: no link.
    ///
    /// # Errors
    ///
    /// When it is no `http` or `https` address, or one with a user name or password in it.
    pub fn repository(self, url: impl Into<String>) -> Result<Self, InvalidRepository> {
        let url = url.into();
        match problem(&url) {
            None => Ok(Self::with(Options { repository: Some(url), ..self.options })),
            Some(problem) => Err(InvalidRepository { problem }),
        }
    }

    fn with(options: Options) -> Self {
        Self { site: Arc::new(Site::new(options.clone())), options }
    }
}

impl<S> Layer<S> for PagesLayer {
    type Service = Pages<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Pages::new(inner, self.site.clone())
    }
}

impl Advertise for PagesLayer {
    fn advertise(&self, _capabilities: &mut Capabilities) {}
}

/// Why an address cannot be the repository's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidRepository {
    problem: &'static str,
}

// Without the address: it may be one with a password.
impl fmt::Display for InvalidRepository {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { problem } = self;
        write!(formatter, "the repository's address {problem}; write it like \"https://git.example/service\"")
    }
}

impl Error for InvalidRepository {}

fn problem(url: &str) -> Option<&'static str> {
    let Ok(uri) = url.parse::<Uri>() else { return Some("is no URL") };
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Some("does not begin with http:// or https://");
    }
    match uri.authority() {
        Some(authority) if authority.as_str().contains('@') => Some("has a user name in it"),
        Some(authority) if !authority.host().is_empty() => None,
        _ => Some("names no host"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_a_browser_may_follow_are_linked() {
        let layer = || PagesLayer::new(Arc::new(ServiceInfo::new("node-1", "Calculator")));
        for good in ["https://git.example/a?b=c#readme", "http://localhost:3000", "HTTPS://git.example/a"] {
            assert!(layer().repository(good).is_ok(), "{good}");
        }
        for bad in ["", "git.example/a", "/a", "javascript:alert(1)", "ftp://git.example/a", "https://", "https://a b"]
        {
            assert!(layer().repository(bad).is_err(), "{bad}");
        }
        let error = layer().repository("https://me:secret@git.example/a").unwrap_err().to_string();
        assert!(error.contains("user name") && !error.contains("secret"), "{error}");
    }
}
