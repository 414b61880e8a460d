//! The token `v1.<key id>.<seconds>.<nonce>.<mac>`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

use super::config::{InvalidProofConfig, ProofSecrets, SECRET_LENGTH, check_name, is_key_id, is_word};

/// More than any token has.
const MAX_LENGTH: usize = 512;
const NONCE_LENGTH: usize = 22;
const MAC_LENGTH: usize = 43;
const DOMAIN: &[u8] = b"vgi.proxy.proof.v1";

/// Characters of a nonce: 16 random bytes in base64url.
pub(super) type Nonce = [u8; NONCE_LENGTH];

/// What is wrong with a proof. For logs and claims; callers are never told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    NoProof,
    Malformed,
    UnknownKey,
    Expired,
    NotYetValid,
    BadMac,
    Replayed,
}

impl Flaw {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::NoProof => "no_proof",
            Self::Malformed => "malformed",
            Self::UnknownKey => "unknown_kid",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::BadMac => "bad_mac",
            Self::Replayed => "replayed",
        }
    }
}

/// A token whose parts have the right form; nothing of it is proved.
#[derive(Debug)]
struct Parsed<'a> {
    key_id: &'a str,
    seconds: &'a str,
    nonce: &'a str,
    mac: [u8; 32],
}

impl<'a> Parsed<'a> {
    /// All parts are checked before anything is decoded or computed: decoders differ in what they overlook.
    fn new(token: &'a str) -> Option<Self> {
        if token.len() > MAX_LENGTH {
            return None;
        }
        let mut parts = token.split('.');
        let mut next = || parts.next();
        let (version, key_id, seconds, nonce, mac) = (next()?, next()?, next()?, next()?, next()?);
        let words = |part: &str, length: usize| part.len() == length && part.bytes().all(is_word);
        let is_well_formed = version == "v1"
            && is_key_id(key_id)
            && (1..=20).contains(&seconds.len())
            && seconds.bytes().all(|byte| byte.is_ascii_digit())
            && words(nonce, NONCE_LENGTH)
            && words(mac, MAC_LENGTH)
            && next().is_none();
        if !is_well_formed {
            return None;
        }
        // A byte more than comes out: the decoder wants room for what 43 characters could be at most.
        let mut bytes = [0; 33];
        let decoded = URL_SAFE_NO_PAD.decode_slice(mac, &mut bytes).ok()?;
        Some(Self { key_id, seconds, nonce, mac: bytes[..decoded].try_into().ok()? })
    }
}

/// A proof that holds, but for its nonce.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Proof<'a> {
    pub(super) key_id: &'a str,
    pub(super) proxy: &'a str,
    pub(super) nonce: Nonce,
}

/// Checks all of a token but whether it was used before. `now` and `skew` are in seconds.
pub(super) fn verify<'a>(
    token: &'a str,
    secrets: &'a ProofSecrets,
    server: &str,
    now: u64,
    skew: u64,
) -> Result<Proof<'a>, Flaw> {
    let parsed = Parsed::new(token).ok_or(Flaw::Malformed)?;
    let secret = secrets.get(parsed.key_id).ok_or(Flaw::UnknownKey)?;
    // Twenty digits may be more than fits; that is far in the future then.
    let seconds: u64 = parsed.seconds.parse().unwrap_or(u64::MAX);
    if now.saturating_sub(seconds) > skew {
        return Err(Flaw::Expired);
    }
    if seconds.saturating_sub(now) > skew {
        return Err(Flaw::NotYetValid);
    }
    let message = message(parsed.key_id, parsed.seconds, parsed.nonce, server);
    hmac::verify(&secret.key, &message, &parsed.mac).map_err(|_| Flaw::BadMac)?;
    let nonce = parsed.nonce.as_bytes().try_into().map_err(|_| Flaw::Malformed)?;
    Ok(Proof { key_id: parsed.key_id, proxy: &secret.proxy, nonce })
}

/// No part can have the zero byte that stands between them.
fn message(key_id: &str, seconds: &str, nonce: &str, server: &str) -> Vec<u8> {
    [DOMAIN, key_id.as_bytes(), seconds.as_bytes(), nonce.as_bytes(), server.as_bytes()].join(&0)
}

/// Makes the token of one request, as a proxy does. `seconds` is the Unix time; `nonce` has to be new every time, and
/// random.
///
/// # Errors
///
/// When the key id or the server's name has characters that it must not have.
pub fn mint(
    secret: &[u8; SECRET_LENGTH],
    key_id: &str,
    server: &str,
    seconds: u64,
    nonce: [u8; 16],
) -> Result<String, InvalidProofConfig> {
    check_name("server's name", server)?;
    if !is_key_id(key_id) {
        return Err(InvalidProofConfig(format!("the key id {key_id:?} is none")));
    }
    let (seconds, nonce) = (seconds.to_string(), URL_SAFE_NO_PAD.encode(nonce));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let mac = hmac::sign(&key, &message(key_id, &seconds, &nonce, server));
    Ok(format!("v1.{key_id}.{seconds}.{nonce}.{}", URL_SAFE_NO_PAD.encode(mac)))
}

/// The secret of one proxy and one server out of a key that only the proxy has. With the key itself a server could make
/// proofs for the others.
///
/// # Errors
///
/// When a name has characters that it must not have.
pub fn derive_secret(
    base_key: &[u8; SECRET_LENGTH],
    proxy: &str,
    server: &str,
) -> Result<[u8; SECRET_LENGTH], InvalidProofConfig> {
    check_name("proxy's name", proxy)?;
    check_name("server's name", server)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, base_key);
    let label = [DOMAIN, b"/", proxy.as_bytes(), b"\0", server.as_bytes()].concat();
    let mut secret = [0; SECRET_LENGTH];
    secret.copy_from_slice(hmac::sign(&key, &label).as_ref());
    Ok(secret)
}
