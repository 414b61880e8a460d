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
mod sealed;
#[cfg(test)]
mod tests;

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};

pub use invalid::InvalidGrant;
pub use key_error::GrantKeyError;
pub use keys::GrantKeys;
pub use sealed::SealedGrants;

use super::shape::MAX_TOKEN_BYTES;
use crate::rpc::token::envelope::{self, HEAD_LEN};

/// How every sealed grant begins. Another format would begin otherwise.
pub const GRANT_PREFIX: &str = "vgig1.";

/// What a sealed grant says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grant {
    /// Whose it is: who has asked for it. Their domain is not in a grant.
    pub principal: String,
    /// What it is for at most. That whose it is may do so themselves, it does not say.
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
}

fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
