use std::fmt;

/// Custom metadata of one batch: an ordered list of keys and values.
///
/// Both are bytes; what the protocol itself puts there is UTF-8 text. All entries share one
/// allocation.
///
/// ```
/// use tower_vgi::wire::Metadata;
///
/// let mut metadata = Metadata::new();
/// metadata.insert("vgi_rpc.method", "add");
/// metadata.insert("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
/// assert_eq!(metadata.get_str("vgi_rpc.method"), Some("add"));
/// assert_eq!(metadata.get("tracestate"), None);
/// assert_eq!(metadata.iter().next(), Some((&b"vgi_rpc.method"[..], &b"add"[..])));
/// ```
#[derive(Clone, Default)]
pub struct Metadata {
    /// Keys and values, each key directly before its value.
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    start: usize,
    key: usize,
    value: usize,
}

impl Metadata {
    /// Without an entry.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), entries: Vec::new() }
    }

    /// With room for entries and for the bytes of their keys and values.
    #[must_use]
    pub fn with_capacity(entries: usize, bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), entries: Vec::with_capacity(entries) }
    }

    /// The value of a key; of the first one if a sender repeated it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        self.position(key.as_bytes()).map(|index| self.value(self.entries[index]))
    }

    /// The value of a key, when it is UTF-8.
    #[must_use]
    pub fn get_str(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Whether a key is there.
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        self.position(key.as_bytes()).is_some()
    }

    /// Sets a key, in place of an earlier value.
    pub fn insert(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        let (key, value) = (key.as_ref(), value.as_ref());
        let Some(index) = self.position(key) else { return self.append(key, value) };
        self.remove_after(index, key);
        let entry = &mut self.entries[index];
        if value.len() <= entry.value {
            let start = entry.start + entry.key;
            self.bytes[start..start + value.len()].copy_from_slice(value);
        } else {
            entry.start = self.bytes.len();
            self.bytes.extend_from_slice(key);
            self.bytes.extend_from_slice(value);
        }
        entry.value = value.len();
        self.compact();
    }

    /// Adds an entry at the end, even if its key is there already.
    pub fn append(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        let (key, value) = (key.as_ref(), value.as_ref());
        self.entries.push(Entry { start: self.bytes.len(), key: key.len(), value: value.len() });
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value);
    }

    /// Removes a key, says whether it was there.
    pub fn remove(&mut self, key: &str) -> bool {
        let Some(index) = self.position(key.as_bytes()) else { return false };
        self.remove_after(index, key.as_bytes());
        self.entries.remove(index);
        self.compact();
        true
    }

    /// All entries in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        self.entries.iter().map(|entry| (self.key(*entry), self.value(*entry)))
    }

    /// How many entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn position(&self, key: &[u8]) -> Option<usize> {
        self.entries.iter().position(|entry| self.key(*entry) == key)
    }

    fn key(&self, entry: Entry) -> &[u8] {
        &self.bytes[entry.start..entry.start + entry.key]
    }

    fn value(&self, entry: Entry) -> &[u8] {
        let start = entry.start + entry.key;
        &self.bytes[start..start + entry.value]
    }

    fn remove_after(&mut self, index: usize, key: &[u8]) {
        let bytes = &self.bytes;
        let mut position = 0;
        self.entries.retain(|entry| {
            let keep = position <= index || &bytes[entry.start..entry.start + entry.key] != key;
            position += 1;
            keep
        });
    }

    /// Drops bytes of replaced values once they are more than what is still in use.
    fn compact(&mut self) {
        let used: usize = self.entries.iter().map(|entry| entry.key + entry.value).sum();
        if self.bytes.len() - used > used.max(1024) {
            *self = self.iter().fold(Self::with_capacity(self.len(), used), |mut compact, (key, value)| {
                compact.append(key, value);
                compact
            });
        }
    }
}

impl PartialEq for Metadata {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Metadata {}

impl fmt::Debug for Metadata {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes| String::from_utf8_lossy(bytes);
        formatter.debug_map().entries(self.iter().map(|(key, value)| (text(key), text(value)))).finish()
    }
}

impl<K: AsRef<[u8]>, V: AsRef<[u8]>> Extend<(K, V)> for Metadata {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<K: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(K, V)> for Metadata {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut metadata = Self::new();
        metadata.extend(entries);
        metadata
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn insert_replaces_in_place() {
        let mut metadata = Metadata::from_iter([("a", "1"), ("b", "2"), ("c", "3")]);
        metadata.insert("b", "a longer value");
        metadata.insert("a", "");
        let expected: [(&[u8], &[u8]); 3] = [(b"a", b""), (b"b", b"a longer value"), (b"c", b"3")];
        assert!(metadata.iter().eq(expected));
    }

    #[test]
    fn repeated_keys_are_kept_until_the_key_is_set() {
        let mut metadata = Metadata::new();
        metadata.append("a", "1");
        metadata.append("b", "2");
        metadata.append("a", "3");
        assert_eq!((metadata.len(), metadata.get_str("a")), (3, Some("1")));
        metadata.insert("a", "4");
        assert_eq!(metadata, Metadata::from_iter([("a", "4"), ("b", "2")]));
        metadata.append("a", "5");
        assert!(metadata.remove("a") && !metadata.remove("a"));
        assert_eq!(metadata.len(), 1);
    }

    #[test]
    fn values_may_be_any_bytes() {
        let metadata = Metadata::from_iter([(&b"k\xff"[..], &b"\x00\xfe"[..])]);
        assert_eq!(metadata.iter().next(), Some((&b"k\xff"[..], &b"\x00\xfe"[..])));
        assert!(format!("{metadata:?}").contains('\u{fffd}'));
        assert_eq!(Metadata::from_iter([("k", b"\xff")]).get_str("k"), None);
    }

    #[test]
    fn replacing_a_value_many_times_does_not_grow() {
        let mut metadata = Metadata::new();
        for length in 0..10_000 {
            metadata.insert("k", vec![b'x'; length % 500]);
        }
        assert!(metadata.bytes.len() < 4096);
        assert_eq!(metadata.get("k").map(<[u8]>::len), Some(9_999 % 500));
    }
}
