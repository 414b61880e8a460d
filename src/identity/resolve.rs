//! [`ResolveToken`]: what knows whose a credential is.

#[cfg(feature = "server")]
use std::pin::Pin;
use std::sync::Arc;

use super::{IdentityError, TokenIdentity};

/// Knows whose an opaque credential is: a table, a database, a service that is asked.
///
/// It is asked by the identity protocol for others ([`Introspection`](super::Introspection)), and by an authentication
/// layer for callers who send such a credential. Closures from a text to a future are resolvers too.
///
/// ```
/// use tower_vgi::identity::{IdentityError, ResolveToken, TokenIdentity};
///
/// struct Tokens;
///
/// impl Tokens {
///     async fn find(&self, token: &str) -> Result<Option<String>, std::io::Error> {
///         Ok((token == "tok_1").then(|| "alice".to_owned()))
///     }
/// }
///
/// impl ResolveToken for Tokens {
///     async fn resolve_token(&self, token: &str) -> Result<TokenIdentity, IdentityError> {
///         match self.find(token).await {
///             Ok(Some(name)) => Ok(TokenIdentity::new(name)),
///             Ok(None) => Err(IdentityError::unresolved()),
///             Err(_) => Err(IdentityError::unavailable("the table of tokens does not answer")),
///         }
///     }
/// }
/// ```
///
/// To look a credential up by its digest rather than by itself keeps the time that this takes from telling how near a
/// guess was.
pub trait ResolveToken: Send + Sync + 'static {
    /// Whose the credential is, which is exactly as the caller has sent it and passes
    /// [`is_resolvable`](super::is_resolvable).
    ///
    /// # Errors
    ///
    /// [`IdentityError::unavailable`] where that cannot be told now. Any other error says that it is nobody's, and what
    /// else it says is not told.
    fn resolve_token(&self, token: &str) -> impl Future<Output = Result<TokenIdentity, IdentityError>> + Send;
}

impl<F, R> ResolveToken for F
where
    F: Fn(&str) -> R + Send + Sync + 'static,
    R: Future<Output = Result<TokenIdentity, IdentityError>> + Send + 'static,
{
    fn resolve_token(&self, token: &str) -> impl Future<Output = Result<TokenIdentity, IdentityError>> + Send {
        self(token)
    }
}

impl<T: ResolveToken> ResolveToken for Arc<T> {
    fn resolve_token(&self, token: &str) -> impl Future<Output = Result<TokenIdentity, IdentityError>> + Send {
        T::resolve_token(self, token)
    }
}

/// A resolver of any type.
#[cfg(feature = "server")]
pub(super) trait ErasedResolver: Send + Sync {
    fn resolve<'a>(&'a self, token: &'a str) -> Resolving<'a>;
}

#[cfg(feature = "server")]
type Resolving<'a> = Pin<Box<dyn Future<Output = Result<TokenIdentity, IdentityError>> + Send + 'a>>;

#[cfg(feature = "server")]
impl<T: ResolveToken> ErasedResolver for T {
    fn resolve<'a>(&'a self, token: &'a str) -> Resolving<'a> {
        Box::pin(self.resolve_token(token))
    }
}
