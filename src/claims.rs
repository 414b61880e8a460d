//! [`Claims`]: what is known of a caller besides the name.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
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

impl Claims {
    /// Whether a claim names this scope: as a word of a text with spaces between, as in OAuth, or in a list of texts.
    ///
    /// ```
    /// use tower_vgi::AuthContext;
    ///
    /// let alice = AuthContext::authenticated("jwt", "alice").with_claim("scope", "reports:read openid");
    /// assert!(alice.claims.has_scope("scope", "reports:read"));
    /// assert!(!alice.claims.has_scope("scope", "reports:write") && !alice.claims.has_scope("roles", "openid"));
    /// ```
    pub fn has_scope(&self, claim: &str, scope: &str) -> bool {
        match self.get(claim) {
            _ if scope.is_empty() => false,
            Some(Value::String(scopes)) => scopes.split(' ').any(|one| one == scope),
            Some(Value::Array(scopes)) => scopes.iter().filter_map(Value::as_str).any(|one| one == scope),
            _ => false,
        }
    }
}

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

impl From<Claims> for Map<String, Value> {
    fn from(claims: Claims) -> Self {
        claims.0.map(Arc::unwrap_or_clone).unwrap_or_default()
    }
}

impl From<Claims> for Value {
    fn from(claims: Claims) -> Self {
        Value::Object(claims.into())
    }
}

impl FromIterator<(String, Value)> for Claims {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(claims: I) -> Self {
        Map::from_iter(claims).into()
    }
}

impl IntoIterator for Claims {
    type Item = (String, Value);
    type IntoIter = serde_json::map::IntoIter;

    fn into_iter(self) -> Self::IntoIter {
        Map::from(self).into_iter()
    }
}

impl<'a> IntoIterator for &'a Claims {
    type Item = (&'a String, &'a Value);
    type IntoIter = serde_json::map::Iter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Map::deserialize(deserializer).map(Self::from)
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
    fn scopes_are_whole_words_of_a_text_or_texts_of_a_list() {
        let has =
            |claim: Value, scope| Claims::from(Map::from_iter([("scope".to_owned(), claim)])).has_scope("scope", scope);
        for claim in [json!("read"), json!("write read"), json!(["read"]), json!(["a", "read"])] {
            assert!(has(claim.clone(), "read"), "{claim}");
        }
        for claim in [json!(""), json!("reads"), json!("READ"), json!(["write read"]), json!(7), json!({"read": true})]
        {
            assert!(!has(claim.clone(), "read") && !has(claim.clone(), ""), "{claim}");
        }
    }

    #[test]
    fn claims_come_from_what_maps_come_from_and_become_it_again() {
        let pairs = [("a".to_owned(), json!(1)), ("b".to_owned(), json!([2]))];
        let claims = Claims::from_iter(pairs.clone());
        assert_eq!(serde_json::from_str::<Claims>(r#"{"a": 1, "b": [2]}"#).unwrap(), claims);
        assert!(serde_json::from_str::<Claims>("[1]").is_err());
        assert_eq!((&claims).into_iter().map(|(name, _)| name.as_str()).collect::<String>(), "ab");
        assert_eq!(Map::from(claims.clone()), Map::from_iter(pairs.clone()));
        assert_eq!(Value::from(claims.clone()), json!({"a": 1, "b": [2]}));
        assert_eq!(claims.into_iter().collect::<Vec<_>>(), pairs);
        assert_eq!(Value::from(Claims::default()), json!({}));
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
