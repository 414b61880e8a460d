//! The envelope of everything sealed: `version ‖ nonce ‖ XChaCha20-Poly1305 ciphertext and tag`.

use rand::Rng as _;
use ring::error::Unspecified;

use super::aead::{self, NONCE_LEN, TAG_LEN};

const VERSION: u8 = 1;

/// What may be used once with a key.
pub(crate) type Nonce = [u8; NONCE_LEN];

/// Version and nonce.
pub(crate) const HEAD_LEN: usize = 1 + NONCE_LEN;

/// Seals the up to `plain_len` bytes that `write` appends.
pub(super) fn seal(
    key: &[u8; 32],
    associated: &[u8],
    plain_len: usize,
    write: impl FnOnce(&mut Vec<u8>),
) -> Result<Vec<u8>, Unspecified> {
    seal_with(key, associated, random_nonce(), plain_len, write)
}

/// Nonces are so long that random ones never meet.
pub(crate) fn random_nonce() -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    rand::rng().fill_bytes(&mut nonce);
    nonce
}

/// [`seal`] with a nonce of the caller's.
pub(crate) fn seal_with(
    key: &[u8; 32],
    associated: &[u8],
    nonce: Nonce,
    plain_len: usize,
    write: impl FnOnce(&mut Vec<u8>),
) -> Result<Vec<u8>, Unspecified> {
    let mut sealed = Vec::with_capacity(HEAD_LEN + plain_len + TAG_LEN);
    sealed.push(VERSION);
    sealed.extend_from_slice(&nonce);
    write(&mut sealed);
    aead::seal(key, &nonce, associated, &mut sealed, HEAD_LEN)?;
    Ok(sealed)
}

/// Opens with the first key that fits. The plain bytes stand behind [`HEAD_LEN`], in the memory of what was sealed.
pub(crate) fn open<'k>(
    keys: impl Iterator<Item = &'k [u8; 32]>,
    associated: &[u8],
    mut sealed: Vec<u8>,
) -> Option<Vec<u8>> {
    let (&VERSION, rest) = sealed.split_first()? else { return None };
    let nonce = *rest.first_chunk::<NONCE_LEN>()?;
    let mut keys = keys.peekable();
    while let Some(key) = keys.next() {
        // A key that does not fit leaves garbage behind, so all but the last get a copy.
        let mut attempt = if keys.peek().is_some() { sealed.clone() } else { std::mem::take(&mut sealed) };
        if let Ok(plain) = aead::open(key, &nonce, associated, attempt.get_mut(HEAD_LEN..)?) {
            let plain = plain.len();
            attempt.truncate(HEAD_LEN + plain);
            return Some(attempt);
        }
    }
    None
}

/// Associated data out of parts, each with its length before it, so that no two lists of parts read the same.
pub(super) fn frame<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut data = Vec::with_capacity(96);
    for part in parts {
        data.extend_from_slice(&(part.len() as u64).to_le_bytes());
        data.extend_from_slice(part);
    }
    data
}
