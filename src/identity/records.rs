//! What the methods answer.

use std::fmt;

use chrono::{DateTime, Utc};
use tower_vgi_macros::VgiArrow;

/// How long an answer may be kept unless it says otherwise.
const DEFAULT_TTL_SECONDS: i64 = 300;

/// Whose a credential is.
///
/// There are no claims, on purpose: whoever asks derives what a caller may do from the principal alone, and nothing that
/// the answering server says besides can change that.
#[derive(Clone, Debug, PartialEq, Eq, VgiArrow)]
#[non_exhaustive]
pub struct TokenIdentity {
    /// The principal, exactly as the server itself would call it.
    pub principal: String,
    /// What the credential is called, for people. Never the credential.
    #[vgi(default)]
    pub token_name: String,
    /// How many seconds the answer may be kept; 0 and less is not at all. Until then a credential that was taken back is
    /// still good with whoever has asked.
    #[vgi(default = DEFAULT_TTL_SECONDS)]
    pub ttl_seconds: i64,
}

impl TokenIdentity {
    /// A credential of this principal, without a name. The answer may be kept for 300 seconds.
    pub fn new(principal: impl Into<String>) -> Self {
        Self { principal: principal.into(), token_name: String::new(), ttl_seconds: DEFAULT_TTL_SECONDS }
    }

    /// Says what the credential is called.
    #[must_use]
    pub fn named(mut self, token_name: impl Into<String>) -> Self {
        self.token_name = token_name.into();
        self
    }

    /// Says how many seconds the answer may be kept; 0 is not at all.
    #[must_use]
    pub fn ttl_seconds(mut self, seconds: i64) -> Self {
        self.ttl_seconds = seconds;
        self
    }
}

/// A credential that a caller has got for something that runs unattended.
#[derive(Clone, PartialEq, Eq, VgiArrow)]
#[non_exhaustive]
pub struct IssuedGrant {
    /// The credential, to be sent as a bearer token. A secret, which is not shown in `Debug`.
    pub token: String,
    /// Until when the server takes it.
    pub expires_at: DateTime<Utc>,
    /// By which logs can tell grants apart. No secret.
    #[vgi(default)]
    pub grant_id: String,
}

impl IssuedGrant {
    /// A credential without an id.
    pub fn new(token: impl Into<String>, expires_at: DateTime<Utc>) -> Self {
        Self { token: token.into(), expires_at, grant_id: String::new() }
    }

    /// Says by which id logs know it.
    #[must_use]
    pub fn grant_id(mut self, id: impl Into<String>) -> Self {
        self.grant_id = id.into();
        self
    }
}

impl fmt::Debug for IssuedGrant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("IssuedGrant")
            .field("grant_id", &self.grant_id)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
