//! [`Secrets`]: who is known by which secret.

use std::fmt;

use subtle::ConstantTimeEq as _;
use tower_vgi::AuthContext;

/// A list of secrets, each with its holder.
///
/// A lookup compares with each of them, byte for byte to the end: how long it takes says nothing of how near a guess
/// was.
#[derive(Clone, Default)]
pub(super) struct Secrets(Vec<(Box<[u8]>, AuthContext)>);

impl Secrets {
    /// An empty secret would be known to everybody, so it is nobody's.
    pub(super) fn new<K: AsRef<[u8]>>(secrets: impl IntoIterator<Item = (K, AuthContext)>) -> Self {
        let secrets = secrets.into_iter().filter(|(secret, _)| !secret.as_ref().is_empty());
        Self(secrets.map(|(secret, holder)| (secret.as_ref().into(), holder)).collect())
    }

    pub(super) fn holder(&self, presented: &str) -> Option<&AuthContext> {
        let mut found = None;
        for (secret, holder) in &self.0 {
            if bool::from(secret.ct_eq(presented.as_bytes())) && found.is_none() {
                found = Some(holder);
            }
        }
        found
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} secrets", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_secret_has_a_holder() {
        let holder = |name| AuthContext::authenticated("test", name);
        let secrets = Secrets::new([("", holder("nobody")), ("abc", holder("a")), ("abcd", holder("b"))]);
        let name = |secret| secrets.holder(secret).map(|holder| holder.principal.as_str());
        assert_eq!((name("abc"), name("abcd")), (Some("a"), Some("b")));
        for wrong in ["", "a", "ab", "abd", "abcde", "ABC"] {
            assert_eq!(name(wrong), None, "{wrong}");
        }
        assert_eq!(format!("{secrets:?}"), "2 secrets");
    }
}
