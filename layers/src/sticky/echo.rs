//! Headers that callers are asked to send with every request of a session.

use http::{HeaderMap, HeaderName, HeaderValue};

const PREFIX: &str = "vgi-echo-";

/// What a response says that opens a session, besides the token.
#[derive(Clone, Debug, Default)]
pub(super) struct EchoHeaders {
    /// As they are said: `vgi-echo-<name>`.
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The names, as they are advertised.
    names: Option<HeaderValue>,
}

impl EchoHeaders {
    pub(super) fn new(headers: &HeaderMap) -> Self {
        let names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        let said = headers.iter().filter_map(|(name, value)| {
            // A prefix makes no name wrong.
            let name = HeaderName::try_from(format!("{PREFIX}{name}")).ok()?;
            Some((name, value.clone()))
        });
        Self {
            headers: said.collect(),
            names: HeaderValue::try_from(names.join(", ")).ok().filter(|names| !names.is_empty()),
        }
    }

    pub(super) fn names(&self) -> Option<&HeaderValue> {
        self.names.as_ref()
    }

    /// The headers that say them.
    pub(super) fn said(&self) -> impl Iterator<Item = &HeaderName> {
        self.headers.iter().map(|(name, _)| name)
    }

    pub(super) fn say(&self, response: &mut HeaderMap) {
        for (name, value) in &self.headers {
            response.append(name, value.clone());
        }
    }
}
