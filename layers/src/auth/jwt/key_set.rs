//! [`KeySet`]: the keys of an issuer.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind};
use serde_json::Value;
use tower_vgi::BoxError;

/// The smallest RSA key that still protects anything: 2048 bits.
const MIN_RSA_BYTES: usize = 256;
/// More than any issuer has; each is tried for a token that names none.
const MAX_KEYS: usize = 64;

/// The keys of an issuer, as far as tokens may be checked by them.
#[derive(Debug, Default)]
pub(super) struct KeySet {
    keys: Vec<Key>,
}

#[derive(Debug)]
struct Key {
    id: Option<String>,
    /// Which algorithms go with the key. One key is never used for two kinds of them.
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
    /// As the issuer wrote it.
    jwk: Value,
}

impl KeySet {
    /// Keys that are not understood, are no signature keys or too small are left out, as sets may have other keys too.
    pub(super) fn parse(document: &[u8]) -> Result<Self, BoxError> {
        let document: Value = serde_json::from_slice(document).map_err(|_| "the JWK set is no JSON")?;
        let keys = document.get("keys").and_then(Value::as_array).ok_or("the JWK set has no array `keys`")?;
        let keys: Vec<Key> = keys.iter().take(MAX_KEYS).filter_map(Key::new).collect();
        if keys.is_empty() {
            return Err("there is no public key in the JWK set that signatures can be checked by".into());
        }
        Ok(Self { keys })
    }

    /// The keys that a token with this header may be signed by: the one that it names, or any of its kind.
    pub(super) fn candidates<'a>(
        &'a self,
        id: Option<&'a str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &'a DecodingKey> {
        let named = move |key: &&Key| id.is_none() || key.id.as_deref() == id;
        self.keys.iter().filter(named).filter(move |key| key.algorithms.contains(&algorithm)).map(|key| &key.key)
    }

    /// Whether there is a key of that name, of whatever kind.
    pub(super) fn knows(&self, id: Option<&str>) -> bool {
        id.is_none_or(|id| self.keys.iter().any(|key| key.id.as_deref() == Some(id)))
    }

    pub(super) fn has_the_keys_of(&self, other: &Self) -> bool {
        self.keys.iter().map(|key| &key.jwk).eq(other.keys.iter().map(|key| &key.jwk))
    }
}

impl Key {
    fn new(value: &Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value.clone()).ok()?;
        if jwk.common.public_key_use.as_ref().is_some_and(|purpose| *purpose != PublicKeyUse::Signature) {
            return None;
        }
        let mut algorithms = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => AlgorithmFamily::Rsa.algorithms().to_vec(),
            AlgorithmParameters::EllipticCurve(parameters) => match parameters.curve {
                EllipticCurve::P256 => vec![Algorithm::ES256],
                EllipticCurve::P384 => vec![Algorithm::ES384],
                _ => return None,
            },
            AlgorithmParameters::OctetKeyPair(parameters) if parameters.curve == EllipticCurve::Ed25519 => {
                vec![Algorithm::EdDSA]
            }
            // Secrets above all: what is published is none.
            _ => return None,
        };
        if let Some(only) = value.get("alg") {
            let only: Algorithm = only.as_str()?.parse().ok()?;
            algorithms.retain(|algorithm| *algorithm == only);
        }
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        let is_small = match key.kind() {
            DecodingKeyKind::RsaModulusExponent { n, .. } => significant(n) < MIN_RSA_BYTES,
            DecodingKeyKind::SecretOrDer(_) => false,
        };
        (!is_small && !algorithms.is_empty()).then(|| Self {
            id: jwk.common.key_id,
            algorithms,
            key,
            jwk: value.clone(),
        })
    }
}

/// How many bytes a number has without the zeros in front of it.
fn significant(number: &[u8]) -> usize {
    number.len() - number.iter().take_while(|byte| **byte == 0).count()
}
