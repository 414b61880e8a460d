//! [`Introspection`]: who may ask whose credentials are, and the answer.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::resolve::ErasedResolver;
use super::{
    GRANT_DOMAIN, IdentityError, IdentityErrorKind, ResolveToken, TARGET, TOKEN_DOMAIN, TokenIdentity, is_resolvable,
    token_digest,
};
use crate::AuthContext;

/// Answers whose credentials are, to callers on a list.
///
/// To be known is not enough to ask: whoever could would try guesses at others' credentials, and find out whose a stolen
/// one is. So there is no introspection without a list. There is no limit of how often those on it may ask, either: a
/// gateway asks for all who come to it, and such a limit would be one for all of them together, which strangers can use
/// up. Limit those where they come from.
///
/// Events of `tracing` say who has asked for what: with a digest of the credential, never the credential.
///
/// Cheap to clone: the same one can answer here and in the route of earlier releases.
#[derive(Clone)]
pub struct Introspection {
    introspectors: Arc<[Introspector]>,
    resolver: Arc<dyn ErasedResolver>,
}

impl Introspection {
    /// Lets these callers ask `resolver`: principals, or better pairs of a domain and a principal ([`Introspector`]).
    ///
    /// # Errors
    ///
    /// When the list is empty: nobody could ask.
    pub fn new<I: Into<Introspector>>(
        introspectors: impl IntoIterator<Item = I>,
        resolver: impl ResolveToken,
    ) -> Result<Self, NoIntrospectors> {
        let introspectors = introspectors.into_iter().map(Into::into);
        let introspectors: Arc<[Introspector]> = introspectors.filter(|known| !known.principal.is_empty()).collect();
        if introspectors.is_empty() {
            return Err(NoIntrospectors);
        }
        Ok(Self { introspectors, resolver: Arc::new(resolver) })
    }

    /// Whether a caller may ask. To be looked at before anything of the credential is, so that those who may not learn
    /// nothing of it, not even by the time that it takes.
    ///
    /// # Errors
    ///
    /// When the caller may not.
    pub fn check_caller(&self, caller: &AuthContext) -> Result<(), IdentityError> {
        if caller.authenticated && self.introspectors.iter().any(|known| known.is(caller)) {
            return Ok(());
        }
        tracing::warn!(
            target: TARGET,
            caller = caller.principal,
            domain = caller.domain,
            "introspection refused: the caller is not on the list"
        );
        Err(IdentityError::new(IdentityErrorKind::IntrospectionRefused, "caller is not an introspector"))
    }

    /// Whose a credential is.
    ///
    /// # Errors
    ///
    /// When the caller may not ask, when the credential is nobody's, and when that cannot be told now.
    pub async fn introspect(&self, caller: &AuthContext, token: &str) -> Result<TokenIdentity, IdentityError> {
        self.check_caller(caller)?;
        let answer = self.resolve(token).await;
        let (caller, domain, token_digest) = (&caller.principal, &caller.domain, token_digest(token));
        match &answer {
            Ok(identity) => {
                let principal = &identity.principal;
                tracing::info!(target: TARGET, caller, domain, token_digest, principal, "introspection: resolved");
            }
            Err(error) if error.kind() == IdentityErrorKind::Unavailable => {
                tracing::warn!(target: TARGET, caller, domain, token_digest, why = error.detail(), "introspection: nobody can tell");
            }
            Err(_) => tracing::info!(target: TARGET, caller, domain, token_digest, "introspection: unresolved"),
        }
        answer
    }

    async fn resolve(&self, token: &str) -> Result<TokenIdentity, IdentityError> {
        if !is_resolvable(token) {
            return Err(IdentityError::unresolved());
        }
        match self.resolver.resolve(token).await {
            Ok(identity) if !identity.principal.is_empty() => Ok(identity),
            Err(error) if error.kind() == IdentityErrorKind::Unavailable => Err(error),
            // Whatever the reason is, also that it is nobody: all who ask get the same answer.
            Ok(_) | Err(_) => Err(IdentityError::unresolved()),
        }
    }
}

impl fmt::Debug for Introspection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Introspection").field("introspectors", &self.introspectors).finish_non_exhaustive()
    }
}

