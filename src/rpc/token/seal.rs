//! The envelope: `version ‖ nonce ‖ XChaCha20-Poly1305 ciphertext and tag`, bound to caller and method.

use std::cell::RefCell;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

use super::TokenKeys;
use crate::rpc::Generation;
use crate::rpc::identity::random_bytes;
use crate::vocabulary::AuthContext;

const VERSION: u8 = 1;
const NONCE_LEN: usize = 24;

/// Below this many bytes compression does not pay for its time.
const COMPRESS_FROM: usize = 1024;

/// A sealed state never decompresses to more.
const MAX_PLAIN: usize = 64 << 20;

const RAW: u8 = 0;
const ZSTD: u8 = 1;

/// What a token is for; each purpose has a key of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Cursor,
    Call,
}

impl Purpose {
    pub(super) fn label(self) -> &'static [u8] {
        match self {
            Self::Cursor => b"tower-vgi cursor v1",
            Self::Call => b"tower-vgi call v1",
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Cursor => "state token",
            Self::Call => "call token",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Cursor => "State token",
            Self::Call => "Call token",
        }
    }
}

/// For whom and what a token is good: anybody else, or another method, cannot open it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) auth: &'a AuthContext,
    pub(crate) generation: Generation,
    pub(crate) protocol: &'a str,
    pub(crate) method: &'a str,
}

impl Scope<'_> {
    /// Each part with its length before it, so that no two scopes read the same.
    fn associated_data(&self) -> Vec<u8> {
        let identity: [&[u8]; 3] = if self.auth.authenticated {
            [b"known", self.auth.domain.as_bytes(), self.auth.principal.as_bytes()]
        } else {
            [b"anonymous", b"", b""]
        };
        let rest = [self.generation.label().as_bytes(), self.protocol.as_bytes(), self.method.as_bytes()];
        let mut data = Vec::with_capacity(96);
        for part in identity.into_iter().chain(rest) {
            data.extend_from_slice(&(part.len() as u64).to_le_bytes());
            data.extend_from_slice(part);
        }
        data
    }
}

pub(super) fn seal(
    keys: &TokenKeys,
    purpose: Purpose,
    scope: &Scope<'_>,
    plain: &[u8],
) -> Result<Vec<u8>, chacha20poly1305::Error> {
    let key = keys.for_purpose(purpose).next().ok_or(chacha20poly1305::Error)?;
    let nonce: [u8; NONCE_LEN] = random_bytes();
    let packed = pack(plain);
    let payload = Payload { msg: &packed, aad: &scope.associated_data() };
    let ciphertext = XChaCha20Poly1305::new(key.into()).encrypt(&XNonce::from(nonce), payload)?;
    let mut sealed = Vec::with_capacity(1 + NONCE_LEN + ciphertext.len());
    sealed.push(VERSION);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(&ciphertext);
    Ok(sealed)
}

pub(super) fn open(keys: &TokenKeys, purpose: Purpose, scope: &Scope<'_>, sealed: &[u8]) -> Option<Vec<u8>> {
    let (version, rest) = sealed.split_first()?;
    if *version != VERSION {
        return None;
    }
    let (nonce, ciphertext) = rest.split_at_checked(NONCE_LEN)?;
    let nonce: [u8; NONCE_LEN] = nonce.try_into().ok()?;
    let aad = scope.associated_data();
    keys.for_purpose(purpose).find_map(|key| {
        let payload = Payload { msg: ciphertext, aad: &aad };
        let packed = XChaCha20Poly1305::new(key.into()).decrypt(&XNonce::from(nonce), payload).ok()?;
        unpack(packed)
    })
}

thread_local! {
    // A fresh context costs more than what it compresses here.
    static COMPRESSOR: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
}

fn pack(plain: &[u8]) -> Vec<u8> {
    if plain.len() >= COMPRESS_FROM
        && let Some(compressed) = compress(plain)
        && compressed.len() < plain.len()
    {
        return tagged(ZSTD, &compressed);
    }
    tagged(RAW, plain)
}

fn compress(plain: &[u8]) -> Option<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|slot| {
        if slot.is_none() {
            *slot = zstd::bulk::Compressor::new(1).ok();
        }
        slot.as_mut()?.compress(plain).ok()
    })
}

fn tagged(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(1 + bytes.len());
    packed.push(tag);
    packed.extend_from_slice(bytes);
    packed
}

fn unpack(mut packed: Vec<u8>) -> Option<Vec<u8>> {
    match *packed.first()? {
        RAW => {
            packed.remove(0);
            Some(packed)
        }
        ZSTD => {
            let frame = packed.get(1..)?;
            let size = zstd::zstd_safe::get_frame_content_size(frame).ok()??;
            let size = usize::try_from(size).ok().filter(|size| *size <= MAX_PLAIN)?;
            zstd::bulk::decompress(frame, size).ok()
        }
        _ => None,
    }
}
