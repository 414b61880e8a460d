//! [`or_anonymous`]: callers may stay unknown.

use http::HeaderName;
use http::request::Parts;
use tower_vgi::{AuthContext, AuthReason, Capabilities};

use super::{AuthError, Authenticate};

/// Lets those in as anonymous callers who send no credential that `inner` looks at.
///
/// Who does send one, and is not known by it, is refused as before.
///
/// ```
/// use tower_vgi::AuthContext;
/// use tower_vgi_layers::auth::{AuthLayer, BearerTokens, or_anonymous};
///
/// let tokens = BearerTokens::new([("s3cret", AuthContext::authenticated("bearer", "alice"))]);
/// let layer = AuthLayer::new(or_anonymous(tokens));
/// # let _ = layer;
/// ```
pub fn or_anonymous<A: Authenticate>(inner: A) -> OrAnonymous<A> {
    OrAnonymous { inner }
}

/// An authenticator whose callers may stay unknown. See [`or_anonymous`].
#[derive(Clone, Copy, Debug)]
pub struct OrAnonymous<A> {
    inner: A,
}

impl<A: Authenticate> Authenticate for OrAnonymous<A> {
    async fn authenticate(&self, request: &Parts) -> Result<AuthContext, AuthError> {
        known_or_anonymous(self.inner.authenticate(request).await)
    }

    fn authenticate_at_once(&self, request: &Parts) -> Option<Result<AuthContext, AuthError>> {
        self.inner.authenticate_at_once(request).map(known_or_anonymous)
    }

    fn proxy_headers(&self) -> Vec<HeaderName> {
        self.inner.proxy_headers()
    }

    fn takes_identity_bearers(&self) -> bool {
        self.inner.takes_identity_bearers()
    }

    fn mistake(&self) -> Option<String> {
        self.inner.mistake()
    }

    fn advertise(&self, capabilities: &mut Capabilities) {
        self.inner.advertise(capabilities);
    }
}

fn known_or_anonymous(decided: Result<AuthContext, AuthError>) -> Result<AuthContext, AuthError> {
    match decided {
        // One that is final is a gate's, which holds for everybody.
        Err(error) if error.reason() == Some(AuthReason::MissingCredential) && !error.is_final() => {
            Ok(AuthContext::anonymous())
        }
        decided => decided,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{ApiKeys, BearerTokens, chain};
    use http::Request;

    async fn asked(headers: &[(&str, &str)]) -> Result<String, Option<AuthReason>> {
        let tokens = BearerTokens::new([("good", AuthContext::authenticated("bearer", "alice"))]);
        let keys = ApiKeys::new([("good", AuthContext::authenticated("key", "bob"))]);
        let mut request = Request::post("/add");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let known = or_anonymous(chain(tokens, keys));
        let decision = known.authenticate(&head).await;
        assert_eq!(known.authenticate_at_once(&head), Some(decision.clone()));
        decision.map(|caller| caller.principal).map_err(|error| error.reason())
    }

    #[tokio::test]
    async fn only_those_without_a_credential_stay_unknown() {
        assert_eq!(asked(&[]).await.as_deref(), Ok(""));
        assert_eq!(asked(&[("authorization", "Bearer good")]).await.as_deref(), Ok("alice"));
        assert_eq!(asked(&[("x-api-key", "good")]).await.as_deref(), Ok("bob"));
        for wrong in [("authorization", "Bearer bad"), ("authorization", "Basic YQ=="), ("x-api-key", "bad")] {
            assert_eq!(asked(&[wrong]).await, Err(Some(AuthReason::InvalidCredential)), "{wrong:?}");
        }
    }

    #[tokio::test]
    async fn a_refusal_that_is_final_and_an_outage_stay() {
        let (head, ()) = Request::post("/add").body(()).unwrap().into_parts();
        for error in [AuthError::not_mine("").into_final(), AuthError::unavailable("")] {
            let given = error.clone();
            let decision = or_anonymous(move |_: &Parts| std::future::ready(Err(given.clone())));
            assert_eq!(decision.authenticate(&head).await, Err(error));
        }
    }
}
