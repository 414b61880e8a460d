//! The identity protocol, `vgi_rpc.Identity.v2`: whose a credential is, and credentials for what runs unattended.
//!
//! Two things that servers are asked for besides their own methods, each of which a server has only where it is set up:
//!
//! - **Introspection** tells a gateway which principal an opaque credential belongs to. The gateway acts on the answer
//!   with rights that the server does not have, so it is guarded: only callers on a list may ask, every credential that
//!   is not known gets the same answer, and what looks like a JWT is never passed on. See [`Introspection`].
//! - **Grants** are credentials that a user who has just logged in gets for a job that runs later. The server can make
//!   them by itself: a *sealed grant* says in itself, sealed by a [key](GrantKeys), whose it is, what for and until when,
//!   so that nothing is stored. See [`MintGrant`].
//!
//! ```
//! # #[cfg(feature = "server")]
//! # {
//! use tower_vgi::identity::{
//!     GrantKeys, IdentityError, IdentityProtocol, Introspection, SealedGrants, TokenIdentity,
//! };
//! use tower_vgi::rpc::{Method, Protocol, RpcService};
//!
//! let keys = GrantKeys::from_text("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")?.audience("reports");
//! let known = |token: &str| {
//!     let found = (token == "tok_1").then(|| TokenIdentity::new("alice@example.com").named("laptop"));
//!     async move { found.ok_or_else(IdentityError::unresolved) }
//! };
//!
//! # let reports = Protocol::new("Reports").method(Method::unary("sum").handler(|_, _| async { Ok(7_i64) }));
//! let service = RpcService::builder()
//!     .protocol(reports)
//!     .protocol(
//!         IdentityProtocol::new()
//!             .introspection(Introspection::new([("mtls", "gateway")], known)?)
//!             .grants(SealedGrants::new(keys))
//!             .grants_for_domains(["jwt"]),
//!     )
//!     .build()?;
//! # let _ = service;
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It says nothing of who calls: that is for a layer of authentication, which in `tower-vgi-layers` also takes sealed
//! grants and resolved tokens as credentials (`auth::identity`). Callers have `IdentityClient`, with the feature `client`.
//!
//! # Who may have a grant
//!
//! Whoever has logged in a short while ago, as the claim `auth_time` of their credential says
//! ([`IdentityProtocol::max_auth_age`]). The grant is for the caller: there is no way to ask for another's. A grant
//! carries no `auth_time`, so that no grant makes another, and neither do API keys or static tokens.
//!
//! `auth_time` is when the session at the identity provider began. To mean a recent login, the provider has to be asked
//! for one, with `max_age` or an `acr`.
//!
//! A grant does not say of which domain its principal is. Where several authenticators know callers, see
//! [`IdentityProtocol::grants_for_domains`].
//!
//! # What a grant may do
//!
//! Scopes narrow what the holder of a grant may do; they never say alone that somebody may do it. Callers ask for the
//! scopes, so that a [minter](MintGrant) has to look at what they have themselves: [`SealedGrants`] gives no others unless
//! told so. And scopes count only where they are asked for: to a method that asks for none, the holder is the principal.
//!
//! # Revocation
//!
//! A sealed grant cannot be taken back alone. What there is are lifetimes, which are short ([`GrantKeys::max_time_to_live`])
//! and grants that are asked for again, and taking a key away and restarting every server, which ends all grants that it
//! has sealed. Who needs more mints grants of their own, whose tokens stand in a database, and resolves them there.
//!
//! # Who was given what
//!
//! Events of `tracing` say who has got which grant, by its id, and who has asked whose a credential is, by its digest.

mod cached;
mod error;
mod records;
mod resolve;

#[cfg(feature = "client")]
mod client;

#[cfg(feature = "server")]
mod freshness;
#[cfg(feature = "server")]
mod grant;
#[cfg(feature = "server")]
mod introspection;
#[cfg(feature = "server")]
mod mint;
#[cfg(feature = "server")]
mod service;
#[cfg(feature = "server")]
mod shape;

pub use cached::CachedTokens;
#[cfg(feature = "client")]
pub use client::IdentityClient;
pub use error::{IdentityError, IdentityErrorKind};
pub use records::{IssuedGrant, TokenIdentity};
pub use resolve::ResolveToken;

#[cfg(feature = "server")]
pub use self::{
    grant::{GRANT_PREFIX, Grant, GrantKeyError, GrantKeys, InvalidGrant, SealedGrants},
    introspection::{Introspection, Introspector, NoIntrospectors},
    mint::{GrantRequest, MintGrant},
    service::{DEFAULT_MAX_AUTH_AGE, IdentityProtocol},
    shape::{MAX_TOKEN_BYTES, is_resolvable, token_digest},
};

/// The name of the protocol. It is its version, too: there is none besides.
pub const IDENTITY: &str = "vgi_rpc.Identity.v2";

/// The target of events about who was given what, and who has asked whose a credential is.
pub const TARGET: &str = "tower_vgi::identity";

/// The domain of callers who are known by a grant.
pub const GRANT_DOMAIN: &str = "grant";

/// The domain of callers whose token was resolved.
pub const TOKEN_DOMAIN: &str = "token";
