//! Bearer tokens: from a list, or as a function says.

use std::fmt;
use std::future::ready;

use http::request::Parts;
use tower_vgi::{AuthContext, AuthReason};

use super::credential::bearer;
use super::secrets::Secrets;
use super::{AuthError, Authenticate, BearerTaken};

/// Knows callers by `Authorization: Bearer …`, from a list of tokens.
///
/// Tokens are compared in constant time with each of the list, which should therefore be short.
#[derive(Clone, Debug, Default)]
pub struct BearerTokens {
    tokens: Secrets,
}

impl BearerTokens {
    /// Tokens and who holds them. An empty token is nobody's.
    pub fn new<T: AsRef<[u8]>>(tokens: impl IntoIterator<Item = (T, AuthContext)>) -> Self {
        Self { tokens: Secrets::new(tokens) }
    }

    fn holder(&self, request: &Parts) -> Result<AuthContext, AuthError> {
        let token = bearer(&request.headers)?;
        let Some(holder) = self.tokens.holder(token) else {
            return Err(AuthError::refused(AuthReason::InvalidCredential, "the bearer token is unknown"));
        };
        BearerTaken::mark(&request.extensions);
        Ok(holder.clone())
    }
}

impl Authenticate for BearerTokens {
    fn authenticate(&self, request: &Parts) -> impl Future<Output = Result<AuthContext, AuthError>> + Send {
        ready(self.holder(request))
    }

    fn authenticate_at_once(&self, request: &Parts) -> Option<Result<AuthContext, AuthError>> {
        Some(self.holder(request))
    }
}

/// Knows callers by `Authorization: Bearer …`, as a function says.
///
/// ```
/// use tower_vgi::{AuthContext, AuthReason};
/// use tower_vgi_layers::auth::{AuthError, AuthLayer, Bearer};
///
/// let layer = AuthLayer::new(Bearer::new(|token: &str| {
///     let name = token.strip_prefix("dev-").map(str::to_owned);
///     async move {
///         let refused = || AuthError::refused(AuthReason::InvalidCredential, "the token is not one of ours");
///         name.map(|name| AuthContext::authenticated("dev", name)).ok_or_else(refused)
///     }
/// }));
/// # let _ = layer;
/// ```
#[derive(Clone)]
pub struct Bearer<F> {
    validate: F,
}

impl<F, R> Bearer<F>
where
    F: Fn(&str) -> R + Send + Sync + 'static,
    R: Future<Output = Result<AuthContext, AuthError>> + Send + 'static,
{
    /// `validate` says who holds a token.
    pub fn new(validate: F) -> Self {
        Self { validate }
    }
}

impl<F, R> Authenticate for Bearer<F>
where
    F: Fn(&str) -> R + Send + Sync + 'static,
    R: Future<Output = Result<AuthContext, AuthError>> + Send + 'static,
{
    async fn authenticate(&self, request: &Parts) -> Result<AuthContext, AuthError> {
        let caller = (self.validate)(bearer(&request.headers)?).await?;
        BearerTaken::mark(&request.extensions);
        Ok(caller)
    }
}

impl<F> fmt::Debug for Bearer<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Bearer").finish_non_exhaustive()
    }
}
