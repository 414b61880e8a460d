//! Knows callers by what the [identity protocol](tower_vgi::identity) gives out and resolves: grants, and opaque tokens.
//!
//! | provider | bearer token | domain | claims |
//! |---|---|---|---|
//! | [`Grants`] | a sealed grant, `vgig1.…` | `grant` | `grant_id`, `scopes`, `purpose` |
//! | [`ResolvedTokens`] | any other, of which a resolver knows whose it is | `token` | `token_name` |
//!
//! ```
//! use tower_vgi::AuthContext;
//! use tower_vgi::identity::{GrantKeys, IdentityError, IdentityProtocol, Introspection, TokenIdentity};
//! use tower_vgi::rpc::{Method, Protocol, RpcService};
//! use tower_vgi_layers::Stack;
//! use tower_vgi_layers::auth::identity::{Grants, ResolvedTokens};
//! use tower_vgi_layers::auth::{AuthLayer, BearerTokens, chain};
//!
//! let keys = GrantKeys::new([[7; 32]])?;
//! let known = |token: &str| {
//!     let found = (token == "tok_1").then(|| TokenIdentity::new("alice"));
//!     async move { found.ok_or_else(IdentityError::unresolved) }
//! };
//!
//! # let reports = Protocol::new("Reports").method(Method::unary("sum").handler(|_, _| async { Ok(7_i64) }));
//! let identity =
//!     IdentityProtocol::new().grants(keys.clone()).introspection(Introspection::new(["gateway"], known)?);
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
//! What a grant may do, its claim `scopes` says, and it is the methods or
//! [`RequireScopeLayer::claim("scopes")`](crate::scope::RequireScopeLayer::claim) that heed it: whoever has a grant is
//! otherwise its principal.

mod grants;
#[cfg(test)]
mod tests;
mod tokens;

pub use grants::{GRANT_DOMAIN, Grants};
pub use tokens::{ResolvedTokens, TOKEN_DOMAIN};
