//! Sealed grants: `vgig1.` and, as base64url without padding, the id of a key and an envelope with the grant inside.
//!
//! The format is that of the reference, byte for byte: servers in other languages that have the same keys and the same
//! audience take each other's grants.
//!
//! - The envelope is that of stream tokens (XChaCha20-Poly1305), under the grant key as it is.
//! - The id names the key that opens it, so that no other has to be tried. It is part of what is authenticated, and so is
//!   the audience of whoever opens it.

mod invalid;
mod key_error;
mod keys;
mod payload;
#[cfg(test)]
mod tests;

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};

pub use invalid::InvalidGrant;
pub use key_error::GrantKeyError;
pub use keys::GrantKeys;

use super::IdentityError;
use super::mint::{GrantRequest, MintGrant};
use super::records::IssuedGrant;
use super::shape::MAX_TOKEN_BYTES;
use crate::rpc::identity::random_bytes;
use crate::rpc::token::envelope::{self, HEAD_LEN, Nonce};

/// How every sealed grant begins. Another format would begin otherwise.
pub const GRANT_PREFIX: &str = "vgig1.";

/// What a sealed grant says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grant {
    /// Whose it is: who has asked for it.
    pub principal: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Why it was wanted.
    pub purpose: String,
    /// By which logs can tell grants apart.
    pub grant_id: String,
    /// When it was made, to the second.
    pub issued_at: DateTime<Utc>,
    /// Until when it is good, to the second.
    pub expires_at: DateTime<Utc>,
}

impl GrantKeys {
    /// Reads a grant that somebody has sent.
    ///
    /// # Errors
    ///
    /// When it is none, was not sealed with one of these keys for this audience, was changed, or is out of its time.
    pub fn verify(&self, token: &str) -> Result<Grant, InvalidGrant> {
        self.verify_at(token, SystemTime::now())
    }

    /// [`verify`](Self::verify) at another time than now.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn verify_at(&self, token: &str, now: SystemTime) -> Result<Grant, InvalidGrant> {
        let grant = self.open(token).ok_or(InvalidGrant::forged())?;
        // Only what was found authentic may be told to have expired.
        let (issued_at, expires_at) = (grant.issued_at.timestamp(), grant.expires_at.timestamp());
        let lifetime = expires_at - issued_at;
        if lifetime <= 0 || lifetime > self.max_seconds() {
            return Err(InvalidGrant::forged());
        }
        let (now, skew) = (seconds(now), self.skew_seconds());
        if issued_at > now.saturating_add(skew) || now >= expires_at.saturating_add(skew) {
            return Err(InvalidGrant::out_of_time());
        }
        Ok(grant)
    }

    fn open(&self, token: &str) -> Option<Grant> {
        let text = token.strip_prefix(GRANT_PREFIX).filter(|_| token.len() <= MAX_TOKEN_BYTES)?;
        // Without padding and with nothing in the bits that are left over: a grant can be written in one way only.
        let mut sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
        let key = self.with_id(sealed.first_chunk()?)?;
        sealed.drain(..key.id().len());
        let plain = envelope::open(std::iter::once(key.bytes()), &self.associated(key), sealed)?;
        payload::decode(plain.get(HEAD_LEN..)?).filter(|grant| !grant.principal.is_empty())
    }

    fn seal(&self, grant: &Grant, nonce: Nonce) -> Result<String, IdentityError> {
        let too_long = || IdentityError::refused("the purpose and the scopes are too long for a grant");
        let payload = payload::encode(grant).ok_or_else(too_long)?;
        let key = self.minting();
        let write = |sealed: &mut Vec<u8>| sealed.extend_from_slice(&payload);
        let envelope = envelope::seal_with(key.bytes(), &self.associated(key), nonce, payload.len(), write)
            .map_err(|_| too_long())?;
        let token = format!("{GRANT_PREFIX}{}", URL_SAFE_NO_PAD.encode([key.id(), &envelope].concat()));
        // One that nobody would take is none.
        if token.len() > MAX_TOKEN_BYTES { Err(too_long()) } else { Ok(token) }
    }

    /// What is asked for, as far as these keys give it.
    fn grant(&self, request: &GrantRequest, id: String, now: SystemTime) -> Result<Grant, IdentityError> {
        if request.ttl_seconds <= 0 {
            return Err(IdentityError::refused("ttl_seconds must be positive"));
        }
        if request.principal.is_empty() {
            return Err(IdentityError::refused("a grant has to be somebody's"));
        }
        let issued_at = seconds(now);
        let expires_at = issued_at.saturating_add(request.ttl_seconds.min(self.max_seconds()));
        let at = |seconds| {
            DateTime::from_timestamp(seconds, 0).ok_or_else(|| IdentityError::refused("ttl_seconds is too long"))
        };
        Ok(Grant {
            principal: request.principal.clone(),
            scopes: request.scopes.clone(),
            purpose: request.purpose.clone(),
            grant_id: id,
            issued_at: at(issued_at)?,
            expires_at: at(expires_at)?,
        })
    }
}

/// Grants that are good for what was asked for, up to the longest lifetime that the keys give, and that say everything
/// in themselves.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_vgi::identity::{GrantKeys, GrantRequest, MintGrant};
///
/// let keys = GrantKeys::new([[7; 32]])?;
/// let issued = keys.mint_grant(&GrantRequest::new("alice", "nightly report", 3600).scopes(["read"])).await?;
/// assert!(issued.token.starts_with("vgig1."));
/// assert_eq!(keys.verify(&issued.token)?.scopes, ["read"]);
/// assert!(GrantKeys::new([[8; 32]])?.verify(&issued.token).is_err());
/// # Ok(())
/// # }
/// ```
impl MintGrant for GrantKeys {
    async fn mint_grant(&self, request: &GrantRequest) -> Result<IssuedGrant, IdentityError> {
        let grant = self.grant(request, hex::encode(random_bytes::<16>()), SystemTime::now())?;
        let token = self.seal(&grant, envelope::random_nonce())?;
        Ok(IssuedGrant::new(token, grant.expires_at).grant_id(grant.grant_id))
    }
}

fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
