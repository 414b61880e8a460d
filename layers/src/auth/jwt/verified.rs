//! [`Verified`]: tokens that were found good.

use std::collections::HashMap;
use std::hash::{BuildHasher, DefaultHasher, Hasher, RandomState};
use std::sync::{PoisonError, RwLock};

use tower_vgi::AuthContext;

/// Longer tokens are checked every time.
const MAX_TOKEN: usize = 4096;
/// A part of a signature that nobody guesses: 192 bits.
const HASHED: usize = 32;

/// Tokens that were found good, each until its term is over; all of them while the issuer's keys are the same.
///
/// They are in two halves: when the younger one is full, the older one is forgotten. So nobody has to look for tokens that
/// are not needed any more while others wait.
#[derive(Debug)]
pub(super) struct Verified {
    half: usize,
    tokens: RwLock<Tokens>,
}

#[derive(Debug, Default)]
struct Tokens {
    /// Of the keys that they were checked by.
    edition: u64,
    younger: Callers,
    older: Callers,
}

type Callers = HashMap<Box<str>, Entry, ByTheEnd>;

/// Hashes the end of a token only. What is looked up is compared to the whole, and what is remembered was signed by the
/// issuer: nobody can have tokens remembered that end alike.
#[derive(Clone, Debug, Default)]
struct ByTheEnd(RandomState);

impl BuildHasher for ByTheEnd {
    type Hasher = EndHasher;

    fn build_hasher(&self) -> EndHasher {
        EndHasher(self.0.build_hasher())
    }
}

struct EndHasher(DefaultHasher);

impl Hasher for EndHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(&bytes[bytes.len().saturating_sub(HASHED)..]);
    }

    fn finish(&self) -> u64 {
        self.0.finish()
    }
}

#[derive(Debug)]
struct Entry {
    caller: AuthContext,
    /// In Unix seconds, inclusive.
    until: u64,
}

impl Verified {
    pub(super) fn new(capacity: usize) -> Self {
        Self { half: capacity.div_ceil(2), tokens: RwLock::default() }
    }

    pub(super) fn caller(&self, token: &str, edition: u64, now: u64) -> Option<AuthContext> {
        let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
        if tokens.edition != edition {
            return None;
        }
        let entry = tokens.younger.get(token).or_else(|| tokens.older.get(token));
        entry.filter(|entry| now <= entry.until).map(|entry| entry.caller.clone())
    }

    pub(super) fn remember(&self, token: &str, caller: &AuthContext, edition: u64, until: u64) {
        if self.half == 0 || token.len() > MAX_TOKEN {
            return;
        }
        let (token, entry) = (token.into(), Entry { caller: caller.clone(), until });
        // Dropped when the lock is not held any more, as they may be many.
        let _forgotten =
            self.tokens.write().unwrap_or_else(PoisonError::into_inner).insert(token, entry, edition, self.half);
    }
}

impl Tokens {
    /// Gives what is forgotten in place of it.
    fn insert(&mut self, token: Box<str>, entry: Entry, edition: u64, half: usize) -> Option<Self> {
        let mut forgotten = None;
        if self.edition > edition {
            return forgotten;
        }
        if self.edition < edition {
            forgotten = Some(std::mem::replace(self, Self { edition, ..Self::default() }));
        } else if self.younger.len() >= half {
            let younger = std::mem::take(&mut self.younger);
            let older = std::mem::replace(&mut self.older, younger);
            forgotten = Some(Self { older, ..Self::default() });
        }
        self.younger.insert(token, entry);
        forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_term_and_its_keys() {
        let verified = Verified::new(2);
        let alice = AuthContext::authenticated("jwt", "alice");
        verified.remember("a", &alice, 1, 100);
        assert_eq!(verified.caller("a", 1, 100), Some(alice.clone()));
        assert_eq!(verified.caller("a", 1, 101), None);
        assert_eq!(verified.caller("a", 2, 50), None);
        assert_eq!(verified.caller("b", 1, 50), None);
        // What was checked by keys of before does not count any more.
        verified.remember("b", &alice, 2, 100);
        verified.remember("a", &alice, 1, 100);
        assert_eq!((verified.caller("a", 2, 50), verified.caller("b", 2, 50)), (None, Some(alice)));
    }

    #[test]
    fn it_never_grows_beyond_its_capacity_and_forgets_the_oldest() {
        let verified = Verified::new(4);
        let alice = AuthContext::authenticated("jwt", "alice");
        let known = || {
            let tokens = verified.tokens.read().unwrap();
            let mut known: Vec<String> =
                tokens.younger.keys().chain(tokens.older.keys()).map(ToString::to_string).collect();
            known.sort();
            known.concat()
        };
        for (token, expected) in [("a", "a"), ("b", "ab"), ("c", "abc"), ("d", "abcd"), ("e", "cde"), ("f", "cdef")] {
            verified.remember(token, &alice, 1, 100);
            assert_eq!(known(), expected);
            assert!(verified.caller(token, 1, 100).is_some());
        }
        assert!(verified.caller("c", 1, 100).is_some() && verified.caller("b", 1, 100).is_none());
        verified.remember(&"x".repeat(MAX_TOKEN + 1), &alice, 1, 100);
        assert_eq!(known(), "cdef");
        let nothing = Verified::new(0);
        nothing.remember("e", &alice, 1, 100);
        assert!(nothing.caller("e", 1, 100).is_none());
    }
}
