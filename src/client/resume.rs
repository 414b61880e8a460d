//! [`ResumeToken`]: a place in a producer's stream, to go on from.

use std::fmt;
use std::sync::Arc;

use crate::RpcError;

/// A place in a producer's stream. It can be kept as bytes and used by another process.
#[derive(Clone, PartialEq, Eq)]
pub struct ResumeToken {
    pub(crate) cursor: Arc<[u8]>,
    pub(crate) call: Option<Arc<[u8]>>,
    /// Batches after the cursor that had been taken already.
    pub(crate) skip: u64,
}

/// Where a length would be, where batches are to be skipped.
const SKIPS: u32 = u32::MAX;

impl ResumeToken {
    /// The token as bytes. Where no batch is to be skipped it is what the reference writes: the length of the cursor as
    /// a 32-bit little-endian number, the cursor, and the call token.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(16 + self.cursor.len() + self.call.as_ref().map_or(0, |call| call.len()));
        if self.skip > 0 {
            bytes.extend_from_slice(&SKIPS.to_le_bytes());
            bytes.extend_from_slice(&self.skip.to_le_bytes());
        }
        bytes.extend_from_slice(&u32::try_from(self.cursor.len()).unwrap_or(u32::MAX - 1).to_le_bytes());
        bytes.extend_from_slice(&self.cursor);
        bytes.extend_from_slice(self.call.as_deref().unwrap_or_default());
        bytes
    }

    /// The token that these bytes are.
    ///
    /// # Errors
    ///
    /// A `ValueError` when they are none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RpcError> {
        let malformed = || RpcError::value_error("malformed resume token");
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(malformed)?;
        let (skip, length, rest) = match u32::from_le_bytes(*length) {
            SKIPS => {
                let (skip, rest) = rest.split_first_chunk::<8>().ok_or_else(malformed)?;
                let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(malformed)?;
                (u64::from_le_bytes(*skip), u32::from_le_bytes(*length), rest)
            }
            length => (0, length, rest),
        };
        let length = usize::try_from(length).map_err(|_| malformed())?;
        let (cursor, call) = rest.split_at_checked(length).ok_or_else(malformed)?;
        Ok(Self { cursor: cursor.into(), call: (!call.is_empty()).then(|| call.into()), skip })
    }
}

impl fmt::Debug for ResumeToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A token lets whoever has it take the stream over.
        formatter.debug_struct("ResumeToken").field("skip", &self.skip).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_round_trips() {
        for (call, skip) in [(None, 0), (Some(&b"call"[..]), 0), (Some(b"call"), 3), (None, 9)] {
            let token = ResumeToken { cursor: b"cursor"[..].into(), call: call.map(Into::into), skip };
            assert_eq!(ResumeToken::from_bytes(&token.to_bytes()).unwrap(), token);
        }
    }

    #[test]
    fn the_reference_reads_a_token_without_skips() {
        let token = ResumeToken { cursor: b"abc"[..].into(), call: Some(b"de"[..].into()), skip: 0 };
        assert_eq!(token.to_bytes(), b"\x03\0\0\0abcde");
    }

    #[test]
    fn damaged_tokens_are_refused() {
        for bytes in [&b""[..], b"\x01", b"\x09\0\0\0abc", b"\xff\xff\xff\xff\0\0"] {
            assert_eq!(ResumeToken::from_bytes(bytes).unwrap_err().type_name(), "ValueError");
        }
    }
}
