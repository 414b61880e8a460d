//! What pages show of who is logged in.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

const SHOWN: [&str; 5] = ["sub", "email", "preferred_username", "name", "picture"];

/// The names in an `id_token`, for scripts of pages to show: base64url of JSON. Nobody is let in because of it, and so it
/// is enough that the token came from the provider itself.
pub(super) fn shown(id_token: &str) -> Option<String> {
    let payload = URL_SAFE_NO_PAD.decode(id_token.split('.').nth(1)?).ok()?;
    let claims: Map<String, Value> = serde_json::from_slice(&payload).ok()?;
    let shown = SHOWN.iter().filter_map(|name| Some((*name, claims.get(*name).filter(|value| value.is_string())?)));
    let shown: Map<String, Value> = shown.map(|(name, value)| (name.to_owned(), value.clone())).collect();
    (!shown.is_empty()).then(|| URL_SAFE_NO_PAD.encode(Value::from(shown).to_string()))
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
}
