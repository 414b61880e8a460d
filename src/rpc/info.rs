//! [`ServiceInfo`]: what a server is, for layers that talk about it.

use super::method::Protocol;

/// What a server is, for layers that talk about it (health, pages, sessions).
///
/// ```
/// use tower_vgi::rpc::{Method, Protocol, ServiceInfo};
///
/// let greeter = Protocol::new("Greeter").method(Method::unary("ping").handler(|_ctx, _params| async { Ok(()) }));
/// let info = ServiceInfo::new("node-1", "Greeter").with_protocol(greeter);
/// assert_eq!(info.protocols[0].methods().count(), 1);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServiceInfo {
    /// The id that responses, session tokens and logs carry.
    pub server_id: String,
    /// The operator's version of the server; may be empty.
    pub server_version: String,
    /// The wire name of the primary protocol.
    pub protocol: String,
    /// Whether callers may learn what the server hosts. Layers that show it keep to this.
    pub describe: bool,
    /// The protocols on the routes `{protocol}/{method}`, the primary first; without those of the server's own.
    pub protocols: Vec<Protocol>,
    /// The protocol on the routes `{method}`, where these are served.
    pub flat: Option<Protocol>,
}

impl ServiceInfo {
    /// Describes a server of which no more is known; for testing a layer without a core.
    pub fn new(server_id: impl Into<String>, protocol: impl Into<String>) -> Self {
        Self {
            server_id: server_id.into(),
            server_version: String::new(),
            protocol: protocol.into(),
            describe: true,
            protocols: Vec::new(),
            flat: None,
        }
    }

    /// Adds a protocol on the namespaced routes.
    #[must_use]
    pub fn with_protocol(mut self, protocol: impl Into<Protocol>) -> Self {
        self.protocols.push(protocol.into());
        self
    }

    /// Sets the protocol on the flat routes.
    #[must_use]
    pub fn with_flat_protocol(mut self, protocol: impl Into<Protocol>) -> Self {
        self.flat = Some(protocol.into());
        self
    }

    /// Whether callers may learn what the server hosts.
    #[must_use]
    pub fn with_describe(mut self, describe: bool) -> Self {
        self.describe = describe;
        self
    }
}
