//! [`AuthLayer`] itself.

use std::fmt;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, header};
use tower_layer::Layer;
use tower_vgi::{Advertise, Capabilities};

use super::answer::{AUTH_PROXY_REQUIRED, AUTH_REASON, Answers};
use super::authenticate::ErasedAuthenticate;
use super::chain::past_proxy;
use super::{Auth, Authenticate};

/// Lets in whom an [`Authenticate`] knows, and refuses the others. See the [module](super).
///
/// It belongs inside of what answers everybody (CORS, health) and outside of what reads bodies. A stack has it at its
/// place with `StackBuilder::auth`.
#[derive(Clone)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct AuthLayer {
    authenticator: Arc<dyn ErasedAuthenticate>,
    answers: Arc<Answers>,
    takes_identity_bearers: bool,
    mistake: Option<Arc<str>>,
}

impl AuthLayer {
    /// Asks `authenticator`.
    pub fn new(authenticator: impl Authenticate) -> Self {
        let answers = Answers::new(authenticator.proxy_headers());
        let takes_identity_bearers = authenticator.takes_identity_bearers();
        let mistake = authenticator.mistake().map(Into::into);
        let (authenticator, answers) = (Arc::new(authenticator), Arc::new(answers));
        Self { authenticator, answers, takes_identity_bearers, mistake }
    }

    /// What is wrong with how the authenticator is put together; see [`Authenticate::mistake`]. A stack that has this as its
    /// `auth` looks at it when it is built. Of a layer elsewhere, such as one in place of the stack's or outside of it, and
    /// where there is no stack, it is for you to look.
    pub fn mistake(&self) -> Option<&str> {
        self.mistake.as_deref()
    }

    /// Names headers that a proxy has to set, besides those that the authenticator knows of: for one of your own that
    /// reads what a proxy adds. Every refusal then says so, since a proxy that does not set them is what is wrong most
    /// often.
    pub fn proxy_headers(mut self, headers: impl IntoIterator<Item = HeaderName>) -> Self {
        let headers: Vec<HeaderName> = headers.into_iter().collect();
        if self.takes_identity_bearers && self.mistake.is_none() {
            self.mistake = past_proxy(&headers).map(Into::into);
        }
        Arc::make_mut(&mut self.answers).add_proxy_headers(headers);
        self
    }

    /// The `WWW-Authenticate` of every 401: how to become known. Default: none.
    pub fn challenge(mut self, challenge: HeaderValue) -> Self {
        Arc::make_mut(&mut self.answers).challenge = Some(challenge);
        self
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = Auth<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Auth::new(inner, self.authenticator.clone(), self.answers.clone())
    }
}

impl Advertise for AuthLayer {
    fn advertise(&self, capabilities: &mut Capabilities) {
        for name in [AUTH_REASON, AUTH_PROXY_REQUIRED, header::WWW_AUTHENTICATE, header::RETRY_AFTER] {
            capabilities.expose(name);
        }
        self.authenticator.advertise(capabilities);
    }
}

impl fmt::Debug for AuthLayer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AuthLayer").field("answers", &self.answers).finish_non_exhaustive()
    }
}
