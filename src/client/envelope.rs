//! The metadata and the path of a request.

use std::borrow::Cow;

use super::builder::OnLog;
use crate::generation::Generation;
use crate::wire::{Metadata, keys};

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
        if let Some(own) = &self.metadata {
            own.iter().for_each(|(key, value)| metadata.append(key, value));
        }
        metadata
    }

    /// The path below the prefix.
    pub(crate) fn path(&self, generation: Generation, endpoint: Endpoint) -> String {
        let suffix = match endpoint {
            Endpoint::Unary => "",
            Endpoint::Init => "/init",
            Endpoint::Exchange => "/exchange",
        };
        match generation {
            Generation::Flat => format!("/{}{suffix}", self.method),
            Generation::Namespaced => format!("/{}/{}{suffix}", self.protocol, self.method),
        }
    }
}
