//! [`Secrets`]: who is known by which secret.

use std::fmt;
use std::hint::black_box;

use subtle::{Choice, ConstantTimeEq as _};
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
            if bool::from(equal(secret, presented.as_bytes())) && found.is_none() {
                found = Some(holder);
            }
        }
        found
    }
}

/// Whether two texts are equal. How long it takes depends on their lengths only: `subtle` has the same for slices, byte by
/// byte, which takes eight times as long.
///
/// Of what is known so far the compiler may know nothing (as in `subtle`), or it could end at the first difference.
fn equal(secret: &[u8], presented: &[u8]) -> Choice {
    if secret.len() != presented.len() {
        return Choice::from(0);
    }
    let ((secret, secret_rest), (presented, presented_rest)) = (secret.as_chunks(), presented.as_chunks());
    let rest = word(secret_rest) ^ word(presented_rest);
    let words = secret.iter().zip(presented);
    let difference = words.fold(rest, |difference, (one, other)| {
        black_box(difference | (u64::from_ne_bytes(*one) ^ u64::from_ne_bytes(*other)))
    });
    difference.ct_eq(&0)
}

/// Less than eight bytes as a number.
fn word(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte))
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
    fn every_byte_counts() {
        for length in 0..40 {
            let secret = vec![b'x'; length];
            assert!(bool::from(equal(&secret, &secret)), "{length}");
            assert!(!bool::from(equal(&secret, &[&secret[..], b"x"].concat())), "{length}");
            for at in 0..length {
                let mut other = secret.clone();
                other[at] ^= 1;
                assert!(!bool::from(equal(&secret, &other)), "{at} of {length}");
            }
        }
    }

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
