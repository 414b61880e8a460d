//! [`TrustedProxies`]: whose headers are believed.

use std::collections::HashSet;
use std::net::IpAddr;

use http::request::Parts;
use tower_vgi::PeerAddr;

/// Whose headers are believed.
#[derive(Clone, Debug)]
pub struct TrustedProxies(Option<HashSet<IpAddr>>);

impl TrustedProxies {
    /// Only those whose connections come from one of these addresses.
    pub fn at(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        Self(Some(addresses.into_iter().map(|address| address.to_canonical()).collect()))
    }

    /// Whoever connects. Anybody who reaches the server can then be anybody else, so that only the proxy may reach it: it
    /// listens on a Unix socket or in a network of the proxy's own, or lets in only what carries a
    /// [proof](crate::auth::proof).
    pub fn anybody_who_connects() -> Self {
        Self(None)
    }

    /// Whether a request comes from one of them.
    pub(super) fn sent(&self, request: &Parts) -> bool {
        let peer = request.extensions.get::<PeerAddr>().map(|peer| peer.0.ip().to_canonical());
        self.0.as_ref().is_none_or(|known| peer.is_some_and(|peer| known.contains(&peer)))
    }
}
