//! [`Grants`]: callers with a sealed grant.

use std::future::ready;

use http::request::Parts;
use tower_vgi::identity::{GRANT_DOMAIN, GRANT_PREFIX, GrantKeys, InvalidGrant};
use tower_vgi::{AuthContext, AuthReason};

use crate::auth::credential::bearer;
use crate::auth::{AuthError, Authenticate, BearerTaken};

/// Knows callers by a sealed grant as their bearer token. See the [module](super).
///
/// The caller is the principal of the grant, with its `grant_id`, its `scopes` and its `purpose` as claims. There is no
/// `auth_time`: with a grant nobody gets another grant.
///
/// **The scopes are for you to demand.** To whatever demands none, the holder of a grant is its principal and may do all
/// that the principal may; see the [module](super) for the layer that demands them.
///
/// Nothing is looked up: a grant costs as much as opening a stream's token.
#[derive(Clone, Debug)]
pub struct Grants {
    keys: GrantKeys,
    past_proxies: bool,
}

impl Grants {
    /// Takes the grants that these keys open.
    pub fn new(keys: GrantKeys) -> Self {
        Self { keys, past_proxies: false }
    }

    /// Lets holders of grants come past a proxy through which all others have to come: without it, to put grants beside an
    /// authenticator that believes what a proxy says is a [mistake](Authenticate::mistake).
    #[must_use]
    pub fn past_proxies(mut self) -> Self {
        self.past_proxies = true;
        self
    }

    fn holder(&self, request: &Parts) -> Result<AuthContext, AuthError> {
        let token = bearer(&request.headers)?;
        if !token.starts_with(GRANT_PREFIX) {
            return Err(AuthError::refused(AuthReason::InvalidCredential, "the bearer token is no grant"));
        }
        let grant = self.keys.verify(token).map_err(refused)?;
        BearerTaken::mark(&request.extensions);
        Ok(AuthContext::authenticated(GRANT_DOMAIN, grant.principal)
            .with_claim("grant_id", grant.grant_id)
            .with_claim("scopes", grant.scopes)
            .with_claim("purpose", grant.purpose))
    }
}

/// What begins as a grant is for nobody else to look at: a resolver might answer for what somebody has made up, and would
/// be handed what was given out here.
fn refused(error: InvalidGrant) -> AuthError {
    let reason = match error.is_out_of_time() {
        true => AuthReason::ExpiredCredential,
        false => AuthReason::InvalidCredential,
    };
    AuthError::refused(reason, error.to_string()).into_final()
}

impl Authenticate for Grants {
    fn authenticate(&self, request: &Parts) -> impl Future<Output = Result<AuthContext, AuthError>> + Send {
        ready(self.holder(request))
    }

    fn authenticate_at_once(&self, request: &Parts) -> Option<Result<AuthContext, AuthError>> {
        Some(self.holder(request))
    }

    fn takes_identity_bearers(&self) -> bool {
        !self.past_proxies
    }
}
