//! [`GrantKeys`]: what seals and opens grants.

use std::env::{self, VarError};
use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use sha2::{Digest as _, Sha256};

use super::key_error::{GrantKeyError, Mistake};

const ID_LEN: usize = 8;

/// A week, in seconds.
const DEFAULT_MAX_SECONDS: i64 = 7 * 24 * 3600;

const DEFAULT_SKEW_SECONDS: i64 = 60;

/// Clocks that are further apart are wrong.
const MAX_SKEW_SECONDS: i64 = 3600;

/// Configuration has keys with padding and without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The keys that seal grants: the first seals, all open.
///
/// Not those of stream tokens: grants outlive a deployment, and whoever has a key can make grants for anybody.
///
/// To rotate without an outage:
///
/// 1. Put the new key *behind* the old one and restart every server, so that all can open what none seals yet.
/// 2. Put the new key first, again everywhere.
/// 3. Take the old one away when the last of its grants has expired.
///
/// To take a key away and restart every server at once ends all grants that it has sealed, and is the only way to end one
/// before its time. A server that still has the key still takes them.
///
/// Keys say which grants are true, and not what their holders may do: see [`SealedGrants`](super::SealedGrants).
///
/// ```
/// use std::time::Duration;
/// use tower_vgi::identity::GrantKeys;
///
/// let keys = GrantKeys::from_text("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")?
///     .audience("reports")
///     .max_time_to_live(Duration::from_secs(24 * 3600))?;
/// # assert_eq!(format!("{keys:?}"), r#"GrantKeys { keys: 1, audience: "reports", max_seconds: 86400, skew_seconds: 60 }"#);
/// # Ok::<(), tower_vgi::identity::GrantKeyError>(())
/// ```
#[derive(Clone)]
pub struct GrantKeys {
    /// At least one.
    keys: Vec<GrantKey>,
    audience: String,
    max_seconds: i64,
    skew_seconds: i64,
}

#[derive(Clone)]
pub(super) struct GrantKey {
    id: [u8; ID_LEN],
    bytes: [u8; 32],
}

impl GrantKeys {
    /// Keys of 32 random bytes, the one that seals first.
    ///
    /// # Errors
    ///
    /// When there is none, or one is there twice.
    pub fn new(keys: impl IntoIterator<Item = [u8; 32]>) -> Result<Self, GrantKeyError> {
        let mut known: Vec<GrantKey> = Vec::new();
        for (index, bytes) in keys.into_iter().enumerate() {
            let key = GrantKey::new(bytes);
            if known.iter().any(|other| other.id == key.id) {
                return Err(GrantKeyError(Mistake::Twice { number: index + 1 }));
            }
            known.push(key);
        }
        if known.is_empty() {
            return Err(GrantKeyError(Mistake::NoKey));
        }
        Ok(Self {
            keys: known,
            audience: String::new(),
            max_seconds: DEFAULT_MAX_SECONDS,
            skew_seconds: DEFAULT_SKEW_SECONDS,
        })
    }

