//! [`Verified`]: tokens that were found good.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use tower_vgi::AuthContext;

/// Longer tokens are checked every time.
const MAX_TOKEN: usize = 4096;

/// Tokens that were found good, each until its term is over; all of them while the issuer's keys are the same.
#[derive(Debug)]
pub(super) struct Verified {
    capacity: usize,
    tokens: RwLock<Tokens>,
}

#[derive(Debug, Default)]
struct Tokens {
    /// Of the keys that they were checked by.
    edition: u64,
    callers: HashMap<Box<str>, Entry>,
}

#[derive(Debug)]
struct Entry {
    caller: AuthContext,
    /// In Unix seconds, inclusive.
    until: u64,
}

impl Verified {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, tokens: RwLock::default() }
    }

    pub(super) fn caller(&self, token: &str, edition: u64, now: u64) -> Option<AuthContext> {
        let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
        if tokens.edition != edition {
            return None;
        }
        tokens.callers.get(token).filter(|entry| now <= entry.until).map(|entry| entry.caller.clone())
    }

    pub(super) fn remember(&self, token: &str, caller: &AuthContext, edition: u64, until: u64, now: u64) {
        if self.capacity == 0 || token.len() > MAX_TOKEN {
            return;
        }
        let mut tokens = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        if tokens.edition > edition {
            return;
        }
        if tokens.edition < edition {
            *tokens = Tokens { edition, ..Tokens::default() };
        }
        if tokens.callers.len() >= self.capacity {
            tokens.callers.retain(|_, entry| now <= entry.until);
            // All are good still: begin anew, rather than look for the least used with every call.
            if tokens.callers.len() >= self.capacity {
                tokens.callers.clear();
            }
        }
        tokens.callers.insert(token.into(), Entry { caller: caller.clone(), until });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_term_and_its_keys() {
        let verified = Verified::new(2);
        let alice = AuthContext::authenticated("jwt", "alice");
        verified.remember("a", &alice, 1, 100, 50);
        assert_eq!(verified.caller("a", 1, 100), Some(alice.clone()));
        assert_eq!(verified.caller("a", 1, 101), None);
        assert_eq!(verified.caller("a", 2, 50), None);
        assert_eq!(verified.caller("b", 1, 50), None);
        // What was checked by keys of before does not count any more.
        verified.remember("b", &alice, 2, 100, 50);
        verified.remember("a", &alice, 1, 100, 50);
        assert_eq!((verified.caller("a", 2, 50), verified.caller("b", 2, 50)), (None, Some(alice)));
    }

    #[test]
    fn it_never_grows_beyond_its_capacity() {
        let verified = Verified::new(2);
        let alice = AuthContext::authenticated("jwt", "alice");
        let len = || verified.tokens.read().unwrap().callers.len();
        verified.remember("a", &alice, 1, 10, 0);
        verified.remember("b", &alice, 1, 100, 0);
        verified.remember("c", &alice, 1, 100, 11);
        assert!(verified.caller("b", 1, 11).is_some() && verified.caller("c", 1, 11).is_some());
        verified.remember("d", &alice, 1, 100, 11);
        assert_eq!(len(), 1);
        verified.remember(&"x".repeat(MAX_TOKEN + 1), &alice, 1, 100, 11);
        Verified::new(0).remember("e", &alice, 1, 100, 11);
        assert_eq!(len(), 1);
    }
}
