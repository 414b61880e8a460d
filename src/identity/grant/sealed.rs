//! [`SealedGrants`]: makes grants that say everything in themselves.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;

use super::{GRANT_PREFIX, Grant, GrantKeys, payload, seconds};
use crate::AuthContext;
use crate::identity::mint::{GrantRequest, MintGrant};
use crate::identity::shape::MAX_TOKEN_BYTES;
use crate::identity::{IdentityError, IssuedGrant};
use crate::rpc::identity::random_bytes;
use crate::rpc::token::envelope::{self, Nonce};

/// Makes grants that are good for what was asked for, up to the longest lifetime that the keys give, and that say
/// everything in themselves.
///
/// # What a grant may be for
///
/// Callers ask for scopes, and a grant names only what the rule lets the caller pass on; a request for anything else is
/// refused. Unless you set [another rule](Self::allow_scopes) it is what the caller has: the scopes of the claim `scope`
/// or `scp` of their own credential. Callers whose credentials name no scopes get grants without scopes only.
///
/// The scopes of a grant narrow what its holder may do, *where something looks at them*: a method that asks only for the
/// principal lets the holder do whatever the principal may. So either every protocol demands a scope
/// (`RequireScopeLayer` of `tower-vgi-layers`), or grants are as good as their owners' passwords.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_vgi::AuthContext;
/// use tower_vgi::identity::{GrantKeys, GrantRequest, MintGrant, SealedGrants};
///
/// let keys = GrantKeys::new([[7; 32]])?;
/// let grants = SealedGrants::new(keys.clone());
/// let alice = AuthContext::authenticated("jwt", "alice").with_claim("scope", "read write");
///
/// let nightly = GrantRequest::new(alice, "nightly report", 3600);
/// let issued = grants.mint_grant(&nightly.clone().scopes(["read"])).await?;
/// assert!(issued.token.starts_with("vgig1."));
/// assert_eq!(keys.verify(&issued.token)?.scopes, ["read"]);
/// assert!(GrantKeys::new([[8; 32]])?.verify(&issued.token).is_err());
///
/// assert!(grants.mint_grant(&nightly.scopes(["admin"])).await.is_err());
/// # Ok(())
/// # }
/// ```
///
/// # Whose a grant is
///
/// A grant names a principal and no domain. Where several authenticators know callers, whose names might be the same, say
/// which of them get grants ([`IdentityProtocol::grants_for_domains`](crate::identity::IdentityProtocol::grants_for_domains)),
/// or give them names of their own in a [minter](MintGrant) that changes the principal of the request and hands it on.
#[derive(Clone)]
pub struct SealedGrants {
    keys: GrantKeys,
    may_pass_on: Arc<ScopeRule>,
}

type ScopeRule = dyn Fn(&AuthContext, &str) -> bool + Send + Sync;

impl SealedGrants {
    /// Grants that the first of these keys seals.
    pub fn new(keys: GrantKeys) -> Self {
        let own = |caller: &AuthContext, scope: &str| {
            caller.claims.has_scope("scope", scope) || caller.claims.has_scope("scp", scope)
        };
        Self { keys, may_pass_on: Arc::new(own) }
    }

    /// Which scopes a caller may have in a grant, in place of those of their own credential.
    ///
    /// A rule that lets callers have more than they have makes a grant a way to get it, unless the methods look at what
    /// the principal may as well.
    ///
    /// ```
    /// use tower_vgi::AuthContext;
    /// use tower_vgi::identity::{GrantKeys, SealedGrants};
    ///
    /// let grants = SealedGrants::new(GrantKeys::new([[7; 32]])?)
    ///     .allow_scopes(|caller: &AuthContext, scope: &str| caller.claims.has_scope("roles", scope));
    /// # let _ = grants;
    /// # Ok::<(), tower_vgi::identity::GrantKeyError>(())
    /// ```
    #[must_use]
    pub fn allow_scopes(mut self, rule: impl Fn(&AuthContext, &str) -> bool + Send + Sync + 'static) -> Self {
        self.may_pass_on = Arc::new(rule);
        self
    }

    /// What is asked for, as far as it is given.
    pub(super) fn grant(&self, request: &GrantRequest, id: String, now: SystemTime) -> Result<Grant, IdentityError> {
        if request.ttl_seconds <= 0 {
            return Err(IdentityError::refused("ttl_seconds must be positive"));
        }
        if request.principal.is_empty() {
            return Err(IdentityError::refused("a grant has to be somebody's"));
        }
        check_lengths(request)?;
        if let Some(scope) = request.scopes.iter().find(|scope| !(self.may_pass_on)(&request.caller, scope)) {
            return Err(IdentityError::refused(format!("the scope '{scope}' is not the caller's to pass on")));
        }
        let issued_at = seconds(now);
        let expires_at = issued_at.saturating_add(request.ttl_seconds.min(self.keys.max_seconds()));
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

    pub(super) fn seal(&self, grant: &Grant, nonce: Nonce) -> Result<String, IdentityError> {
        let payload = payload::encode(grant).ok_or_else(too_long)?;
        let key = self.keys.minting();
        let write = |sealed: &mut Vec<u8>| sealed.extend_from_slice(&payload);
        let envelope = envelope::seal_with(key.bytes(), &self.keys.associated(key), nonce, payload.len(), write)
            .map_err(|_| too_long())?;
        let token = format!("{GRANT_PREFIX}{}", URL_SAFE_NO_PAD.encode([key.id(), &envelope].concat()));
        // One that nobody would take is none.
        if token.len() > MAX_TOKEN_BYTES { Err(too_long()) } else { Ok(token) }
    }
}

/// Before anything of it is copied: what does not fit into a token alone does not fit sealed.
fn check_lengths(request: &GrantRequest) -> Result<(), IdentityError> {
    if request.principal.len() > MAX_TOKEN_BYTES {
        return Err(IdentityError::refused("the caller's principal is too long for a grant"));
    }
    // Each scope has its length before it.
    let scopes: usize = request.scopes.iter().map(|scope| scope.len().saturating_add(2)).sum();
    match request.purpose.len().saturating_add(scopes) > MAX_TOKEN_BYTES {
        true => Err(too_long()),
        false => Ok(()),
    }
}

fn too_long() -> IdentityError {
    IdentityError::refused("the purpose and the scopes are too long for a grant")
}

impl MintGrant for SealedGrants {
    async fn mint_grant(&self, request: &GrantRequest) -> Result<IssuedGrant, IdentityError> {
        let grant = self.grant(request, hex::encode(random_bytes::<16>()), SystemTime::now())?;
        let token = self.seal(&grant, envelope::random_nonce())?;
        Ok(IssuedGrant::new(token, grant.expires_at).grant_id(grant.grant_id))
    }
}

impl fmt::Debug for SealedGrants {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SealedGrants").field("keys", &self.keys).finish_non_exhaustive()
    }
}
