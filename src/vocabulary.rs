//! What layers and the core share: plain types in `http::Extensions`, carried into each call.
//!
//! The core knows no layer and a layer knows no other layer: what passes between them is one of
//! these. A layer of your own only has to insert the same type.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use serde_json::Value;

pub use crate::claims::Claims;

/// Who calls. Inserted by an authentication layer; without one everybody is anonymous.
///
/// Stream tokens and sessions are bound to the domain, the principal and the evidence: they open for the same caller only.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct AuthContext {
    /// Which authenticator vouches for the caller (`jwt`, `bearer`, …); empty for anonymous callers.
    pub domain: String,
    /// The caller's name within the domain; empty for anonymous callers.
    pub principal: String,
    /// Whether the caller proved who they are.
    pub authenticated: bool,
    /// What the authenticator knows besides.
    pub claims: Claims,
    /// What else the caller's streams and sessions are bound to; mostly nothing. See [`bound_to`](Self::bound_to).
    pub evidence: String,
}

impl AuthContext {
    /// A caller of whom nothing is known.
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// A caller who proved to be `principal`.
    pub fn authenticated(domain: impl Into<String>, principal: impl Into<String>) -> Self {
        Self { domain: domain.into(), principal: principal.into(), authenticated: true, ..Self::default() }
    }

    /// Adds a claim.
    #[must_use]
    pub fn with_claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.claims.insert(name.into(), value.into());
        self
    }

    /// Binds what the caller carries to more than who they are: streams and sessions that were opened with this evidence
    /// go on with the same only. Several kinds can be added one after the other; each counts.
    ///
    /// For what authorization rests on besides the principal and what does not change from request to request, such as
    /// the workload at the other end of a mesh or a digest of its capabilities; also of callers who are otherwise
    /// anonymous. Not for what is renewed in between: neither the time of a login, nor the id of a token or of a
    /// connection, nor an address.
    ///
    /// ```
    /// use tower_vgi::AuthContext;
    ///
    /// let caller = AuthContext::authenticated("jwt", "alice").bound_to("spiffe://prod/reports");
    /// assert_ne!(caller.binding(), AuthContext::authenticated("jwt", "alice").binding());
    /// ```
    #[must_use]
    pub fn bound_to(mut self, evidence: &str) -> Self {
        // With its length, so that no two lists of evidence read the same.
        self.evidence.push_str(&format!("{}:{evidence}", evidence.len()));
        self
    }

    /// The same caller, without the claims: for whoever keeps it while they change.
    #[must_use]
    pub fn without_claims(&self) -> Self {
        Self {
            domain: self.domain.clone(),
            principal: self.principal.clone(),
            authenticated: self.authenticated,
            claims: Claims::default(),
            evidence: self.evidence.clone(),
        }
    }

    /// Who this is, as associated data for what is sealed (`rpc::Sealer`): a secret that is sealed with it opens for the
    /// same caller only. The same for everybody who is anonymous without evidence; claims do not count.
    pub fn binding(&self) -> [&[u8]; 4] {
        let evidence = self.evidence.as_bytes();
        match self.authenticated {
            true => [b"known", self.domain.as_bytes(), self.principal.as_bytes(), evidence],
            false => [b"anonymous", b"", b"", evidence],
        }
    }

    /// Refuses anonymous callers, as the first line of a method that needs to know its caller.
    ///
    /// # Errors
    ///
    /// A `PermissionError` with the code `UNAUTHENTICATED` when the caller is anonymous.
    pub fn require_authenticated(&self) -> Result<(), crate::RpcError> {
        if self.authenticated {
            return Ok(());
        }
        Err(crate::RpcError::new("PermissionError", "Authentication required")
            .with_code(crate::ErrorCode::Unauthenticated))
    }
}

/// How large a response may become, in decoded bytes of the Arrow body. Inserted by a limiting layer.
///
/// The smallest of the hard limits of all parties counts; a producer of the flat generation may
/// exceed it with one batch and goes on in another response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResponseBudget {
    /// The hard limit, if there is one.
    pub max_response_bytes: Option<u64>,
    /// The size that suits the server best; shown to methods as a hint.
    pub preferred_response_bytes: Option<u64>,
}

/// The part of a request's path that a mounting layer took off, such as `/vgi`; for links and cookies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountPrefix(pub Arc<str>);

/// The address that a connection came from. Inserted by whoever accepts connections; over a Unix
/// socket there is none. Behind a proxy it is the proxy's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerAddr(pub std::net::SocketAddr);

/// The certificates by which a client has proved itself over TLS, its own first, as DER. Inserted by whoever accepts
/// connections and has checked them; a client without a certificate has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCertificates(pub Arc<[Bytes]>);

/// A part of the stack that can say what it offers.
///
/// Whoever assembles a stack asks each layer, and the core, once, and hands the sum to the layer
/// that puts capability headers on every response and to the one that answers for CORS.
pub trait Advertise {
    /// Adds the headers that tell callers what this part of the stack offers.
    fn advertise(&self, capabilities: &mut Capabilities);
}

/// The headers by which a server says what it can do, collected from all parts of a stack.
#[derive(Clone, Debug, Default)]
pub struct Capabilities {
    headers: Vec<(HeaderName, HeaderValue)>,
    exposed: Vec<HeaderName>,
}

impl Capabilities {
    /// Nothing offered yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks one part of the stack.
    #[must_use]
    pub fn with(mut self, part: &impl Advertise) -> Self {
        part.advertise(&mut self);
        self
    }

    /// Sets a header that every response carries, in place of an earlier value. Browsers may read it.
    pub fn set(&mut self, name: HeaderName, value: HeaderValue) {
        match self.headers.iter_mut().find(|(present, _)| *present == name) {
            Some((_, present)) => *present = value,
            None => self.headers.push((name, value)),
        }
    }

    /// Names a header that some responses carry and that browsers may read.
    pub fn expose(&mut self, name: HeaderName) {
        if !self.exposed.contains(&name) {
            self.exposed.push(name);
        }
    }

    /// The headers of every response.
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    /// All headers that browsers may read: those of every response and those of some.
    pub fn exposed(&self) -> impl Iterator<Item = &HeaderName> {
        let always = self.headers.iter().map(|(name, _)| name);
        always.clone().chain(self.exposed.iter().filter(move |name| !always.clone().any(|known| known == *name)))
    }
}
