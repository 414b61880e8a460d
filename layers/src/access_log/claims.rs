//! Claims of a caller, without what is nobody's business.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Map, Value};

/// What stands in place of a value. That a caller has the claim is worth knowing; what it says is not.
const REDACTED: &str = "[redacted]";

/// Parts of names of credentials and of what identifies a person, as [`plain`] has them.
const PRIVATE: [&str; 28] = [
    "address",
    "authorization",
    "birthdate",
    "cookie",
    "credential",
    "dateofbirth",
    "displayname",
    "email",
    "familyname",
    "firstname",
    "fullname",
    "gender",
    "givenname",
    "jwt",
    "key",
    "lastname",
    "middlename",
    "nickname",
    "passwd",
    "password",
    "phone",
    "picture",
    "preferredusername",
    "profile",
    "secret",
    "surname",
    "token",
    "uniquename",
];

/// Whole names of the same kind, which are parts of harmless ones.
const PRIVATE_NAMES: [&str; 8] = ["assertion", "mail", "name", "pwd", "ssn", "upn", "username", "website"];

/// Of how many names of claims it is remembered whether they are shown. There are a dozen or so, unless callers make
/// them up.
const REMEMBERED: usize = 1024;

/// Decides by name which values are shown.
#[derive(Clone)]
pub(super) struct Redact(Arc<Rule>);

struct Rule {
    show: Box<dyn Fn(&str) -> bool + Send + Sync>,
    decided: RwLock<HashMap<String, bool>>,
}

impl Redact {
    pub(super) fn new(show: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(Rule { show: Box::new(show), decided: RwLock::default() }))
    }

    fn shows(&self, name: &str) -> bool {
        let Rule { show, decided } = &*self.0;
        let full = {
            let decided = decided.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(shown) = decided.get(name) {
                return *shown;
            }
            decided.len() >= REMEMBERED
        };
        let shown = show(name);
        if full {
            // Names that callers make up do not make them wait for each other.
            return shown;
        }
        let mut decided = decided.write().unwrap_or_else(PoisonError::into_inner);
        if decided.len() < REMEMBERED {
            decided.insert(name.to_owned(), shown);
        }
        shown
    }
}

/// Claims, of which the values are written that may be shown. Objects inside are looked at in the same way.
pub(super) struct Shown<'a> {
    pub(super) claims: &'a Map<String, Value>,
    pub(super) redact: &'a Redact,
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(Some(self.claims.len()))?;
        for (name, value) in self.claims {
            if self.redact.shows(name) {
                members.serialize_entry(name, &Inside { value, redact: self.redact })?;
            } else {
                members.serialize_entry(name, REDACTED)?;
            }
        }
        members.end()
    }
}

/// A value that is shown, but for what is hidden inside.
struct Inside<'a> {
    value: &'a Value,
    redact: &'a Redact,
}

impl Serialize for Inside<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let redact = self.redact;
        match self.value {
            Value::Object(claims) => Shown { claims, redact }.serialize(serializer),
            Value::Array(values) => serializer.collect_seq(values.iter().map(|value| Inside { value, redact })),
            other => other.serialize(serializer),
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
    // Claims of some providers are named by URLs.
    let last = name.trim_end_matches(['/', ':', '#']).rsplit(['/', ':', '#']).next().unwrap_or_default();
    let (name, last) = (plain(name), plain(last));
    PRIVATE.iter().any(|part| name.contains(part)) || PRIVATE_NAMES.contains(&last.as_str())
}

/// A name without a style of its own: `given_name`, `given-name` and `givenName` are one.
fn plain(name: &str) -> String {
    name.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::json;

    use super::*;

    fn redacted(redact: &Redact, claims: &Value) -> Value {
        serde_json::to_value(Shown { claims: claims.as_object().unwrap(), redact }).unwrap()
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
    fn names_are_known_in_whatever_style() {
        for name in [
            "givenName",
            "given-name",
            "Family.Name",
            "displayName",
            "username",
            "user_name",
            "upn",
            "unique_name",
            "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname",
            "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
            "urn:oid:mail",
            "https://example.org/email/",
            "passwd",
            "pwd",
            "set-cookie",
            "Credentials",
            "id_jwt",
            "ssn",
        ] {
            assert!(is_private(name), "{name}");
        }
        for name in ["sub", "iss", "aud", "roles", "scope", "tenant", "username_count", "https://example.org/team", ""]
        {
            assert!(!is_private(name), "{name}");
        }
    }

    #[test]
    fn what_is_shown_can_be_chosen() {
        let redact = Redact::new(|name| name == "email");
        assert_eq!(redacted(&redact, &json!({"email": "a@b", "sub": "u"})), json!({"email": "a@b", "sub": REDACTED}));
    }

    #[test]
    fn names_are_decided_once_and_not_all_are_remembered() {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let redact = Redact::new(move |_| count.fetch_add(1, Ordering::Relaxed) == 0);
        assert!(redact.shows("sub") && redact.shows("sub"));
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        for index in 0..2 * REMEMBERED {
            redact.shows(&index.to_string());
        }
        assert_eq!(redact.0.decided.read().unwrap().len(), REMEMBERED);
    }
}