    /// Keys out of text, as configuration has them: base64 of 32 bytes each, with commas between.
    ///
    /// # Errors
    ///
    /// When there is none, one is there twice, or one is not base64 of 32 bytes.
    pub fn from_text(text: &str) -> Result<Self, GrantKeyError> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let keys = parts.enumerate().map(|(index, part)| {
            let number = index + 1;
            let bytes = BASE64.decode(part).map_err(|_| GrantKeyError(Mistake::NotBase64 { number }))?;
            let length = |bytes: Vec<u8>| GrantKeyError(Mistake::Length { number, bytes: bytes.len() });
            bytes.try_into().map_err(length)
        });
        Self::new(keys.collect::<Result<Vec<[u8; 32]>, _>>()?)
    }

    /// Keys out of the environment variables that servers in all languages read: `VGI_RPC_GRANT_KEYS`, and where they are
    /// set `VGI_RPC_GRANT_AUDIENCE` and `VGI_RPC_GRANT_MAX_TTL_SECONDS`. `None` where there are no keys: then there are
    /// no grants.
    ///
    /// # Errors
    ///
    /// When a variable cannot be used, also where it is no Unicode. A server should not start then.
    pub fn from_env() -> Result<Option<Self>, GrantKeyError> {
        Self::from_variables(|name| env::var(name))
    }

    fn from_variables(get: impl Fn(&str) -> Result<String, VarError>) -> Result<Option<Self>, GrantKeyError> {
        let get = |variable| match get(variable) {
            Ok(value) => Ok(Some(value)),
            Err(VarError::NotPresent) => Ok(None),
            // Taken for one that is not set, an audience would be that of all who have none.
            Err(VarError::NotUnicode(_)) => Err(GrantKeyError(Mistake::NotUnicode { variable })),
        };
        let set = |variable| Ok::<_, GrantKeyError>(get(variable)?.filter(|value| !value.trim().is_empty()));
        let Some(keys) = set("VGI_RPC_GRANT_KEYS")? else { return Ok(None) };
        let keys = Self::from_text(&keys)?.audience(get("VGI_RPC_GRANT_AUDIENCE")?.unwrap_or_default());
        let Some(text) = set("VGI_RPC_GRANT_MAX_TTL_SECONDS")? else { return Ok(Some(keys)) };
        let wrong = || GrantKeyError(Mistake::Lifetime { text: text.clone() });
        let seconds = text.trim().parse().map_err(|_| wrong())?;
        keys.max_time_to_live(Duration::from_secs(seconds)).map(Some).map_err(|_| wrong())
    }

    /// For which deployment grants are good, and no other that has the same keys, such as a copy of it for tests.
    /// Default: the empty text, which is an audience, too.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = audience.into();
        self
    }

    /// How long a grant may be good: none is made for longer, and none that is good for longer is taken. Whole seconds
    /// count. Default: a week.
    ///
    /// # Errors
    ///
    /// When it is shorter than a second.
    pub fn max_time_to_live(mut self, time: Duration) -> Result<Self, GrantKeyError> {
        self.max_seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        match self.max_seconds {
            0 => Err(GrantKeyError(Mistake::Lifetime { text: format!("{time:?}") })),
            _ => Ok(self),
        }
    }

    /// How far the clocks of servers may be apart: for so long before and after its time a grant is taken. Whole seconds
    /// count. Default: a minute.
    ///
    /// # Errors
    ///
    /// When it is longer than an hour.
    pub fn clock_skew(mut self, skew: Duration) -> Result<Self, GrantKeyError> {
        let seconds = skew.as_secs();
        let within = i64::try_from(seconds).ok().filter(|seconds| *seconds <= MAX_SKEW_SECONDS);
        self.skew_seconds = within.ok_or(GrantKeyError(Mistake::Skew { seconds }))?;
        Ok(self)
    }

    /// The key that seals.
    pub(super) fn minting(&self) -> &GrantKey {
        &self.keys[0]
    }

    pub(super) fn with_id(&self, id: &[u8; ID_LEN]) -> Option<&GrantKey> {
        self.keys.iter().find(|key| key.id == *id)
    }

    /// What a key and the audience are authenticated by.
    pub(super) fn associated(&self, key: &GrantKey) -> Vec<u8> {
        [b"vgi_rpc.grant.v1\0", &key.id[..], self.audience.as_bytes()].concat()
    }

    pub(super) fn max_seconds(&self) -> i64 {
        self.max_seconds
    }

    pub(super) fn skew_seconds(&self) -> i64 {
        self.skew_seconds
    }
}

