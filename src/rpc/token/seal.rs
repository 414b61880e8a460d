//! The envelope: `version ‖ nonce ‖ XChaCha20-Poly1305 ciphertext and tag`, bound to caller and method.

use std::cell::RefCell;

use rand::Rng as _;
use ring::error::Unspecified;

use super::TokenKeys;
use super::aead::{self, NONCE_LEN, TAG_LEN};
use crate::rpc::Generation;
use crate::vocabulary::AuthContext;

const VERSION: u8 = 1;
/// Version and nonce.
const HEAD_LEN: usize = 1 + NONCE_LEN;

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
) -> Result<Vec<u8>, Unspecified> {
    let key = keys.for_purpose(purpose).next().ok_or(Unspecified)?;
    let nonce: [u8; NONCE_LEN] = nonce();
    let mut sealed = Vec::with_capacity(HEAD_LEN + 1 + plain.len() + TAG_LEN);
    sealed.push(VERSION);
    sealed.extend_from_slice(&nonce);
    pack(plain, &mut sealed);
    aead::seal(key, &nonce, &scope.associated_data(), &mut sealed, HEAD_LEN)?;
    Ok(sealed)
}

/// The plain bytes of a token, for which it gives its memory.
pub(super) fn open(keys: &TokenKeys, purpose: Purpose, scope: &Scope<'_>, mut sealed: Vec<u8>) -> Option<Plain> {
    let (&VERSION, rest) = sealed.split_first()? else { return None };
    let nonce = *rest.first_chunk::<NONCE_LEN>()?;
    let associated = scope.associated_data();
    let mut keys = keys.for_purpose(purpose).peekable();
    while let Some(key) = keys.next() {
        if keys.peek().is_none() {
            let plain = aead::open(key, &nonce, &associated, sealed.get_mut(HEAD_LEN..)?).ok()?.len();
            sealed.truncate(HEAD_LEN + plain);
            return unpack(sealed);
        }
        // A key that does not fit leaves garbage behind.
        let mut copy = sealed.clone();
        if let Ok(plain) = aead::open(key, &nonce, &associated, copy.get_mut(HEAD_LEN..)?) {
            let plain = plain.len();
            copy.truncate(HEAD_LEN + plain);
            return unpack(copy);
        }
    }
    None
}

/// What was sealed.
pub(super) struct Plain {
    bytes: Vec<u8>,
    from: usize,
}

impl Plain {
    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(self.from..).unwrap_or_default()
    }
}

fn nonce() -> [u8; NONCE_LEN] {
    let mut nonce = [0; NONCE_LEN];
    rand::rng().fill_bytes(&mut nonce);
    nonce
}

thread_local! {
    // A fresh context costs more than what it compresses here.
    static COMPRESSOR: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
}

fn pack(plain: &[u8], sealed: &mut Vec<u8>) {
    match Some(plain).filter(|plain| plain.len() >= COMPRESS_FROM).and_then(compress) {
        Some(compressed) if compressed.len() < plain.len() => {
            sealed.push(ZSTD);
            sealed.extend_from_slice(&compressed);
        }
        _ => {
            sealed.push(RAW);
            sealed.extend_from_slice(plain);
        }
    }
}

fn compress(plain: &[u8]) -> Option<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|slot| {
        if slot.is_none() {
            *slot = zstd::bulk::Compressor::new(1).ok();
        }
        slot.as_mut()?.compress(plain).ok()
    })
}

fn unpack(bytes: Vec<u8>) -> Option<Plain> {
    let (tag, rest) = bytes.get(HEAD_LEN..)?.split_first()?;
    match *tag {
        RAW => Some(Plain { bytes, from: HEAD_LEN + 1 }),
        ZSTD => {
            let size = zstd::zstd_safe::get_frame_content_size(rest).ok()??;
            let size = usize::try_from(size).ok().filter(|size| *size <= MAX_PLAIN)?;
            Some(Plain { bytes: zstd::bulk::decompress(rest, size).ok()?, from: 0 })
        }
        _ => None,
    }
}