/// A caller who may ask whose credentials are.
///
/// A pair is a domain and a principal. A principal alone is that of any domain, but for those of grants and of resolved
/// tokens ([`GRANT_DOMAIN`], [`TOKEN_DOMAIN`]), which have to be named: there a resolver would say who may ask it, and a
/// gateway's grants for its jobs are not to be good for more than these jobs.
///
/// ```
/// use tower_vgi::identity::{IdentityError, Introspection, TokenIdentity};
///
/// # let known = |_: &str| async { Err::<TokenIdentity, _>(IdentityError::unresolved()) };
/// let introspection = Introspection::new([("mtls", "gateway"), ("jwt", "console")], known)?;
/// # let _ = introspection;
/// # Ok::<(), tower_vgi::identity::NoIntrospectors>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Introspector {
    domain: Option<String>,
    principal: String,
}

impl Introspector {
    fn is(&self, caller: &AuthContext) -> bool {
        let in_domain = match &self.domain {
            Some(domain) => *domain == caller.domain,
            None => ![GRANT_DOMAIN, TOKEN_DOMAIN].contains(&caller.domain.as_str()),
        };
        in_domain && self.principal == caller.principal
    }
}

impl From<String> for Introspector {
    fn from(principal: String) -> Self {
        Self { domain: None, principal }
    }
}

impl From<&str> for Introspector {
    fn from(principal: &str) -> Self {
        principal.to_owned().into()
    }
}

/// Domain and principal.
impl<D: Into<String>, P: Into<String>> From<(D, P)> for Introspector {
    fn from((domain, principal): (D, P)) -> Self {
        Self { domain: Some(domain.into()), principal: principal.into() }
    }
}

/// A list of callers who may introspect has nobody on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoIntrospectors;

impl fmt::Display for NoIntrospectors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            "introspection needs at least one principal that may ask: whoever may ask finds out whose credentials are, \
             so that there is no default",
        )
    }
}

impl Error for NoIntrospectors {}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    async fn known(principal: &'static str) -> Result<TokenIdentity, IdentityError> {
        Ok(TokenIdentity::new(principal))
    }

    fn may_ask(introspector: impl Into<Introspector>, domain: &str, principal: &str) -> bool {
        let introspection = Introspection::new([introspector], |_: &str| known("alice")).unwrap();
        introspection.check_caller(&AuthContext::authenticated(domain, principal)).is_ok()
    }

    #[test]
    fn a_principal_alone_is_of_any_domain_that_says_by_itself_who_calls() {
        for domain in ["", "jwt", "mtls"] {
            assert!(may_ask("gateway", domain, "gateway") && !may_ask("gateway", domain, "alice"), "{domain}");
        }
        for domain in [GRANT_DOMAIN, TOKEN_DOMAIN] {
            assert!(!may_ask("gateway", domain, "gateway"), "{domain}");
            assert!(may_ask((domain, "gateway"), domain, "gateway"), "{domain}");
        }
    }

    #[test]
    fn a_pair_is_of_its_domain_only() {
        assert!(may_ask(("mtls", "gateway"), "mtls", "gateway"));
        for (domain, principal) in [("jwt", "gateway"), ("", "gateway"), ("mtls", "alice"), ("MTLS", "gateway")] {
            assert!(!may_ask(("mtls", "gateway"), domain, principal), "{domain} {principal}");
        }
        let unknown = AuthContext { authenticated: false, ..AuthContext::authenticated("mtls", "gateway") };
        let introspection = Introspection::new([("mtls", "gateway")], |_: &str| known("alice")).unwrap();
        assert!(introspection.check_caller(&unknown).is_err());
    }

    #[tokio::test]
    async fn a_credential_of_nobody_is_not_resolved_and_a_grant_is_not_passed_on() {
        let gateway = AuthContext::authenticated("mtls", "gateway");
        let nobody = Introspection::new(["gateway"], |_: &str| known("")).unwrap();
        assert_eq!(nobody.introspect(&gateway, "tok_1").await, Err(IdentityError::unresolved()));
        let somebody = Introspection::new(["gateway"], |_: &str| known("alice")).unwrap();
        assert_eq!(somebody.introspect(&gateway, "vgig1.AAAA").await, Err(IdentityError::unresolved()));
        assert!(somebody.introspect(&gateway, "tok_1").await.is_ok());
    }
}
