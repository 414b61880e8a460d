//! Claims of a caller, without what is nobody's business.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

/// What stands in place of a value. That a caller has the claim is worth knowing; what it says is not.
const REDACTED: &str = "[redacted]";

/// Parts of names of credentials and of what identifies a person.
const PRIVATE: [&str; 17] = [
    "password",
    "token",
    "secret",
    "key",
    "authorization",
    "email",
    "phone",
    "address",
    "birthdate",
    "gender",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "picture",
    "profile",
];

/// Whole names of the same kind, which are parts of harmless ones.
const PRIVATE_NAMES: [&str; 2] = ["name", "website"];

/// Decides by name which values are shown.
#[derive(Clone)]
pub(super) struct Redact(Arc<dyn Fn(&str) -> bool + Send + Sync>);

impl Redact {
    pub(super) fn new(show: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(show))
    }

    /// The claims with the values that may be shown. Objects inside are looked at in the same way.
    pub(super) fn claims(&self, claims: &Map<String, Value>) -> Map<String, Value> {
        claims.iter().map(|(name, value)| (name.clone(), self.value(name, value))).collect()
    }

    fn value(&self, name: &str, value: &Value) -> Value {
        if !(self.0)(name) {
            return REDACTED.into();
        }
        self.inside(value)
    }

    fn inside(&self, value: &Value) -> Value {
        match value {
            Value::Object(members) => Value::Object(self.claims(members)),
            Value::Array(values) => values.iter().map(|value| self.inside(value)).collect(),
            other => other.clone(),
        }
    }
}

impl Default for Redact {
    fn default() -> Self {
        Self::new(|name| !is_private(name))
    }
}

impl fmt::Debug for Redact {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Redact")
    }
}

fn is_private(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    PRIVATE.iter().any(|part| name.contains(part)) || PRIVATE_NAMES.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn redacted(redact: &Redact, claims: &Value) -> Value {
        Value::Object(redact.claims(claims.as_object().unwrap()))
    }

    #[test]
    fn credentials_and_persons_are_hidden_at_any_depth() {
        let claims = json!({
            "sub": "u-1", "Email": "a@b", "access_token": "x", "name": "Alice", "username_count": 3, "given_name": "A",
            "realm": {"roles": ["r"], "api_key": "k"}, "devices": [{"phone": "1", "kind": "old"}],
        });
        let expected = json!({
            "sub": "u-1", "Email": REDACTED, "access_token": REDACTED, "name": REDACTED, "username_count": 3,
            "given_name": REDACTED, "realm": {"roles": ["r"], "api_key": REDACTED},
            "devices": [{"phone": REDACTED, "kind": "old"}],
        });
        assert_eq!(redacted(&Redact::default(), &claims), expected);
    }

    #[test]
    fn what_is_shown_can_be_chosen() {
        let redact = Redact::new(|name| name == "email");
        assert_eq!(redacted(&redact, &json!({"email": "a@b", "sub": "u"})), json!({"email": "a@b", "sub": REDACTED}));
    }
}
