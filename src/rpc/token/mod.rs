//! Sealed stream state: what a caller carries from turn to turn (wire specification §5.6 and §5.7).
//!
//! Two tokens travel. The *call token* is issued once, when the stream is opened, and holds what
//! does not change; the *cursor* is issued anew every turn and holds the state. Callers of the
//! oldest releases never echo the call token, so a cursor carries that part too until a request has
//! shown that its caller echoes.

mod aead;
pub(crate) mod envelope;
mod keys;
mod seal;
mod sealer;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde::{Deserialize, Serialize};

pub use keys::{KeyError, TokenKeys};
pub(crate) use seal::{Purpose, Scope};
pub use sealer::Sealer;

use crate::RpcError;

/// What does not change in the course of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CallPart {
    /// The response limit that was agreed when the stream was opened.
    pub(crate) limit: Option<u64>,
    /// The output schema's message, where it is not the method's declared one.
    pub(crate) output: Option<Vec<u8>>,
    /// The input schema's message, likewise.
    pub(crate) input: Option<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
struct Cursor {
    created_at: u64,
    call_id: [u8; 16],
    call: Option<CallPart>,
    #[serde(with = "bytes_field")]
    state: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct CallToken {
    created_at: u64,
    call_id: [u8; 16],
    call: CallPart,
}

/// postcard writes a `Vec<u8>` byte by byte unless it is told that these are bytes.
mod bytes_field {
    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Vec<u8>;
            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("bytes")
            }
            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

/// A stream's identity and constants, from when it was opened or out of its tokens.
#[derive(Clone, Debug)]
pub(crate) struct OpenCall {
    pub(crate) call_id: [u8; 16],
    pub(crate) call: CallPart,
    /// Whether the caller has shown that it echoes the call token: then cursors may leave that part out.
    pub(crate) echoed: bool,
}

/// Seals and opens the tokens of one server.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    keys: TokenKeys,
    time_to_live: Option<Duration>,
}

impl Tokens {
    pub(crate) fn new(keys: TokenKeys, time_to_live: Option<Duration>) -> Self {
        Self { keys, time_to_live }
    }

    pub(crate) fn sealer(&self, purpose: &str) -> Sealer {
        self.keys.sealer(purpose)
    }

    pub(crate) fn seal_cursor(&self, open: &OpenCall, state: Vec<u8>, scope: &Scope<'_>) -> Result<String, RpcError> {
        let call = (!open.echoed).then(|| open.call.clone());
        let cursor = Cursor { created_at: now(), call_id: open.call_id, call, state };
        self.seal(&cursor, Purpose::Cursor, scope)
    }

    pub(crate) fn seal_call(&self, open: &OpenCall, scope: &Scope<'_>) -> Result<String, RpcError> {
        let token = CallToken { created_at: now(), call_id: open.call_id, call: open.call.clone() };
        self.seal(&token, Purpose::Call, scope)
    }

    /// Opens what a caller sent: the stream's constants and its state.
    pub(crate) fn open(
        &self,
        cursor: Option<&[u8]>,
        call: Option<&[u8]>,
        scope: &Scope<'_>,
    ) -> Result<(OpenCall, Vec<u8>), RpcError> {
        let cursor = cursor.ok_or_else(|| refuse("Missing state token in exchange request"))?;
        let cursor: Cursor = self.unseal(cursor, Purpose::Cursor, scope)?;
        self.check_age(cursor.created_at, Purpose::Cursor)?;
        let echoed = match call {
            None => None,
            Some(token) => {
                let token: CallToken = self.unseal(token, Purpose::Call, scope)?;
                self.check_age(token.created_at, Purpose::Call)?;
                if token.call_id != cursor.call_id {
                    return Err(refuse("State token does not belong to the supplied call token"));
                }
                Some(token.call)
            }
        };
        let is_echoed = echoed.is_some();
        let call = echoed.or(cursor.call).ok_or_else(|| refuse("Missing call token in exchange request"))?;
        Ok((OpenCall { call_id: cursor.call_id, call, echoed: is_echoed }, cursor.state))
    }

    fn seal<T: Serialize>(&self, value: &T, purpose: Purpose, scope: &Scope<'_>) -> Result<String, RpcError> {
        let failed = |text: String| RpcError::runtime_error(format!("the stream's state cannot be sealed: {text}"));
        let plain = postcard::to_allocvec(value).map_err(|error| failed(error.to_string()))?;
        let sealed = seal::seal(&self.keys, purpose, scope, &plain).map_err(|error| failed(error.to_string()))?;
        Ok(STANDARD.encode(sealed))
    }

