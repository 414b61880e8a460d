//! [`Terms`]: what is good for some time, up to a number.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::TokenHash;

/// Longer than any server runs, and no more than a clock can tell.
const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Values, each until its time is over.
///
/// They are in two halves: when the younger one is full, the older one is forgotten. So nobody has to look for values that
/// are not needed any more while others wait.
pub(super) struct Terms<T> {
    half: usize,
    halves: Mutex<Halves<T>>,
}

struct Halves<T> {
    younger: HashMap<TokenHash, (T, Instant)>,
    older: HashMap<TokenHash, (T, Instant)>,
}

impl<T: Clone> Terms<T> {
    pub(super) fn new(capacity: usize) -> Self {
        let halves = Halves { younger: HashMap::new(), older: HashMap::new() };
        Self { half: capacity.div_ceil(2), halves: Mutex::new(halves) }
    }

    /// The value and until when it is good.
    pub(super) fn get(&self, hash: &TokenHash, now: Instant) -> Option<(T, Instant)> {
        let halves = self.lock();
        let found = halves.younger.get(hash).or_else(|| halves.older.get(hash));
        found.filter(|(_, until)| now < *until).cloned()
    }

    pub(super) fn insert(&self, hash: TokenHash, value: T, time: Duration) {
        if self.half == 0 || time.is_zero() {
            return;
        }
        let until = Instant::now() + time.min(FOR_EVER);
        let mut halves = self.lock();
        let forgotten = (halves.younger.len() >= self.half).then(|| {
            let younger = std::mem::take(&mut halves.younger);
            std::mem::replace(&mut halves.older, younger)
        });
        halves.younger.insert(hash, (value, until));
        drop(halves);
        // When the lock is not held any more, as they may be many.
        drop(forgotten);
    }

    fn lock(&self) -> MutexGuard<'_, Halves<T>> {
        self.halves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
