//! Bearer tokens that an identity provider has signed: JSON Web Tokens, checked by the provider's published keys.
//!
//! ```no_run
//! use tower_vgi_layers::auth::AuthLayer;
//! use tower_vgi_layers::auth::jwt::Jwt;
//!
//! let jwt = Jwt::builder()
//!     .issuer("https://login.example.com")
//!     .audience("https://api.example.com")
//!     .build()?;
//! let layer = AuthLayer::new(jwt);
//! # let _ = layer;
//! # Ok::<(), tower_vgi_layers::auth::jwt::InvalidJwtConfig>(())
//! ```
//!
//! # What is accepted
//!
//! A token has to be signed by one of the issuer's keys with an algorithm of the allow list, which has only those of
//! public keys: neither `none` nor HMAC can be allowed, and a key is used for its own kind of algorithm only. It has to
//! name an issuer and an audience that are configured, and a term (`exp`) that is not over; `nbf` counts where it is.
//!
//! # Keys
//!
//! The keys come from the issuer's discovery document, from a URL, or are given. They are fetched when they are first
//! needed and looked up again every ten minutes, behind the back of requests. A token that names an unknown key has them
//! fetched at once, as after a rotation, but not more often than every ten seconds, however many such tokens come; whoever
//! comes in between with one gets a 503, as nobody can tell. Whoever needs the same fetch waits for the same one.
//!
//! While the issuer does not answer, the keys that are known stay in use for an hour
//! ([`stale_for`](JwtBuilder::stale_for)), so that a key that was taken back is not good for ever. Nobody is let in by
//! older keys, nor after a quiet time, before they have been looked up again.
//!
//! # Cost
//!
//! A token that was found good is remembered until its term is over or the issuer's keys change, so that its signature
//! is checked once and not with every call.

mod builder;
mod key_set;
mod keys;
mod source;
mod token;
mod verified;

pub use builder::{InvalidJwtConfig, JwtBuilder};
pub use jsonwebtoken::Algorithm;
pub use token::Jwt;

#[cfg(test)]
mod tests;