    fn unseal<T: for<'de> Deserialize<'de>>(
        &self,
        token: &[u8],
        purpose: Purpose,
        scope: &Scope<'_>,
    ) -> Result<T, RpcError> {
        let name = purpose.title();
        let malformed = || refuse(&format!("Malformed {}", purpose.name()));
        let sealed = STANDARD.decode(token).map_err(|_| malformed())?;
        let plain = seal::open(&self.keys, purpose, scope, sealed)
            .ok_or_else(|| refuse(&format!("{name} signature verification failed")))?;
        postcard::from_bytes(plain.as_slice()).map_err(|_| malformed())
    }

    fn check_age(&self, created_at: u64, purpose: Purpose) -> Result<(), RpcError> {
        match self.time_to_live {
            Some(limit) if now().saturating_sub(created_at) > limit.as_secs() => {
                Err(refuse(&format!("{} expired", purpose.title())))
            }
            _ => Ok(()),
        }
    }
}

/// How many bytes a cursor with so much state, and a call token beside it, have at most.
pub(crate) fn sealed_size(open: &OpenCall, state: usize) -> usize {
    let length = |schema: &Option<Vec<u8>>| schema.as_ref().map_or(0, Vec::len);
    let call = length(&open.call.output) + length(&open.call.input);
    // Lengths, ids, times, the nonce and the tag.
    const REST: usize = 160;
    let base64 = |bytes: usize| bytes.div_ceil(3) * 4;
    base64(state + call + REST) + base64(call + REST)
}

fn refuse(message: &str) -> RpcError {
    RpcError::runtime_error(message).with_status(StatusCode::BAD_REQUEST)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}

