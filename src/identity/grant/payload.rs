//! What is inside of the envelope: numbers in little endian, texts with their length as two bytes before them.

use chrono::{DateTime, Utc};

use super::Grant;

/// `None` where a text or the list is longer than two bytes can say.
pub(super) fn encode(grant: &Grant) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(128);
    bytes.extend_from_slice(&grant.issued_at.timestamp().to_le_bytes());
    bytes.extend_from_slice(&grant.expires_at.timestamp().to_le_bytes());
    for text in [&grant.grant_id, &grant.principal, &grant.purpose] {
        put(&mut bytes, text)?;
    }
    bytes.extend_from_slice(&u16::try_from(grant.scopes.len()).ok()?.to_le_bytes());
    for scope in &grant.scopes {
        put(&mut bytes, scope)?;
    }
    Some(bytes)
}

fn put(bytes: &mut Vec<u8>, text: &str) -> Option<()> {
    bytes.extend_from_slice(&u16::try_from(text.len()).ok()?.to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
    Some(())
}

/// `None` where there is less, more or something else.
pub(super) fn decode(bytes: &[u8]) -> Option<Grant> {
    let mut reader = Reader(bytes);
    let (issued_at, expires_at) = (reader.time()?, reader.time()?);
    let (grant_id, principal, purpose) = (reader.text()?, reader.text()?, reader.text()?);
    let scopes = (0..reader.number()?).map(|_| reader.text()).collect::<Option<_>>()?;
    reader.0.is_empty().then_some(Grant { principal, scopes, purpose, grant_id, issued_at, expires_at })
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn time(&mut self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp(i64::from_le_bytes(self.take()?), 0)
    }

    fn number(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::from(self.number()?);
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok().map(str::to_owned)
    }
}
