//! [`MintGrant`]: what makes grants.

use std::pin::Pin;

use super::{IdentityError, IssuedGrant};
use crate::AuthContext;

/// Makes a credential for a caller who has just logged in.
///
/// [`SealedGrants`](super::SealedGrants) does it without a store. One of your own may keep tokens in a database, and resolve
/// them there ([`ResolveToken`](super::ResolveToken)), or ask an identity provider for one.
///
/// Whoever mints decides what the grant may be for: the scopes of the request are a wish of the caller's, who may have
/// none of them. Closures from a request to a future are minters too:
///
/// ```
/// use chrono::{TimeDelta, Utc};
/// use tower_vgi::identity::{GrantRequest, IdentityError, IdentityProtocol, IssuedGrant};
///
/// let identity = IdentityProtocol::new().grants(|request: &GrantRequest| {
///     let token = format!("job-of-{}", request.principal);
///     let allowed = request.scopes.iter().all(|scope| request.caller.claims.has_scope("scope", scope));
///     async move {
///         if !allowed {
///             return Err(IdentityError::refused("jobs may do what their owners may, and nothing else"));
///         }
///         Ok(IssuedGrant::new(token, Utc::now() + TimeDelta::hours(1)).grant_id("1"))
///     }
/// });
/// # let _ = identity;
/// ```
pub trait MintGrant: Send + Sync + 'static {
    /// Makes what is asked for, or less.
    ///
    /// # Errors
    ///
    /// [`IdentityError::refused`] where it is not given, [`IdentityError::unavailable`] where that cannot be told now.
    fn mint_grant(&self, request: &GrantRequest) -> impl Future<Output = Result<IssuedGrant, IdentityError>> + Send;
}

/// What a grant is asked for.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct GrantRequest {
    /// Who asks, with their domain and claims, as authentication knows them.
    pub caller: AuthContext,
    /// Whose it will be: the caller, unless a minter in front of another one says otherwise, such as to tell callers of
    /// several domains apart.
    pub principal: String,
    /// Why it is wanted.
    pub purpose: String,
    /// What it is to be able to do; what the words mean is yours to say. A wish: the caller may ask for what they cannot
    /// do themselves.
    pub scopes: Vec<String>,
    /// How many seconds it is to be good. A wish: it may be anything, and the answer says what is given.
    pub ttl_seconds: i64,
}

impl GrantRequest {
    /// A caller's wish without scopes.
    pub fn new(caller: AuthContext, purpose: impl Into<String>, ttl_seconds: i64) -> Self {
        Self { principal: caller.principal.clone(), caller, purpose: purpose.into(), scopes: Vec::new(), ttl_seconds }
    }

    /// Says what it is to be able to do.
    #[must_use]
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }
}

impl<F, R> MintGrant for F
where
    F: Fn(&GrantRequest) -> R + Send + Sync + 'static,
    R: Future<Output = Result<IssuedGrant, IdentityError>> + Send + 'static,
{
    fn mint_grant(&self, request: &GrantRequest) -> impl Future<Output = Result<IssuedGrant, IdentityError>> + Send {
        self(request)
    }
}

/// A minter of any type.
pub(super) trait ErasedMinter: Send + Sync {
    fn mint<'a>(&'a self, request: &'a GrantRequest) -> Minting<'a>;
}

type Minting<'a> = Pin<Box<dyn Future<Output = Result<IssuedGrant, IdentityError>> + Send + 'a>>;

impl<T: MintGrant> ErasedMinter for T {
    fn mint<'a>(&'a self, request: &'a GrantRequest) -> Minting<'a> {
        Box::pin(self.mint_grant(request))
    }
}
