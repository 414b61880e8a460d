//! State sealed for one caller and one method, compressed where that pays.

use std::cell::RefCell;

use ring::error::Unspecified;

use super::TokenKeys;
use super::envelope::{self, HEAD_LEN};
use crate::rpc::Generation;
use crate::vocabulary::AuthContext;

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
    fn associated_data(&self) -> Vec<u8> {
        let rest = [self.generation.label().as_bytes(), self.protocol.as_bytes(), self.method.as_bytes()];
        envelope::frame(self.auth.binding().into_iter().chain(rest))
    }
}

pub(super) fn seal(
    keys: &TokenKeys,
    purpose: Purpose,
    scope: &Scope<'_>,
    plain: &[u8],
) -> Result<Vec<u8>, Unspecified> {
    let key = keys.for_purpose(purpose).next().ok_or(Unspecified)?;
    envelope::seal(key, &scope.associated_data(), 1 + plain.len(), |sealed| pack(plain, sealed))
}

/// The plain bytes of a token, for which it gives its memory.
pub(super) fn open(keys: &TokenKeys, purpose: Purpose, scope: &Scope<'_>, sealed: Vec<u8>) -> Option<Plain> {
    unpack(envelope::open(keys.for_purpose(purpose), &scope.associated_data(), sealed)?)
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