/// The error for bytes that authenticated but hold no state of this method: a server of another build sealed them.
pub(crate) fn malformed_state() -> RpcError {
    refuse("Malformed state token")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::Generation;
    use crate::rpc::identity::random_bytes;
    use crate::vocabulary::AuthContext;

    fn open_call(echoed: bool) -> OpenCall {
        let call = CallPart { limit: Some(65_536), output: None, input: Some(vec![1, 2, 3]) };
        OpenCall { call_id: [7; 16], call, echoed }
    }

    fn tokens() -> Tokens {
        Tokens::new(TokenKeys::random(), Some(Duration::from_secs(60)))
    }

    fn scope<'a>(auth: &'a AuthContext, method: &'a str) -> Scope<'a> {
        Scope { auth, generation: Generation::Flat, protocol: "P", method }
    }

    fn message(result: Result<(OpenCall, Vec<u8>), RpcError>) -> String {
        let error = result.unwrap_err();
        assert_eq!(error.status(), StatusCode::BAD_REQUEST);
        assert_eq!(error.type_name(), "RuntimeError");
        error.message().to_owned()
    }

    #[test]
    fn a_cursor_alone_is_enough_until_the_call_token_is_echoed() {
        let (tokens, auth) = (tokens(), AuthContext::anonymous());
        let scope = scope(&auth, "m");
        let cursor = tokens.seal_cursor(&open_call(false), b"state".to_vec(), &scope).unwrap();
        let (open, state) = tokens.open(Some(cursor.as_bytes()), None, &scope).unwrap();
        assert_eq!((open.call, open.echoed, state.as_slice()), (open_call(false).call, false, &b"state"[..]));

        let call = tokens.seal_call(&open_call(false), &scope).unwrap();
        let (open, _) = tokens.open(Some(cursor.as_bytes()), Some(call.as_bytes()), &scope).unwrap();
        assert!(open.echoed);

        let short = tokens.seal_cursor(&open, b"state".to_vec(), &scope).unwrap();
        assert!(short.len() < cursor.len());
        assert_eq!(
            message(tokens.open(Some(short.as_bytes()), None, &scope)),
            "Missing call token in exchange request"
        );
    }

    #[test]
    fn tokens_open_for_their_own_caller_and_method_only() {
        let tokens = tokens();
        let (anonymous, alice) = (AuthContext::anonymous(), AuthContext::authenticated("jwt", "alice"));
        let bob = AuthContext::authenticated("jwt", "bob");
        let token = tokens.seal_cursor(&open_call(false), vec![], &scope(&alice, "m")).unwrap();
        assert!(tokens.open(Some(token.as_bytes()), None, &scope(&alice, "m")).is_ok());
        for (auth, method) in [(&anonymous, "m"), (&bob, "m"), (&alice, "n")] {
            assert_eq!(
                message(tokens.open(Some(token.as_bytes()), None, &scope(auth, method))),
                "State token signature verification failed"
            );
        }
        let other = Scope { generation: Generation::Namespaced, ..scope(&alice, "m") };
        assert!(tokens.open(Some(token.as_bytes()), None, &other).is_err());
    }

    #[test]
    fn every_refusal_has_its_text() {
        let (tokens, auth) = (tokens(), AuthContext::anonymous());
        let scope = scope(&auth, "m");
        let cursor = tokens.seal_cursor(&open_call(false), vec![], &scope).unwrap();
        assert_eq!(message(tokens.open(None, None, &scope)), "Missing state token in exchange request");
        assert_eq!(message(tokens.open(Some(b"%%%"), None, &scope)), "Malformed state token");
        assert_eq!(message(tokens.open(Some(cursor.as_bytes()), Some(b"%%%"), &scope)), "Malformed call token");
        // A cursor in the place of a call token is authentic but of the wrong kind.
        assert_eq!(
            message(tokens.open(Some(cursor.as_bytes()), Some(cursor.as_bytes()), &scope)),
            "Call token signature verification failed"
        );
        let other = OpenCall { call_id: [8; 16], ..open_call(false) };
        let foreign = tokens.seal_call(&other, &scope).unwrap();
        assert_eq!(
            message(tokens.open(Some(cursor.as_bytes()), Some(foreign.as_bytes()), &scope)),
            "State token does not belong to the supplied call token"
        );
    }

    #[test]
    fn tokens_expire_and_zero_means_never() {
        let auth = AuthContext::anonymous();
        let keys = TokenKeys::random();
        let scope = scope(&auth, "m");
        let old =
            Cursor { created_at: now() - 100, call_id: [0; 16], call: Some(open_call(false).call), state: vec![] };
        let sealed = Tokens::new(keys.clone(), None).seal(&old, Purpose::Cursor, &scope).unwrap();
        let strict = Tokens::new(keys.clone(), Some(Duration::from_secs(60)));
        assert_eq!(message(strict.open(Some(sealed.as_bytes()), None, &scope)), "State token expired");
        assert!(Tokens::new(keys, None).open(Some(sealed.as_bytes()), None, &scope).is_ok());
    }

    #[test]
    fn keys_rotate_without_an_outage() {
        let auth = AuthContext::anonymous();
        let scope = scope(&auth, "m");
        let (old, new) = ([1; 32], [2; 32]);
        let before = Tokens::new(TokenKeys::new(old), None);
        let during = Tokens::new(TokenKeys::new(new).with_previous(old), None);
        let after = Tokens::new(TokenKeys::new(new), None);
        let token = before.seal_cursor(&open_call(false), vec![], &scope).unwrap();
        assert!(during.open(Some(token.as_bytes()), None, &scope).is_ok());
        assert!(after.open(Some(token.as_bytes()), None, &scope).is_err());
        let token = during.seal_cursor(&open_call(false), vec![], &scope).unwrap();
        assert!(after.open(Some(token.as_bytes()), None, &scope).is_ok());
    }

    #[test]
    fn tokens_are_never_larger_than_foretold() {
        let (tokens, auth) = (tokens(), AuthContext::anonymous());
        let scope = scope(&auth, "m");
        for (state, schema) in [(0, 0), (1, 100), (1000, 5000), (70_000, 0)] {
            let noise = |length| (0..length).map(|_| random_bytes::<1>()[0]).collect::<Vec<u8>>();
            let call = CallPart { limit: Some(u64::MAX), output: Some(noise(schema)), input: Some(noise(schema)) };
            let open = OpenCall { call_id: [255; 16], call, echoed: false };
            let cursor = tokens.seal_cursor(&open, noise(state), &scope).unwrap();
            let call = tokens.seal_call(&open, &scope).unwrap();
            assert!(cursor.len() + call.len() <= sealed_size(&open, state), "{state} {schema}");
        }
    }

    #[test]
    fn any_changed_byte_is_noticed() {
        let (tokens, auth) = (tokens(), AuthContext::anonymous());
        let scope = scope(&auth, "m");
        let token = tokens.seal_cursor(&open_call(false), vec![9; 40], &scope).unwrap();
        let sealed = STANDARD.decode(&token).unwrap();
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            let token = STANDARD.encode(changed);
            assert!(tokens.open(Some(token.as_bytes()), None, &scope).is_err(), "byte {index}");
        }
    }

    #[test]
    fn repetitive_state_is_compressed_inside_the_seal() {
        let (tokens, auth) = (tokens(), AuthContext::anonymous());
        let scope = scope(&auth, "m");
        let state = vec![5; 100_000];
        let token = tokens.seal_cursor(&open_call(false), state.clone(), &scope).unwrap();
        assert!(token.len() < 2_000, "{}", token.len());
        assert_eq!(tokens.open(Some(token.as_bytes()), None, &scope).unwrap().1, state);
    }
}
