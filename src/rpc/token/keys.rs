//! [`TokenKeys`]: the keys that seal state, with rotation.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hkdf::Hkdf;
use sha2::{Digest as _, Sha256};

use super::{Purpose, Sealer};
use crate::rpc::identity::random_bytes;

/// The keys that seal tokens: the first seals, all open.
///
/// They seal the state of streams, and through [`TokenKeys::sealer`] what else callers carry for us.
///
/// Workers that are to accept each other's tokens need the same keys. To rotate without an outage:
/// give every worker the new key as a previous one, then make it the first, and drop the old one when
/// the tokens' time to live has passed.
///
/// ```
/// use tower_vgi::rpc::TokenKeys;
///
/// let keys = TokenKeys::from_text("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")?;
/// # assert_eq!(format!("{keys:?}"), "TokenKeys(1 key(s))");
/// # Ok::<(), tower_vgi::rpc::KeyError>(())
/// ```
#[derive(Clone)]
pub struct TokenKeys(Vec<MasterKey>);

#[derive(Clone)]
struct MasterKey {
    master: [u8; 32],
    cursor: [u8; 32],
    call: [u8; 32],
}

impl TokenKeys {
    /// One key of 32 bytes.
    pub fn new(key: [u8; 32]) -> Self {
        Self(vec![MasterKey::derive(&key)])
    }

    /// A key that nobody else has: tokens end with the process.
    pub fn random() -> Self {
        Self::new(random_bytes())
    }

    /// One key out of bytes of any length; other lengths than 32 are hashed.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self::new(bytes.try_into().unwrap_or_else(|_| Sha256::digest(bytes).into()))
    }

    /// Keys out of text, as configuration has them: hexadecimal or base64, several separated by commas.
    ///
    /// # Errors
    ///
    /// When a key is neither, or shorter than 16 bytes.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        let mut keys = Vec::new();
        for (index, part) in text.split(',').map(str::trim).enumerate() {
            let bytes =
                hex::decode(part).or_else(|_| STANDARD.decode(part)).map_err(|_| KeyError { index, short: false })?;
            if bytes.len() < 16 {
                return Err(KeyError { index, short: true });
            }
            keys.extend(Self::from_bytes(&bytes).0);
        }
        Ok(Self(keys))
    }

    /// Adds a key that opens tokens but seals none.
    #[must_use]
    pub fn with_previous(mut self, key: [u8; 32]) -> Self {
        self.0.push(MasterKey::derive(&key));
        self
    }

    /// Seals small secrets other than stream state, under keys that nothing but this purpose has.
    ///
    /// A purpose is a fixed name, such as `"login cookie"`; secrets of one purpose never open as those of another.
    pub fn sealer(&self, purpose: &str) -> Sealer {
        let label = format!("tower-vgi secret: {purpose}");
        Sealer::new(self.0.iter().map(|key| expand(&key.master, label.as_bytes())))
    }

    /// The keys of a purpose; the first seals.
    pub(super) fn for_purpose(&self, purpose: Purpose) -> impl Iterator<Item = &[u8; 32]> {
        self.0.iter().map(move |key| match purpose {
            Purpose::Cursor => &key.cursor,
            Purpose::Call => &key.call,
        })
    }
}

impl MasterKey {
    fn derive(master: &[u8; 32]) -> Self {
        let key = |purpose: Purpose| expand(master, purpose.label());
        Self { master: *master, cursor: key(Purpose::Cursor), call: key(Purpose::Call) }
    }
}

// One key for each purpose, so that a token of one kind can never be opened as another.
#[allow(clippy::expect_used)]
fn expand(master: &[u8; 32], label: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    Hkdf::<Sha256>::new(None, master).expand(label, &mut key).expect("32 bytes are within what the function can give");
    key
}

impl fmt::Debug for TokenKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TokenKeys({} key(s))", self.0.len())
    }
}

/// A token key that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyError {
    index: usize,
    short: bool,
}

impl fmt::Display for KeyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.index + 1;
        if self.short {
            write!(formatter, "token key number {number} is shorter than 16 bytes; use 32 random bytes")
        } else {
            write!(formatter, "token key number {number} is neither hexadecimal nor base64")
        }
    }
}

impl std::error::Error for KeyError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_may_be_hexadecimal_or_base64_and_hold_several_keys() {
        assert_eq!(TokenKeys::from_text(&hex::encode([1; 32])).unwrap().0.len(), 1);
        let both = format!("{}, {}", hex::encode([1; 32]), STANDARD.encode([2; 32]));
        assert_eq!(TokenKeys::from_text(&both).unwrap().0.len(), 2);
        assert_eq!(TokenKeys::from_text("not a key!").unwrap_err(), KeyError { index: 0, short: false });
        assert_eq!(TokenKeys::from_text("abcd").unwrap_err(), KeyError { index: 0, short: true });
    }

    #[test]
    fn a_key_is_never_shown() {
        let shown = format!("{:?}", TokenKeys::new([0xAB; 32]));
        assert_eq!(shown, "TokenKeys(1 key(s))");
    }
}
