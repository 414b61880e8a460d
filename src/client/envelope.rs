//! The metadata and the path of a request.

use std::borrow::Cow;

use super::builder::OnLog;
use crate::generation::Generation;
use crate::wire::{Metadata, keys};
use crate::{Result, RpcError};

/// What all requests of one call have in common.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) protocol: Cow<'static, str>,
    pub(crate) method: Cow<'static, str>,
    pub(crate) version: Option<Cow<'static, str>>,
    /// Metadata of the application's own, on the first request.
    pub(crate) metadata: Option<Metadata>,
    pub(crate) on_log: Option<OnLog>,
}

/// What an endpoint of a method is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Unary,
    Init,
    Exchange,
}

impl Target {
    /// The metadata of a request that names its method.
    pub(crate) fn metadata(&self, generation: Generation) -> Metadata {
        let mut metadata = Metadata::with_capacity(4, 128);
        metadata.append(keys::METHOD, self.method.as_bytes());
        metadata.append(keys::REQUEST_VERSION, "1");
        if generation == Generation::Namespaced && !self.protocol.is_empty() {
            metadata.append(keys::PROTOCOL, self.protocol.as_bytes());
        }
        if let Some(version) = &self.version {
            metadata.append(keys::PROTOCOL_VERSION, version.as_bytes());
        }
        // What the application says itself counts, and there is one of each.
        for (key, value) in self.metadata.iter().flat_map(Metadata::iter) {
            metadata.insert(key, value);
        }
        metadata
    }

    /// The path below the prefix.
    ///
    /// # Errors
    ///
    /// A `ValueError` for a name that would make another path of it.
    pub(crate) fn path(&self, generation: Generation, endpoint: Endpoint) -> Result<String, RpcError> {
        segment("method", &self.method)?;
        if generation == Generation::Namespaced {
            segment("protocol", &self.protocol)?;
        }
        let suffix = match endpoint {
            Endpoint::Unary => "",
            Endpoint::Init => "/init",
            Endpoint::Exchange => "/exchange",
        };
        Ok(match generation {
            Generation::Flat => format!("/{}{suffix}", self.method),
            Generation::Namespaced => format!("/{}/{}{suffix}", self.protocol, self.method),
        })
    }
}

/// Whether a name can be a segment of a path as it is: servers compare it so, and decode nothing.
fn segment(what: &str, name: &str) -> Result<(), RpcError> {
    let fits = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-~".contains(&byte));
    if fits && !name.is_empty() && !name.bytes().all(|byte| byte == b'.') {
        return Ok(());
    }
    Err(RpcError::value_error(format!(
        "'{name}' cannot be the name of a {what}: names consist of ASCII letters, digits, '_' and '.'"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(protocol: &'static str, method: &'static str) -> Target {
        Target { protocol: protocol.into(), method: method.into(), version: None, metadata: None, on_log: None }
    }

    #[test]
    fn names_make_a_path() {
        let path = |generation, endpoint| target("acme.Calc.v1", "add").path(generation, endpoint).unwrap();
        assert_eq!(path(Generation::Flat, Endpoint::Init), "/add/init");
        assert_eq!(path(Generation::Namespaced, Endpoint::Unary), "/acme.Calc.v1/add");
        assert_eq!(
            target("", "__upload_url__").path(Generation::Flat, Endpoint::Init).unwrap(),
            "/__upload_url__/init"
        );
    }

    #[test]
    fn there_is_one_entry_of_each_key() {
        let own = Metadata::from_iter([(keys::PROTOCOL_VERSION, "3.0.0"), ("own", "1")]);
        let target = Target { version: Some("1.0.0".into()), metadata: Some(own), ..target("P", "m") };
        let metadata = target.metadata(Generation::Namespaced);
        let of_version: Vec<_> = metadata
            .iter()
            .filter(|(key, _)| *key == keys::PROTOCOL_VERSION.as_bytes())
            .map(|(_, value)| value)
            .collect();
        assert_eq!((of_version, metadata.get_str("own")), (vec![&b"3.0.0"[..]], Some("1")));
        assert_eq!(metadata.get_str(keys::METHOD), Some("m"));
    }

    #[test]
    fn names_that_would_lead_elsewhere_are_refused() {
        for name in ["", ".", "..", "a/b", "a?b", "a#b", "a%2fb", "a b", "a\r\nb", "\u{e9}"] {
            let errors = [
                target("P", name).path(Generation::Namespaced, Endpoint::Unary).unwrap_err(),
                target("P", name).path(Generation::Flat, Endpoint::Unary).unwrap_err(),
                target(name, "m").path(Generation::Namespaced, Endpoint::Unary).unwrap_err(),
            ];
            assert!(errors.iter().all(|error| error.type_name() == "ValueError"), "{name:?}");
        }
    }
}
