//! How long ago a caller has logged in.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::{IdentityError, IdentityErrorKind};
use crate::AuthContext;

/// How far the clocks of an identity provider and of the server may be apart.
const SKEW: f64 = 60.0;

/// Whether the caller has logged in no longer ago than `max_age`.
///
/// All reasons are about the caller's own credential, so that they can be told: it is how a program learns to ask its user
/// to log in again.
pub(super) fn check(caller: &AuthContext, max_age: Duration, now: SystemTime) -> Result<(), IdentityError> {
    let stale = |detail: String| Err(IdentityError::new(IdentityErrorKind::StaleAuth, detail));
    if !caller.authenticated || caller.principal.is_empty() {
        return stale("caller is not authenticated".to_owned());
    }
    let Some(claim) = caller.claims.get("auth_time").filter(|claim| !claim.is_null()) else {
        return stale(
            "credential carries no auth_time; only a recently authenticated user may mint a grant".to_owned(),
        );
    };
    // Not a number, or none that is a time: comparisons with it would be false, and so pass.
    let Some(auth_time) = seconds(claim).filter(|seconds| seconds.is_finite()) else {
        return stale("credential carries an unusable auth_time".to_owned());
    };
    let age = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() - auth_time;
    if age < -SKEW {
        // Milliseconds for seconds, say: it would never grow old.
        return stale("credential carries an auth_time that is in the future".to_owned());
    }
    if age > max_age.as_secs_f64() {
        return stale(format!(
            "last authentication was {age:.0}s ago, which exceeds the {}s ceiling for minting a grant; re-authenticate",
            max_age.as_secs()
        ));
    }
    Ok(())
}

fn seconds(claim: &Value) -> Option<f64> {
    match claim {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn with(auth_time: impl Into<Value>) -> Result<(), String> {
        let caller = AuthContext::authenticated("jwt", "alice").with_claim("auth_time", auth_time);
        outcome(&caller)
    }

    fn outcome(caller: &AuthContext) -> Result<(), String> {
        let now = UNIX_EPOCH + Duration::from_secs(NOW);
        check(caller, Duration::from_secs(900), now).map_err(|error| {
            assert_eq!(error.kind(), IdentityErrorKind::StaleAuth);
            error.detail().to_owned()
        })
    }

    #[test]
    fn a_recent_login_is_enough_as_a_number_or_as_text() {
        for auth_time in [json!(NOW), json!(NOW - 900), json!(NOW + 60), json!(NOW as f64 - 0.5)] {
            assert_eq!(with(auth_time.clone()), Ok(()), "{auth_time}");
        }
        assert_eq!(with(format!(" {} ", NOW - 60)), Ok(()));
        assert_eq!(with(format!("{}.25", NOW - 60)), Ok(()));
    }

    #[test]
    fn an_old_one_and_one_to_come_are_not() {
        assert!(with(NOW - 901).is_err_and(|why| why.contains("901s ago") && why.contains("re-authenticate")));
        assert!(with("0").is_err() && with(-1.0).is_err());
        for future in [json!(NOW + 61), json!(NOW * 1000)] {
            assert!(with(future).is_err_and(|why| why.contains("in the future")));
        }
    }

    #[test]
    fn what_is_no_time_never_passes() {
        for nonsense in
            [json!("soon"), json!(""), json!("nan"), json!("-inf"), json!("inf"), json!(true), json!([NOW]), json!({})]
        {
            assert!(with(nonsense.clone()).is_err_and(|why| why.contains("unusable")), "{nonsense}");
        }
    }

    #[test]
    fn who_shows_no_login_has_none() {
        assert!(with(Value::Null).is_err_and(|why| why.contains("no auth_time")));
        assert!(outcome(&AuthContext::authenticated("bearer", "job")).is_err_and(|why| why.contains("no auth_time")));
        let fresh = |caller: AuthContext| outcome(&caller.with_claim("auth_time", NOW));
        assert!(fresh(AuthContext::anonymous()).is_err_and(|why| why.contains("not authenticated")));
        assert!(fresh(AuthContext::authenticated("jwt", "")).is_err());
    }
}
