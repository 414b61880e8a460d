//! What is signed of a URL, and by what it is known again.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat, Utc};
use http::Method;
use object_store::path::Path;
use object_store::signer::{Signer, Url};
use tower_vgi::rpc::{Sealer, TokenKeys};

/// What the paths of objects begin with, below the prefix.
pub(super) const PATH: &str = "/__objects__/";

/// The query's only parameter.
const SIGNATURE: &str = "signature";

/// Signs URLs and checks them. All with the same keys are equal.
#[derive(Clone)]
pub(super) struct Signatures {
    sealer: Sealer,
    /// Once it is known, all that were not told another know it.
    pub(super) public_url: Arc<OnceLock<String>>,
    pub(super) max_upload_bytes: u64,
}

/// What a URL says of itself besides the method and the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    /// Milliseconds since 1970.
    expires: u64,
    /// How much may be put.
    pub(super) max_bytes: u64,
}

/// Why a URL gives no access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    Unsigned,
    Forged,
    Expired(u64),
}

impl Signatures {
    pub(super) fn new(keys: &TokenKeys, max_upload_bytes: u64) -> Self {
        Self { sealer: keys.sealer("object URL"), public_url: Arc::default(), max_upload_bytes }
    }

    /// What the query gives access to, of one object by one method.
    pub(super) fn check(&self, method: &Method, key: &str, query: Option<&str>) -> Result<Grant, Denied> {
        let mut pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        let (_, sealed) = pairs.find(|(name, _)| *name == SIGNATURE).ok_or(Denied::Unsigned)?;
        let opened = self.sealer.open(sealed, &associated(method, key)).ok_or(Denied::Forged)?;
        let grant = Grant::from_bytes(&opened).ok_or(Denied::Forged)?;
        if millis(SystemTime::now()) >= grant.expires { Err(Denied::Expired(grant.expires)) } else { Ok(grant) }
    }

    fn sign(&self, method: &Method, key: &str, lifetime: Duration) -> Option<String> {
        let base = self.public_url.get()?;
        let expires = SystemTime::now().checked_add(lifetime).map_or(u64::MAX, millis);
        let grant = Grant { expires, max_bytes: self.max_upload_bytes };
        let sealed = self.sealer.seal(&grant.to_bytes(), &associated(method, key));
        Some(format!("{base}{PATH}{key}?{SIGNATURE}={sealed}"))
    }
}

/// Why nothing is signed yet.
pub(super) const NO_PUBLIC_URL: &str = "the URL of this server is not known; set it with LocalStorage::public_url";

/// Who may read may know how much there is.
fn associated<'a>(method: &'a Method, key: &'a str) -> [&'a [u8]; 2] {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    [method.as_str().as_bytes(), key.as_bytes()]
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl Grant {
    fn to_bytes(self) -> [u8; 16] {
        ((u128::from(self.expires) << 64) | u128::from(self.max_bytes)).to_be_bytes()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let both = u128::from_be_bytes(bytes.try_into().ok()?);
        Some(Self { expires: (both >> 64) as u64, max_bytes: both as u64 })
    }

    /// How long it still holds.
    pub(super) fn left(self) -> Duration {
        Duration::from_millis(self.expires.saturating_sub(millis(SystemTime::now())))
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned => formatter.write_str("the URL is not signed: use one that this server has given out, as it is"),
            Self::Forged => formatter.write_str(
                "the URL's signature does not fit: it was changed, or made for another object, by another server or for \
                 another method",
            ),
            Self::Expired(at) => {
                let until = i64::try_from(*at).ok().and_then(DateTime::<Utc>::from_timestamp_millis);
                let until = until.map_or_else(String::new, |at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
                write!(formatter, "the URL was good until {until}; ask for a new one")
            }
        }
    }
}

#[async_trait::async_trait]
impl Signer for Signatures {
    async fn signed_url(&self, method: Method, path: &Path, expires_in: Duration) -> object_store::Result<Url> {
        let failed = |source| object_store::Error::Generic { store: "local storage", source };
        let url = self.sign(&method, path.as_ref(), expires_in).ok_or_else(|| failed(NO_PUBLIC_URL.into()))?;
        url.parse().map_err(|error: <Url as std::str::FromStr>::Err| failed(error.into()))
    }
}

impl fmt::Debug for Signatures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Signatures")
            .field("public_url", &self.public_url.get())
            .field("max_upload_bytes", &self.max_upload_bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signatures(key: u8) -> Signatures {
        let signatures = Signatures::new(&TokenKeys::new([key; 32]), 7);
        signatures.public_url.set("http://host".to_owned()).unwrap();
        signatures
    }

    fn query(url: &str) -> Option<&str> {
        url.split_once('?').map(|(_, query)| query)
    }

    #[test]
    fn a_url_opens_for_its_object_and_method_and_key_only() {
        let url = signatures(1).sign(&Method::GET, "a", Duration::from_secs(60)).unwrap();
        assert!(url.starts_with("http://host/__objects__/a?signature="));
        let check = |key: u8, method: Method, object: &str| signatures(key).check(&method, object, query(&url));
        assert_eq!(check(1, Method::GET, "a").unwrap().max_bytes, 7);
        assert!(check(1, Method::HEAD, "a").is_ok());
        for (key, method, object) in [
            (2, Method::GET, "a"),
            (1, Method::PUT, "a"),
            (1, Method::DELETE, "a"),
            (1, Method::GET, "b"),
            (1, Method::GET, ""),
        ] {
            assert_eq!(check(key, method, object), Err(Denied::Forged));
        }
        let put = signatures(1).sign(&Method::PUT, "a", Duration::from_secs(60)).unwrap();
        assert_eq!(signatures(1).check(&Method::HEAD, "a", query(&put)), Err(Denied::Forged));
    }

    #[test]
    fn none_an_altered_and_an_old_one_do_not() {
        let signatures = signatures(1);
        for unsigned in [None, Some(""), Some("signature"), Some("x=y")] {
            assert_eq!(signatures.check(&Method::GET, "a", unsigned), Err(Denied::Unsigned));
        }
        let url = signatures.sign(&Method::GET, "a", Duration::from_secs(60)).unwrap();
        let good = query(&url).unwrap();
        let begin = good.find('=').unwrap() + 1;
        for index in begin..good.len() {
            let mut changed = good.to_owned().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(signatures.check(&Method::GET, "a", Some(&changed)), Err(Denied::Forged), "{index}");
        }
        let old = signatures.sign(&Method::GET, "a", Duration::ZERO).unwrap();
        let denied = signatures.check(&Method::GET, "a", query(&old)).unwrap_err();
        assert!(matches!(denied, Denied::Expired(_)) && denied.to_string().contains("good until 2"), "{denied}");
        assert!(signatures.sign(&Method::GET, "a", Duration::MAX).is_some());
    }

    #[test]
    fn without_a_public_url_nothing_is_signed() {
        let signatures = Signatures::new(&TokenKeys::random(), 7);
        assert_eq!(signatures.sign(&Method::GET, "a", Duration::from_secs(60)), None);
    }
}
