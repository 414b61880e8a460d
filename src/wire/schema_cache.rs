use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, PoisonError, RwLock};

use super::{Limits, WireError, WireSchema};

/// Remembers parsed schemas by the bytes of their message.
///
/// Parsing a schema costs more than decoding a small batch, and callers send the same few again
/// and again. A cache is shared by all decoders of a server or client. It holds at most 128
/// schemas of up to 16 KiB each; a new one may push out an old one.
pub struct SchemaCache {
    /// A schema is looked for in one set only, so that a look-up takes one short read lock.
    sets: [RwLock<Set>; SETS],
    seed: u64,
}

const SETS: usize = 32;
const WAYS: usize = 4;
const MAX_MESSAGE: usize = 16 * 1024;

#[derive(Default)]
struct Set {
    schemas: [Option<Arc<WireSchema>>; WAYS],
    next: usize,
}

impl SchemaCache {
    /// Without a schema.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The schema of a framed message, parsed now or earlier.
    ///
    /// # Errors
    ///
    /// As [`WireSchema::from_message_with_limits`].
    pub fn get_or_parse(&self, message: &[u8], limits: &Limits) -> Result<Arc<WireSchema>, WireError> {
        if message.len() > MAX_MESSAGE {
            return WireSchema::from_message_with_limits(message, limits);
        }
        let set = &self.sets[self.hash(message) as usize % SETS];
        let found = {
            let set = set.read().unwrap_or_else(PoisonError::into_inner);
            set.schemas.iter().flatten().find(|schema| schema.message() == message).cloned()
        };
        if let Some(schema) = found {
            schema.check_limits(limits)?;
            return Ok(schema);
        }
        let schema = WireSchema::from_message_with_limits(message, limits)?;
        if schema.message() == message {
            let mut set = set.write().unwrap_or_else(PoisonError::into_inner);
            let next = set.next;
            set.schemas[next % WAYS] = Some(schema.clone());
            set.next = (next + 1) % WAYS;
        }
        Ok(schema)
    }

    /// Fast rather than strong: whoever forces collisions only makes the cache forget, and the
    /// seed keeps that from being easy.
    fn hash(&self, message: &[u8]) -> u32 {
        let (words, rest) = message.as_chunks::<8>();
        let mut hash = self.seed ^ message.len() as u64;
        let mut mix = |word: u64| hash = (hash.rotate_left(29) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        words.iter().for_each(|word| mix(u64::from_le_bytes(*word)));
        rest.iter().for_each(|byte| mix(u64::from(*byte)));
        (hash >> 32) as u32
    }
}

impl Default for SchemaCache {
    fn default() -> Self {
        Self { sets: std::array::from_fn(|_| RwLock::default()), seed: RandomState::new().build_hasher().finish() }
    }
}

impl fmt::Debug for SchemaCache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SchemaCache").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use arrow_schema::{DataType, Field, Schema};

    use super::*;

    fn message(name: &str) -> bytes::Bytes {
        super::super::encode_schema(&Schema::new(vec![Field::new(name, DataType::Int8, true)])).unwrap()
    }

    #[test]
    fn a_known_message_is_not_parsed_again() {
        let cache = SchemaCache::new();
        let first = cache.get_or_parse(&message("a"), &Limits::default()).unwrap();
        assert!(Arc::ptr_eq(&first, &cache.get_or_parse(&message("a"), &Limits::default()).unwrap()));
        let other = cache.get_or_parse(&message("b"), &Limits::default()).unwrap();
        assert_eq!(other.schema().field(0).name(), "b");
    }

    #[test]
    fn a_known_schema_is_still_limited() {
        let cache = SchemaCache::new();
        cache.get_or_parse(&message("a"), &Limits::default()).unwrap();
        let error = cache.get_or_parse(&message("a"), &Limits::default().with_max_fields(0)).unwrap_err();
        assert!(error.is_too_large());
    }

    #[test]
    fn the_cache_is_bounded() {
        let cache = SchemaCache::new();
        for index in 0..1000 {
            let schema = cache.get_or_parse(&message(&index.to_string()), &Limits::default()).unwrap();
            assert_eq!(schema.schema().field(0).name(), &index.to_string());
        }
        let kept = cache.sets.iter().map(|set| set.read().unwrap().schemas.iter().flatten().count()).sum::<usize>();
        assert!(kept > SETS && kept <= SETS * WAYS, "{kept}");

        let long = message(&"x".repeat(MAX_MESSAGE));
        let parsed = cache.get_or_parse(&long, &Limits::default()).unwrap();
        assert!(!Arc::ptr_eq(&parsed, &cache.get_or_parse(&long, &Limits::default()).unwrap()));
    }

    #[test]
    fn what_is_no_schema_is_not_kept() {
        let cache = SchemaCache::new();
        assert!(cache.get_or_parse(b"nonsense", &Limits::default()).is_err());
        assert!(cache.sets.iter().all(|set| set.read().unwrap().schemas.iter().all(Option::is_none)));
    }
}
