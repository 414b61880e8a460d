//! What server and proxy share.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use ring::hmac;

/// Bytes of a secret.
pub(super) const SECRET_LENGTH: usize = 32;

/// A secret that one proxy and this server share. Shows nothing of itself.
#[derive(Clone)]
pub struct ProofSecret {
    pub(super) key: hmac::Key,
    pub(super) proxy: Arc<str>,
}

/// The secrets of all proxies, by the id of the key.
///
/// In a text they are `id:hex` with commas between, 64 hexadecimal digits each; the id is the name of the proxy too.
#[derive(Clone, Debug, Default)]
pub struct ProofSecrets(HashMap<String, ProofSecret>);

impl ProofSecrets {
    /// No secrets yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one. Several may belong to the same proxy, as while a secret is replaced.
    ///
    /// # Errors
    ///
    /// When the id has other characters than letters, digits, `_` and `-`, or more than 64, or there is a secret of that
    /// id already.
    pub fn with(mut self, id: &str, secret: [u8; SECRET_LENGTH], proxy: &str) -> Result<Self, InvalidProofConfig> {
        if !is_key_id(id) {
            return Err(InvalidProofConfig(format!(
                "the key id {id:?} is none: take 1 to 64 letters, digits, '_' or '-'"
            )));
        }
        let secret = ProofSecret { key: hmac::Key::new(hmac::HMAC_SHA256, &secret), proxy: proxy.into() };
        match self.0.insert(id.to_owned(), secret) {
            None => Ok(self),
            Some(_) => Err(InvalidProofConfig(format!("the key id {id:?} is given twice: which secret is right?"))),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn get(&self, id: &str) -> Option<&ProofSecret> {
        self.0.get(id)
    }
}

impl FromStr for ProofSecrets {
    type Err = InvalidProofConfig;

    fn from_str(text: &str) -> Result<Self, InvalidProofConfig> {
        let mut secrets = Self::new();
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        for (index, entry) in entries.enumerate() {
            let mut secret = [0; SECRET_LENGTH];
            // Nothing of the text is shown before it is known which part of it is the secret.
            let id = entry.split_once(':').filter(|(_, digits)| hex::decode_to_slice(digits, &mut secret).is_ok());
            let Some((id, _)) = id else {
                return Err(InvalidProofConfig(format!(
                    "entry {} of the secrets is not an id, ':' and {} hexadecimal digits",
                    index + 1,
                    SECRET_LENGTH * 2
                )));
            };
            secrets = secrets.with(id, secret, id)?;
        }
        Ok(secrets)
    }
}

impl fmt::Debug for ProofSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ProofSecret").field("proxy", &self.proxy).finish_non_exhaustive()
    }
}

/// Why proofs cannot be checked. A server that is configured so must not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidProofConfig(pub(super) String);

impl fmt::Display for InvalidProofConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Error for InvalidProofConfig {}

pub(super) fn is_key_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(is_word)
}

pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// The name of a server or a proxy, as it goes into the HMAC.
pub(super) fn check_name(what: &str, name: &str) -> Result<(), InvalidProofConfig> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/-".contains(&byte);
    match (1..=255).contains(&name.len()) && name.bytes().all(fits) {
        true => Ok(()),
        false => Err(InvalidProofConfig(format!(
            "the {what} {name:?} cannot be used: take 1 to 255 letters, digits, '.', '_', ':', '/' or '-'"
        ))),
    }
}
