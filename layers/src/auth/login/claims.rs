//! What the payload of a token says. Nobody is let in because of it.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// The claims of a JSON Web Token, unchecked.
pub(super) fn claims(token: &str) -> Option<Map<String, Value>> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&payload).ok()
}

/// For how many seconds a token says that it is good.
pub(super) fn seconds_left(token: &str) -> Option<u64> {
    let expires = claims(token)?.get("exp")?.as_f64()?;
    // Past and absurd times become the nearest number.
    Some((expires as u64).saturating_sub(now()))
}

/// The seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tokens_say_how_long_they_are_good_for() {
        let left =
            |exp: Value| seconds_left(&format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(json!({"exp": exp}).to_string())));
        assert!(left(json!(now() + 100)).is_some_and(|left| (90..=100).contains(&left)));
        assert_eq!(left(json!(now() as f64 - 0.5)), Some(0));
        assert_eq!((left(json!(1)), left(json!(-1))), (Some(0), Some(0)));
        assert_eq!((left(json!("soon")), seconds_left("opaque")), (None, None));
    }
}
