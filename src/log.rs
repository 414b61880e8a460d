//! Log messages of a method, which the caller receives before the result.

use serde_json::{Map, Value};

#[cfg(feature = "server")]
use crate::rpc::identity::Identity;
#[cfg(feature = "server")]
use crate::wire::{Metadata, keys};

/// How important a message is. `EXCEPTION` is not among them: an error is returned, not logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// The finest steps.
    Trace,
    /// For those who look for a fault.
    Debug,
    /// What happened.
    Info,
    /// What may go wrong.
    Warn,
    /// What went wrong although the call goes on.
    Error,
}

impl LogLevel {
    /// The level's name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }
}

/// One message with its extras.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LogMessage {
    /// How important it is.
    pub level: LogLevel,
    /// The text.
    pub message: String,
    /// Whatever else belongs to it.
    pub extra: Map<String, Value>,
    /// Which server wrote it; known to callers.
    pub server_id: Option<String>,
    /// Which request it belongs to; known to callers.
    pub request_id: Option<String>,
}

impl LogMessage {
    /// A message without extras.
    pub fn new(level: LogLevel, message: impl Into<String>) -> Self {
        Self { level, message: message.into(), extra: Map::new(), server_id: None, request_id: None }
    }

    /// Adds an extra.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.extra.insert(name.into(), value.into());
        self
    }

    /// The metadata of the row-less batch that carries it.
    #[cfg(feature = "server")]
    pub(crate) fn metadata(&self, identity: &Identity, with_request_id: bool) -> Metadata {
        let mut metadata = Metadata::new();
        metadata.insert(keys::LOG_LEVEL, self.level.as_str());
        metadata.insert(keys::LOG_MESSAGE, &self.message);
        if !self.extra.is_empty() {
            metadata.insert(keys::LOG_EXTRA, Value::Object(self.extra.clone()).to_string());
        }
        metadata.insert(keys::SERVER_ID, identity.server_id.as_bytes());
        if with_request_id {
            metadata.insert(keys::REQUEST_ID, identity.request_id.as_bytes());
        }
        metadata
    }
}
