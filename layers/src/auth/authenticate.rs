//! [`Authenticate`]: what says who calls.

use std::pin::Pin;
use std::sync::Arc;

use http::HeaderName;
use http::request::Parts;
use tower_vgi::{AuthContext, Capabilities};

use super::AuthError;

/// Says who sent a request, from its head alone.
///
/// Closures and functions from a head to a future are authenticators too:
///
/// ```
/// use http::request::Parts;
/// use tower_vgi::AuthContext;
/// use tower_vgi_layers::auth::{AuthError, AuthLayer};
///
/// let layer = AuthLayer::new(|request: &Parts| {
///     let name = request.headers.get("x-user").and_then(|name| name.to_str().ok());
///     let caller = name.map(|name| AuthContext::authenticated("proxy", name));
///     async move { caller.ok_or_else(|| AuthError::not_mine("the header x-user is not there")) }
/// });
/// # let _ = layer;
/// ```
///
/// A type of your own can borrow from itself and from the request, and await what it likes:
///
/// ```
/// use http::request::Parts;
/// use tower_vgi::{AuthContext, AuthReason};
/// use tower_vgi_layers::auth::{AuthError, Authenticate};
///
/// struct Directory;
///
/// impl Directory {
///     async fn find(&self, name: &str) -> Result<bool, std::io::Error> {
///         Ok(name == "alice")
///     }
/// }
///
/// impl Authenticate for Directory {
///     async fn authenticate(&self, request: &Parts) -> Result<AuthContext, AuthError> {
///         let Some(name) = request.headers.get("x-user").and_then(|name| name.to_str().ok()) else {
///             return Err(AuthError::not_mine("the header x-user is not there"));
///         };
///         match self.find(name).await {
///             Ok(true) => Ok(AuthContext::authenticated("directory", name)),
///             Ok(false) => Err(AuthError::refused(AuthReason::InvalidCredential, "nobody of that name")),
///             Err(_) => Err(AuthError::unavailable("the directory does not answer")),
///         }
///     }
/// }
/// ```
///
/// Whoever may stay unknown is [`AuthContext::anonymous`]: that is an answer, and no refusal.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say who calls",
    note = "a closure has to take `&http::request::Parts` and return a future, `Send + 'static`, of a `Result<AuthContext, \
            AuthError>`",
    note = "a `Gate` is a condition and no credential: put it in front of one with `require_all`"
)]
pub trait Authenticate: Send + Sync + 'static {
    /// Who sent the request with this head.
    ///
    /// # Errors
    ///
    /// When nobody is known from it, when what it says is not accepted, or when that cannot be told now.
    fn authenticate(&self, request: &Parts) -> impl Future<Output = Result<AuthContext, AuthError>> + Send;

    /// What [`authenticate`](Self::authenticate) would say, where that is known at once and nothing comes of asking twice;
    /// `None` where it is not. It is asked first, since a future takes memory. Default: `None`.
    fn authenticate_at_once(&self, request: &Parts) -> Option<Result<AuthContext, AuthError>> {
        let _ = request;
        None
    }

    /// The headers that a proxy in front of the server has to set, without which nobody is let in. Every refusal names
    /// them, since a proxy that does not set them is what is wrong most often. Default: none.
    fn proxy_headers(&self) -> Vec<HeaderName> {
        Vec::new()
    }

    /// Whether callers are let in for a credential of the identity protocol, a grant or a resolved token, whichever way their
    /// request has come, without that having been said to be meant. Beside an authenticator that believes a proxy, that would be a way around the
    /// proxy; see [`mistake`](Self::mistake). Default: no.
    fn takes_identity_bearers(&self) -> bool {
        false
    }

    /// What is wrong with how this is put together, for whoever runs the server. A stack is not built with a mistake
    /// of its `auth`; for layers elsewhere see [`AuthLayer::mistake`](super::AuthLayer::mistake). Default: nothing.
    fn mistake(&self) -> Option<String> {
        None
    }

    /// Adds the headers that tell callers what is expected of them. Default: none.
    fn advertise(&self, capabilities: &mut Capabilities) {
        let _ = capabilities;
    }
}

impl<F, R> Authenticate for F
where
    F: Fn(&Parts) -> R + Send + Sync + 'static,
    R: Future<Output = Result<AuthContext, AuthError>> + Send + 'static,
{
    fn authenticate(&self, request: &Parts) -> impl Future<Output = Result<AuthContext, AuthError>> + Send {
        self(request)
    }
}

/// Of any type, with the head of the request: a future that owns what it looks at.
pub(super) trait ErasedAuthenticate: Send + Sync {
    fn decide_at_once(&self, request: &Parts) -> Option<Result<AuthContext, AuthError>>;

    fn decide(self: Arc<Self>, request: Parts) -> Decision;

    fn advertise(&self, capabilities: &mut Capabilities);
}

/// The head of the request, and who sent it.
pub(super) type Decision = Pin<Box<dyn Future<Output = (Parts, Result<AuthContext, AuthError>)> + Send>>;

impl<A: Authenticate> ErasedAuthenticate for A {
    fn decide_at_once(&self, request: &Parts) -> Option<Result<AuthContext, AuthError>> {
        self.authenticate_at_once(request)
    }

    fn decide(self: Arc<Self>, request: Parts) -> Decision {
        Box::pin(async move {
            let decision = self.authenticate(&request).await;
            (request, decision)
        })
    }

    fn advertise(&self, capabilities: &mut Capabilities) {
        Authenticate::advertise(self, capabilities);
    }
}
