//! [`Site`]: the pages of one server.

use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tower_vgi::ServiceInfo;

use super::address::Address;
use super::document::Document;
use super::layer::Options;
use super::templates;

/// The pages, each written when it is first asked for: most servers are never visited by people.
pub(super) struct Site {
    options: Options,
    landing: OnceLock<Document>,
    describe: OnceLock<Document>,
    not_found: OnceLock<Document>,
}

/// Which page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Landing,
    Describe,
    NotFound,
}

impl Site {
    pub(super) fn new(options: Options) -> Self {
        Self { options, landing: OnceLock::new(), describe: OnceLock::new(), not_found: OnceLock::new() }
    }

    pub(super) fn info(&self) -> &Arc<ServiceInfo> {
        &self.options.info
    }

    pub(super) fn repository(&self) -> Option<&str> {
        self.options.repository.as_deref()
    }

    /// Whether the operator wants the page.
    pub(super) fn has(&self, name: Name) -> bool {
        match name {
            Name::Landing => self.options.landing,
            Name::Describe => self.options.describe && self.options.info.describe,
            Name::NotFound => self.options.not_found,
        }
    }

    /// The page that a path leads to.
    pub(super) fn page_at(&self, path: &str) -> Option<Name> {
        let name = match path {
            "/" => Name::Landing,
            "/describe" => Name::Describe,
            _ => return None,
        };
        self.has(name).then_some(name)
    }

    /// Whether a `POST` of the describe page's path is a call.
    pub(super) fn describe_is_a_method(&self) -> bool {
        let flat = self.options.info.flat.as_ref();
        flat.is_some_and(|protocol| protocol.methods().any(|method| method.name == "describe"))
    }

    /// A page as one caller sees it.
    pub(super) fn page(&self, name: Name, address: &Address) -> Bytes {
        let document = match name {
            Name::Landing => self.landing.get_or_init(|| Document::new(&templates::landing(self))),
            Name::Describe => self.describe.get_or_init(|| Document::new(&templates::describe(self))),
            Name::NotFound => self.not_found.get_or_init(|| Document::new(&templates::not_found(self))),
        };
        document.fill(address)
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Site").field("options", &self.options).finish_non_exhaustive()
    }
}