impl GrantKey {
    fn new(bytes: [u8; 32]) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"vgi_rpc.grant.kid.v1\0");
        hash.update(bytes);
        let mut id = [0; ID_LEN];
        id.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
        Self { id, bytes }
    }

    pub(super) fn id(&self) -> &[u8] {
        &self.id
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl fmt::Debug for GrantKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("GrantKeys")
            .field("keys", &self.keys.len())
            .field("audience", &self.audience)
            .field("max_seconds", &self.max_seconds)
            .field("skew_seconds", &self.skew_seconds)
            .finish()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const TEXT: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const OTHER: &str = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8";

    fn mistake(text: &str) -> String {
        GrantKeys::from_text(text).unwrap_err().to_string()
    }

    #[test]
    fn keys_are_base64_of_32_bytes_with_padding_or_without() {
        let keys = GrantKeys::from_text(&format!(" {TEXT} ,{OTHER},")).unwrap();
        assert_eq!(keys.keys.len(), 2);
        assert_eq!(keys.minting().bytes()[..3], [0, 1, 2]);
        assert_eq!(keys.with_id(b"\x9c\x8d\x33\x34\x73\xaa\x03\x19").unwrap().bytes()[..3], [0, 1, 2]);
    }

    #[test]
    fn wrong_keys_are_named_by_their_number_and_never_shown() {
        assert!(mistake("").contains("at least one"));
        assert!(mistake(&format!("{TEXT},geheim!")).contains("number 2 is not base64"));
        assert!(mistake("AAEC").contains("number 1 has 3 bytes"));
        assert!(mistake(&format!("{TEXT},{OTHER},{TEXT}")).contains("number 3 is there twice"));
        assert!(!mistake(&format!("{TEXT},geheim!")).contains("geheim"));
        let shown = format!("{:?}", GrantKeys::new([[0xab; 32]]).unwrap());
        assert!(!shown.contains("171") && shown.contains("keys: 1"), "{shown}");
    }

    #[test]
    fn the_environment_turns_grants_on_and_is_checked() {
        let read = |variables: &[(&str, &str)]| {
            GrantKeys::from_variables(|name| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned()).ok_or(VarError::NotPresent)
            })
        };
        const KEYS: &str = "VGI_RPC_GRANT_KEYS";
        const MAX: &str = "VGI_RPC_GRANT_MAX_TTL_SECONDS";
        assert!(read(&[]).unwrap().is_none());
        assert!(read(&[(KEYS, " ")]).unwrap().is_none());
        let keys = read(&[(KEYS, TEXT), ("VGI_RPC_GRANT_AUDIENCE", "a"), (MAX, " 60 ")]).unwrap().unwrap();
        assert_eq!((keys.audience.as_str(), keys.max_seconds), ("a", 60));
        assert_eq!(read(&[(KEYS, TEXT), (MAX, "")]).unwrap().unwrap().max_seconds, DEFAULT_MAX_SECONDS);
        for wrong in ["0", "-1", "1.5", "soon"] {
            assert!(read(&[(KEYS, TEXT), (MAX, wrong)]).unwrap_err().to_string().contains(wrong), "{wrong}");
        }
        assert!(GrantKeys::new([[1; 32]]).unwrap().max_time_to_live(Duration::from_millis(999)).is_err());
    }

    #[test]
    fn a_variable_that_is_no_text_is_not_taken_for_one_that_is_not_set() {
        for variable in ["VGI_RPC_GRANT_KEYS", "VGI_RPC_GRANT_AUDIENCE", "VGI_RPC_GRANT_MAX_TTL_SECONDS"] {
            let read = GrantKeys::from_variables(|name| match name {
                name if name == variable => Err(VarError::NotUnicode("staging".into())),
                "VGI_RPC_GRANT_KEYS" => Ok(TEXT.to_owned()),
                _ => Err(VarError::NotPresent),
            });
            assert!(read.unwrap_err().to_string().contains(variable), "{variable}");
        }
    }

    #[test]
    fn clocks_are_an_hour_apart_at_most() {
        let skew = |seconds| GrantKeys::new([[1; 32]]).unwrap().clock_skew(Duration::from_secs(seconds));
        assert_eq!(skew(3600).unwrap().skew_seconds, 3600);
        for seconds in [3601, u64::MAX] {
            assert!(skew(seconds).unwrap_err().to_string().contains("an hour at most"));
        }
    }
}
