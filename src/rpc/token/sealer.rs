//! [`Sealer`]: small secrets that others carry for us.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::envelope::{self, HEAD_LEN};

/// Seals and opens small secrets of one purpose, such as session tokens, cookies or signed addresses.
///
/// Whoever carries one can neither read nor change it. It opens with the keys of the same purpose and for the same
/// associated data only: what is said there (whose it is, for which path, …) is not stored, but has to be said again.
/// Get one from [`TokenKeys::sealer`](super::TokenKeys::sealer), once, and keep it: making it derives keys.
///
/// ```
/// use tower_vgi::rpc::TokenKeys;
///
/// let cookies = TokenKeys::random().sealer("login cookie");
/// let sealed = cookies.seal(b"return to /reports", &[b"alice"]);
/// assert_eq!(cookies.open(&sealed, &[b"alice"]).as_deref(), Some(&b"return to /reports"[..]));
/// assert_eq!(cookies.open(&sealed, &[b"bob"]), None);
/// ```
#[derive(Clone)]
pub struct Sealer {
    /// The first seals, all open.
    keys: Arc<[[u8; 32]]>,
}

impl Sealer {
    /// There is at least one key.
    pub(super) fn new(keys: impl Iterator<Item = [u8; 32]>) -> Self {
        Self { keys: keys.collect() }
    }

    /// Seals `secret`; the text has letters, digits, `-` and `_` only, so that it suits headers, cookies and addresses.
    ///
    /// The parts of `associated` are told apart: `["ab", "c"]` is not `["a", "bc"]`. Sealing the same twice gives two
    /// texts. How old a secret is does not show: put a time into it where that matters.
    #[allow(clippy::expect_used)]
    pub fn seal(&self, secret: &[u8], associated: &[&[u8]]) -> String {
        let associated = envelope::frame(associated.iter().copied());
        let write = |sealed: &mut Vec<u8>| sealed.extend_from_slice(secret);
        let sealed = self.keys.first().map(|key| envelope::seal(key, &associated, secret.len(), write));
        // The cipher refuses what is longer than 256 GiB and nothing else.
        URL_SAFE_NO_PAD.encode(sealed.expect("there is a key").expect("a small secret can be sealed"))
    }

    /// The secret, unless the text was sealed by others, for another purpose or with other associated data, or was
    /// changed. Why it does not open is not told, so that nobody can learn from it.
    pub fn open(&self, sealed: impl AsRef<[u8]>, associated: &[&[u8]]) -> Option<Vec<u8>> {
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let associated = envelope::frame(associated.iter().copied());
        let mut secret = envelope::open(self.keys.iter(), &associated, sealed)?;
        secret.drain(..HEAD_LEN);
        Some(secret)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Sealer({} key(s))", self.keys.len())
    }
}

#[cfg(test)]
mod tests {
    use crate::rpc::TokenKeys;

    #[test]
    fn a_secret_opens_for_its_purpose_and_associated_data_only() {
        let keys = TokenKeys::new([7; 32]);
        let sealed = keys.sealer("a").seal(b"secret", &[b"ab", b"c"]);
        assert_eq!(keys.sealer("a").open(&sealed, &[b"ab", b"c"]).unwrap(), b"secret");
        assert_eq!(keys.sealer("b").open(&sealed, &[b"ab", b"c"]), None);
        assert_eq!(keys.sealer("a").open(&sealed, &[b"a", b"bc"]), None);
        assert_eq!(keys.sealer("a").open(&sealed, &[b"ab"]), None);
        assert_eq!(TokenKeys::new([8; 32]).sealer("a").open(&sealed, &[b"ab", b"c"]), None);
    }

    #[test]
    fn a_purpose_cannot_name_the_keys_of_stream_tokens() {
        let keys = TokenKeys::new([7; 32]);
        let ours = keys.for_purpose(crate::rpc::token::Purpose::Cursor).next().copied();
        let theirs = keys.sealer("tower-vgi cursor v1").keys.first().copied();
        assert_ne!(ours, theirs);
    }

    #[test]
    fn the_text_suits_headers_and_addresses_and_is_never_the_same_twice() {
        let sealer = TokenKeys::random().sealer("a");
        for length in 0..100 {
            let secret = vec![0xff; length];
            let (first, second) = (sealer.seal(&secret, &[]), sealer.seal(&secret, &[]));
            assert!(first.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'), "{first}");
            assert_ne!(first, second);
            assert_eq!(sealer.open(&first, &[]).unwrap(), secret);
        }
    }

    #[test]
    fn what_is_damaged_or_cut_never_opens() {
        let sealer = TokenKeys::random().sealer("a");
        let sealed = sealer.seal(b"secret", &[]);
        for index in 0..sealed.len() {
            assert_eq!(sealer.open(&sealed[..index], &[]), None, "cut at {index}");
            let mut changed = sealed.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            assert_eq!(sealer.open(changed, &[]), None, "byte {index}");
        }
        assert_eq!(sealer.open("", &[]), None);
        assert_eq!(sealer.open("not sealed at all, nor base64", &[]), None);
    }

    #[test]
    fn keys_rotate() {
        let (old, new) = (TokenKeys::new([1; 32]), TokenKeys::new([2; 32]).with_previous([1; 32]));
        let sealed = old.sealer("a").seal(b"secret", &[]);
        assert_eq!(new.sealer("a").open(&sealed, &[]).unwrap(), b"secret");
        let sealed = new.sealer("a").seal(b"secret", &[]);
        assert_eq!(old.sealer("a").open(&sealed, &[]), None);
    }

    #[test]
    fn keys_are_never_shown() {
        assert_eq!(format!("{:?}", TokenKeys::new([0xAB; 32]).sealer("a")), "Sealer(1 key(s))");
    }
}
