//! XChaCha20-Poly1305, put together from HChaCha20 and ring's ChaCha20-Poly1305.
//!
//! Tokens are short and there are three in each turn of an exchange. ring needs a fifth of the time that portable code
//! without special compiler flags takes for them.

use chacha20::R20;
use chacha20::hchacha;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::error::Unspecified;

pub(super) const NONCE_LEN: usize = 24;
pub(super) const TAG_LEN: usize = 16;

/// Encrypts `bytes` from `from` on and appends the tag. A nonce must not be used twice with one key.
pub(super) fn seal(
    key: &[u8; 32],
    nonce: &[u8; NONCE_LEN],
    associated: &[u8],
    bytes: &mut Vec<u8>,
    from: usize,
) -> Result<(), Unspecified> {
    let (key, nonce) = subkey(key, nonce)?;
    let plain = bytes.get_mut(from..).ok_or(Unspecified)?;
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(associated), plain)?;
    bytes.extend_from_slice(tag.as_ref());
    Ok(())
}

/// Decrypts in place what [`seal`] has encrypted; gives the plain bytes.
pub(super) fn open<'a>(
    key: &[u8; 32],
    nonce: &[u8; NONCE_LEN],
    associated: &[u8],
    sealed: &'a mut [u8],
) -> Result<&'a mut [u8], Unspecified> {
    let (key, nonce) = subkey(key, nonce)?;
    key.open_in_place(nonce, Aad::from(associated), sealed)
}

/// The key and the short nonce that stand for a key and a long nonce (draft-irtf-cfrg-xchacha-03, section 2.3).
fn subkey(key: &[u8; 32], nonce: &[u8; NONCE_LEN]) -> Result<(LessSafeKey, Nonce), Unspecified> {
    let (front, back) = nonce.split_first_chunk::<16>().ok_or(Unspecified)?;
    let subkey = hchacha::<R20>(key.into(), front.into());
    let mut short = [0; 12];
    short[4..].copy_from_slice(back);
    let key = UnboundKey::new(&CHACHA20_POLY1305, &subkey)?;
    Ok((LessSafeKey::new(key), Nonce::assume_unique_for_key(short)))
}

#[cfg(test)]
mod tests {
    use chacha20poly1305::aead::{Aead, KeyInit, Payload};
    use chacha20poly1305::{XChaCha20Poly1305, XNonce};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_the_cipher_of_others(
            key: [u8; 32],
            nonce: [u8; NONCE_LEN],
            associated: Vec<u8>,
            head in proptest::collection::vec(any::<u8>(), 0..40),
            plain in proptest::collection::vec(any::<u8>(), 0..300),
            flipped: prop::sample::Index,
        ) {
            let mut bytes = [head.clone(), plain.clone()].concat();
            seal(&key, &nonce, &associated, &mut bytes, head.len()).unwrap();
            let payload = Payload { msg: &plain, aad: &associated };
            let theirs = XChaCha20Poly1305::new(&key.into()).encrypt(&XNonce::from(nonce), payload).unwrap();
            prop_assert_eq!(&bytes[..head.len()], &head);
            prop_assert_eq!(&bytes[head.len()..], &theirs);
            prop_assert_eq!(theirs.len(), plain.len() + TAG_LEN);

            let opened = open(&key, &nonce, &associated, &mut bytes[head.len()..]).unwrap();
            prop_assert_eq!(opened, &plain);

            let mut tampered = theirs.clone();
            let index = flipped.index(tampered.len());
            tampered[index] ^= 1;
            prop_assert!(open(&key, &nonce, &associated, &mut tampered).is_err());
        }
    }
}
