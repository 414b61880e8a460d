//! [`Limiter`]: who has used up what they may.

use std::fmt;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use governor::clock::{Clock as _, DefaultClock};
use governor::{Quota, RateLimiter};

use super::known::Known;

/// How often those are looked for who have been quiet.
const PRUNE_EVERY: Duration = Duration::from_secs(60);
/// How many are known at most before that is done every second.
const PRUNE_OVER: usize = 100_000;
/// How many are counted by themselves at the same time; some 32 MB.
const MAX_KNOWN: usize = 500_000;

/// How often something may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    quota: Quota,
}

impl Rate {
    /// So many times a second, as evenly as they come; 0 counts as 1. As many at once.
    pub fn per_second(times: u32) -> Self {
        Self { quota: Quota::per_second(at_least_one(times)) }
    }

    /// So many times a minute; 0 counts as 1. As many at once.
    pub fn per_minute(times: u32) -> Self {
        Self { quota: Quota::per_minute(at_least_one(times)) }
    }

    /// How many may come at once after a quiet time; 0 counts as 1.
    #[must_use]
    pub fn burst(self, times: u32) -> Self {
        Self { quota: self.quota.allow_burst(at_least_one(times)) }
    }
}

fn at_least_one(times: u32) -> NonZeroU32 {
    NonZeroU32::new(times).unwrap_or(NonZeroU32::MIN)
}

/// Counts for each key by itself.
pub(super) struct Limiter {
    limiter: RateLimiter<u128, Known, DefaultClock>,
    /// A secret, so that nobody can make two keys that are counted as one.
    hasher: RandomState,
    clock: DefaultClock,
    since: Instant,
    /// In milliseconds since then.
    pruned: AtomicU64,
}

impl Limiter {
    pub(super) fn new(rate: Rate) -> Self {
        Self::with_capacity(rate, MAX_KNOWN)
    }

    fn with_capacity(rate: Rate, keys: usize) -> Self {
        let clock = DefaultClock::default();
        Self {
            limiter: RateLimiter::new(rate.quota, Known::new(keys), clock.clone()),
            hasher: RandomState::new(),
            clock,
            since: Instant::now(),
            pruned: AtomicU64::new(0),
        }
    }

    /// Counts one; when to try again, where it is one too many.
    pub(super) fn check(&self, key: impl Hash) -> Result<(), Duration> {
        self.prune(self.since.elapsed());
        // Callers may choose how long their keys are. What is kept of one is short, and no other key has the same.
        let [high, low] = [0_u8, 1].map(|half| u128::from(self.hasher.hash_one((half, &key))));
        let key = high << 64 | low;
        self.limiter.check_key(&key).map_err(|until| until.wait_time_from(self.clock.now()))
    }

    /// Forgets those who have not used up anything: memory is not to grow with everybody who ever came by.
    fn prune(&self, now: Duration) {
        let pruned = self.pruned.load(Ordering::Relaxed);
        let is_crowded = self.limiter.len() > PRUNE_OVER;
        let least = if is_crowded { Duration::from_secs(1) } else { PRUNE_EVERY };
        if now < Duration::from_millis(pruned).saturating_add(least) {
            return;
        }
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        // Whoever is first is at it.
        if self.pruned.compare_exchange(pruned, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.limiter.retain_recent();
        }
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Limiter").field("known", &self.limiter.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_a_burst_and_a_rate_of_their_own() {
        let limiter = Limiter::new(Rate::per_minute(1).burst(2));
        for key in ["a", "b"] {
            assert!(limiter.check(key).is_ok() && limiter.check(key).is_ok());
            let wait = limiter.check(key).unwrap_err();
            assert!(wait > Duration::from_secs(50) && wait <= Duration::from_secs(60), "{wait:?}");
        }
        let one = Limiter::new(Rate::per_minute(0).burst(0));
        assert!(one.check(()).is_ok() && one.check(()).is_err());
    }

    #[test]
    fn who_has_been_quiet_is_forgotten() {
        let limiter = Limiter::new(Rate::per_second(1_000_000));
        for key in 0..100 {
            limiter.check(key).unwrap();
        }
        std::thread::sleep(Duration::from_millis(5));
        limiter.prune(PRUNE_EVERY / 2);
        assert_eq!(limiter.limiter.len(), 100);
        limiter.prune(PRUNE_EVERY);
        assert_eq!(limiter.limiter.len(), 0);
    }

    #[test]
    fn newcomers_of_a_crowd_share_one_count_and_take_no_memory() {
        let limiter = Limiter::with_capacity(Rate::per_minute(1).burst(2), 10);
        let passed = (0..1000).filter(|key| limiter.check(key).is_ok()).count();
        assert_eq!(passed, 10 + 2);
        assert!(limiter.limiter.len() <= 11);
        // Who is known already keeps what is theirs.
        assert!(limiter.check(3).is_ok() && limiter.check(3).is_err());
    }
}
