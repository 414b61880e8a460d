//! Knows callers by what the [identity protocol](tower_vgi::identity) gives out and resolves: grants, and opaque tokens.
//!
//! | provider | bearer token | domain | claims |
//! |---|---|---|---|
//! | [`Grants`] | a sealed grant, `vgig1.…` | `grant` | `grant_id`, `scopes`, `purpose` |
//! | [`ResolvedTokens`] | any other, of which a resolver knows whose it is | `token` | `token_name` |
//!
//! ```
//! use tower_vgi::AuthContext;
//! use tower_vgi::identity::{
//!     GrantKeys, IdentityError, IdentityProtocol, Introspection, SealedGrants, TokenIdentity,
//! };
//! use tower_vgi::rpc::{Method, Protocol, RpcService};
//! use tower_vgi_layers::Stack;
//! use tower_vgi_layers::auth::identity::{GRANT_DOMAIN, Grants, ResolvedTokens};
//! use tower_vgi_layers::auth::{AuthLayer, BearerTokens, chain};
//! use tower_vgi_layers::scope::RequireScopeLayer;
//!
//! let keys = GrantKeys::new([[7; 32]])?;
//! let known = |token: &str| {
//!     let found = (token == "tok_1").then(|| TokenIdentity::new("alice"));
//!     async move { found.ok_or_else(IdentityError::unresolved) }
//! };
//!
//! # let reports = Protocol::new("Reports").method(Method::unary("sum").handler(|_, _| async { Ok(7_i64) }));
//! // To those who have a grant, the scopes of the grant; to others their own.
//! let reports = reports.layer(RequireScopeLayer::new("reports:read").or_claim_of(GRANT_DOMAIN, "scopes"));
//! let identity = IdentityProtocol::new()
//!     .grants(SealedGrants::new(keys.clone()))
//!     .introspection(Introspection::new([("bearer", "gateway")], known)?);
//! let service = RpcService::builder().protocol(reports).protocol(identity).build()?;
//!
//! let own = BearerTokens::new([("s3cret", AuthContext::authenticated("bearer", "gateway"))]);
//! let callers = chain(own, Grants::new(keys)).or(ResolvedTokens::new(known));
//! let stack = Stack::builder(service).auth(AuthLayer::new(callers)).build()?;
//! # let _ = stack;
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```
//!
//! The order is that of the reference: first what the deployment has besides, such as JSON Web Tokens, then grants, then
//! resolved tokens. A token that begins as a grant and is none ends the chain, so that no resolver gets it, and neither
//! gets what looks like a JSON Web Token. A condition that has to hold for all, such as a proof of your proxy, stands
//! around the whole chain ([`require_all`](super::require_all)); beside one part of it, it would not hold for the others.
//!
//! # What the holder of a grant may do
//!
//! What its claim `scopes` says, *where a method or a layer asks for it*; to whatever does not ask, the holder is the
//! principal. So put a [`RequireScopeLayer`](crate::scope::RequireScopeLayer) around every protocol that holders of grants
//! can call, which takes the scopes of grants besides those of your identity provider
//! ([`or_claim_of`](crate::scope::RequireScopeLayer::or_claim_of)), as above. A claim `scopes` of other callers does
//! not count: they may have filled it in themselves.
//!
//! Scopes of a grant narrow what its owner may, and do not authorize alone. They are the owner's own where
//! [`SealedGrants`](tower_vgi::identity::SealedGrants) has made the grant with the rule that it has unless you set
//! another; with one that lets callers ask for what they like, `scopes` says no more than what they like.
//!
//! The domain of the owner is not in a grant: all are of the domain `grant`. Where `chain(jwt_a, jwt_b)` knows callers of
//! two domains, an `alice` of the one and an `alice` of the other have the same grants, unless
//! [`grants_for_domains`](tower_vgi::identity::IdentityProtocol::grants_for_domains) lets one domain have them only.

mod grants;
#[cfg(test)]
mod tests;
mod tokens;

pub use grants::Grants;
pub use tokens::ResolvedTokens;
pub use tower_vgi::identity::{GRANT_DOMAIN, TOKEN_DOMAIN};
