//! Authenticators that do not have to wait.

use super::*;

/// Is never asked what it has said at once.
struct AtOnce(Result<AuthContext, AuthError>);

impl Authenticate for AtOnce {
    async fn authenticate(&self, _request: &Parts) -> Result<AuthContext, AuthError> {
        panic!("it was known at once")
    }

    fn authenticate_at_once(&self, _request: &Parts) -> Option<Result<AuthContext, AuthError>> {
        Some(self.0.clone())
    }
}

#[tokio::test]
async fn what_is_known_at_once_needs_no_future() {
    let alice = || AtOnce(Ok(AuthContext::authenticated("test", "alice")));
    let refusing = |reason| AtOnce(Err(AuthError::refused(reason, "")));
    let known = send(&AuthLayer::new(alice()), Request::new(Body::empty())).await;
    assert_eq!(json_of(known).await[1], "alice");
    let known = chain(refusing(AuthReason::InvalidCredential), alice());
    assert_eq!(json_of(send(&AuthLayer::new(known), Request::new(Body::empty())).await).await[1], "alice");
    for (first, second, expected) in [
        (AuthReason::InsufficientScope, AuthReason::ExpiredCredential, "insufficient_scope"),
        (AuthReason::MissingCredential, AuthReason::ExpiredCredential, "expired_credential"),
    ] {
        let refused = chain(refusing(first), refusing(second));
        assert_eq!(
            send(&AuthLayer::new(refused), Request::new(Body::empty())).await.headers()["vgi-auth-reason"],
            expected
        );
    }
}
