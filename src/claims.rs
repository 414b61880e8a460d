//! [`Claims`]: what is known of a caller besides the name.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, LazyLock};

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// What an authenticator knows of a caller besides the name: a map, of which clones are the same one until they are
/// changed. A request's caller is cloned several times, and claims are many small allocations.
///
/// ```
/// use serde_json::json;
/// use tower_vgi::AuthContext;
///
/// let alice = AuthContext::authenticated("jwt", "alice").with_claim("team", "red");
/// let mut other = alice.clone();
/// other.claims.insert("team".to_owned(), json!("blue"));
/// assert_eq!((&alice.claims["team"], &other.claims["team"]), (&json!("red"), &json!("blue")));
/// ```
#[derive(Clone, Default)]
pub struct Claims(Option<Arc<Map<String, Value>>>);

static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

impl Deref for Claims {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Map<String, Value> {
        self.0.as_deref().unwrap_or(&NONE)
    }
}

/// Copies the map if clones share it.
impl DerefMut for Claims {
    fn deref_mut(&mut self) -> &mut Map<String, Value> {
        Arc::make_mut(self.0.get_or_insert_default())
    }
}

impl From<Map<String, Value>> for Claims {
    fn from(claims: Map<String, Value>) -> Self {
        Self((!claims.is_empty()).then(|| Arc::new(claims)))
    }
}

impl Serialize for Claims {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl PartialEq for Claims {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn clones_are_the_same_map_until_one_is_changed() {
        let claims = Claims::from(Map::from_iter([("a".to_owned(), json!([1]))]));
        let mut other = claims.clone();
        assert!(std::ptr::eq(&*claims, &*other));
        other.insert("b".to_owned(), json!(2));
        assert_eq!((claims.len(), other.len()), (1, 2));
        assert_ne!(claims, other);
        other.remove("b");
        assert_eq!(claims, other);
        assert_eq!(format!("{claims:?}"), format!("{:?}", &*claims));
        assert_eq!(json!(claims), json!({"a": [1]}));
    }

    #[test]
    fn no_claims_are_equal_however_they_came_to_be_none() {
        let mut emptied = Claims::from(Map::from_iter([("a".to_owned(), json!(1))]));
        emptied.remove("a");
        assert_eq!(emptied, Claims::default());
        assert_eq!(Claims::from(Map::new()), Claims::default());
        assert!(Claims::default().get("a").is_none());
    }
}
