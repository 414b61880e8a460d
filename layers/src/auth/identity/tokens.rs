//! [`ResolvedTokens`]: callers with a token of which a resolver knows whose it is.

use std::fmt;

use http::request::Parts;
use tower_vgi::identity::{IdentityError, IdentityErrorKind, ResolveToken, TOKEN_DOMAIN, is_resolvable};
use tower_vgi::{AuthContext, AuthReason};

use crate::auth::credential::bearer;
use crate::auth::{AuthError, Authenticate, BearerTaken, TARGET};

/// Knows callers by a bearer token whose principal a [`ResolveToken`] tells. See the [module](super).
///
/// Whoever cannot be told now gets a 503, and not a 401, upon which clients throw good credentials away. Sealed grants,
/// what looks like a JSON Web Token, and what is longer than a token are refused without asking the resolver.
///
/// A resolver is asked with every request. For one that asks another server there is
/// [`CachedTokens`](tower_vgi::identity::CachedTokens).
#[derive(Clone)]
pub struct ResolvedTokens<R> {
    resolver: R,
    past_proxies: bool,
}

impl<R: ResolveToken> ResolvedTokens<R> {
    /// Asks `resolver`.
    pub fn new(resolver: R) -> Self {
        Self { resolver, past_proxies: false }
    }

    /// Lets holders of tokens come past a proxy through which all others have to come: without it, to put resolved tokens
    /// beside an authenticator that believes what a proxy says is a [mistake](Authenticate::mistake).
    #[must_use]
    pub fn past_proxies(mut self) -> Self {
        self.past_proxies = true;
        self
    }
}

impl<R: ResolveToken> Authenticate for ResolvedTokens<R> {
    async fn authenticate(&self, request: &Parts) -> Result<AuthContext, AuthError> {
        let token = bearer(&request.headers)?;
        if !is_resolvable(token) {
            return Err(unknown());
        }
        match self.resolver.resolve_token(token).await {
            // Nobody is no caller.
            Ok(identity) if identity.principal.is_empty() => Err(unknown()),
            Ok(identity) => {
                BearerTaken::mark(&request.extensions);
                Ok(AuthContext::authenticated(TOKEN_DOMAIN, identity.principal)
                    .with_claim("token_name", identity.token_name))
            }
            Err(error) if error.kind() == IdentityErrorKind::Unavailable => Err(unavailable(&error)),
            Err(_) => Err(unknown()),
        }
    }

    fn takes_identity_bearers(&self) -> bool {
        !self.past_proxies
    }
}

/// The same for whatever is not known.
fn unknown() -> AuthError {
    AuthError::refused(AuthReason::InvalidCredential, "the bearer token is unknown")
}

/// Whoever sends a token is a stranger, to whom it is not to be said what does not answer here.
fn unavailable(error: &IdentityError) -> AuthError {
    tracing::warn!(target: TARGET, why = error.detail(), "a bearer token could not be resolved");
    let unavailable = AuthError::unavailable("nobody can tell now whose the bearer token is");
    match error.retry_delay() {
        Some(after) => unavailable.retry_after(after),
        None => unavailable,
    }
}

/// What an authenticator says, where a resolver or a minter has asked one: that it cannot tell stays so, with the time
/// after which it may be asked again.
impl From<AuthError> for IdentityError {
    fn from(error: AuthError) -> Self {
        match error.retry_delay() {
            Some(after) => Self::unavailable(error.detail().to_owned()).retry_after(after),
            None => Self::refused(error.detail().to_owned()),
        }
    }
}

impl<R> fmt::Debug for ResolvedTokens<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ResolvedTokens").finish_non_exhaustive()
    }
}
