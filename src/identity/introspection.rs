//! [`Introspection`]: who may ask whose credentials are, and the answer.

use std::collections::HashSet;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::resolve::ErasedResolver;
use super::{IdentityError, IdentityErrorKind, ResolveToken, TokenIdentity, is_resolvable};
use crate::AuthContext;

/// Answers whose credentials are, to callers on a list.
///
/// To be known is not enough to ask: whoever could would try guesses at others' credentials, and find out whose a stolen
/// one is. So there is no introspection without a list. There is no limit of how often those on it may ask, either: a
/// gateway asks for all who come to it, and such a limit would be one for all of them together, which strangers can use
/// up. Limit those where they come from.
///
/// Cheap to clone: the same one can answer here and in the route of earlier releases.
#[derive(Clone)]
pub struct Introspection {
    introspectors: Arc<HashSet<String>>,
    resolver: Arc<dyn ErasedResolver>,
}

impl Introspection {
    /// Lets callers with these principals ask `resolver`.
    ///
    /// # Errors
    ///
    /// When the list is empty: nobody could ask.
    pub fn new<P: Into<String>>(
        introspectors: impl IntoIterator<Item = P>,
        resolver: impl ResolveToken,
    ) -> Result<Self, NoIntrospectors> {
        let introspectors: HashSet<String> =
            introspectors.into_iter().map(Into::into).filter(|name: &String| !name.is_empty()).collect();
        if introspectors.is_empty() {
            return Err(NoIntrospectors);
        }
        Ok(Self { introspectors: Arc::new(introspectors), resolver: Arc::new(resolver) })
    }

    /// Whether a caller may ask. To be looked at before anything of the credential is, so that those who may not learn
    /// nothing of it, not even by the time that it takes.
    ///
    /// # Errors
    ///
    /// When the caller may not.
    pub fn check_caller(&self, caller: &AuthContext) -> Result<(), IdentityError> {
        if caller.authenticated && self.introspectors.contains(&caller.principal) {
            return Ok(());
        }
        Err(IdentityError::new(IdentityErrorKind::IntrospectionRefused, "caller is not an introspector"))
    }

    /// Whose a credential is.
    ///
    /// # Errors
    ///
    /// When the caller may not ask, when the credential is nobody's, and when that cannot be told now.
    pub async fn introspect(&self, caller: &AuthContext, token: &str) -> Result<TokenIdentity, IdentityError> {
        self.check_caller(caller)?;
        if !is_resolvable(token) {
            return Err(IdentityError::unresolved());
        }
        self.resolver.resolve(token).await.map_err(|error| match error.kind() {
            IdentityErrorKind::Unavailable => error,
            // Whatever the reason is: all who ask get the same answer.
            _ => IdentityError::unresolved(),
        })
    }
}

impl fmt::Debug for Introspection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Introspection").field("introspectors", &self.introspectors).finish_non_exhaustive()
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
