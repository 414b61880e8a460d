//! What pages show of who is logged in.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::claims::claims;

/// What matters most comes first.
const SHOWN: [&str; 5] = ["sub", "email", "preferred_username", "name", "picture"];
/// Browsers send it with every request beside the token, and servers on the way take heads of 8 KiB.
const MAX_LENGTH: usize = 1024;

/// The names in an `id_token`, for scripts of pages to show: base64url of JSON. Nobody is let in because of it, and so it
/// is enough that the token came from the provider itself.
pub(super) fn shown(id_token: &str) -> Option<String> {
    let claims = claims(id_token)?;
    let mut shown: Vec<(&str, &Value)> = Vec::new();
    for name in SHOWN {
        shown.extend(claims.get(name).filter(|value| value.is_string()).map(|value| (name, value)));
    }
    let write = |count: usize| {
        let shown: Map<String, Value> =
            shown[..count].iter().map(|(name, value)| ((*name).to_owned(), (*value).clone())).collect();
        URL_SAFE_NO_PAD.encode(Value::from(shown).to_string())
    };
    (1..=shown.len()).rev().map(write).find(|text| text.len() <= MAX_LENGTH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_names_are_shown() {
        let token = |claims: Value| format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let shown = |token: &str| {
            let shown = URL_SAFE_NO_PAD.decode(shown(token)?).unwrap();
            Some(serde_json::from_slice::<Value>(&shown).unwrap())
        };
        let claims = json!({"sub": "1", "email": "a@b.example", "name": {"x": 1}, "groups": ["admins"], "nonce": "n"});
        assert_eq!(shown(&token(claims)), Some(json!({"sub": "1", "email": "a@b.example"})));
        for nothing in ["opaque", "a.b.c", "", &token(json!({"groups": []})), &token(json!([1]))] {
            assert_eq!(shown(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn what_is_long_is_left_out() {
        let claims = json!({"sub": "1", "picture": "x".repeat(MAX_LENGTH)});
        let shown = shown(&format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))).unwrap();
        assert_eq!(URL_SAFE_NO_PAD.decode(shown).unwrap(), br#"{"sub":"1"}"#);
    }
}
