//! Lets in only what has come through your own proxy, which proves it with every request.
//!
//! The proxy puts a token into `VGI-Proxy-Proof`: its name, the time, a nonce, and an HMAC over these and the name of the
//! server, with a secret that the two share. That proves the hop, never the user: who calls is for the authenticator
//! behind it to say.
//!
//! ```
//! use tower_vgi::AuthContext;
//! use tower_vgi_layers::auth::proof::{ProofSecrets, ProxyProof};
//! use tower_vgi_layers::auth::{AuthLayer, BearerTokens, require_all};
//!
//! let secrets: ProofSecrets =
//!     "edge-1:0101010101010101010101010101010101010101010101010101010101010101".parse()?;
//! let tokens = BearerTokens::new([("s3cret", AuthContext::authenticated("bearer", "alice"))]);
//! let layer = AuthLayer::new(require_all(ProxyProof::require("my-server", secrets)?, tokens));
//! # let _ = layer;
//! # Ok::<(), tower_vgi_layers::auth::proof::InvalidProofConfig>(())
//! ```
//!
//! [`ProxyProof::allow`] looks at proofs without demanding them: roll it out, see in the claim `vgi_proxy_proof` that all
//! requests carry one, and then demand them. Off is no gate at all.

mod config;
mod gate;
mod nonces;
mod token;

pub use config::{InvalidProofConfig, ProofSecret, ProofSecrets};
pub use gate::{PROXY_PROOF, ProofCounts, ProxyProof};
pub use token::{derive_secret, mint};

#[cfg(test)]
mod tests;
