//! [`Limiter`]: who has used up what they may.

use std::fmt;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// How often those are looked for who have been quiet.
const PRUNE_EVERY: Duration = Duration::from_secs(60);
/// How many are known at most before that is done earlier.
const PRUNE_OVER: usize = 100_000;

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
pub(super) struct Limiter<K: Clone + Eq + Hash> {
    limiter: DefaultKeyedRateLimiter<K>,
    clock: DefaultClock,
    pruned: Mutex<Instant>,
}

impl<K: Clone + Eq + Hash> Limiter<K> {
    pub(super) fn new(rate: Rate) -> Self {
        Self {
            limiter: RateLimiter::keyed(rate.quota),
            clock: DefaultClock::default(),
            pruned: Mutex::new(Instant::now()),
        }
    }

    /// Counts one; when to try again, where it is one too many.
    pub(super) fn check(&self, key: &K) -> Result<(), Duration> {
        self.prune();
        self.limiter.check_key(key).map_err(|until| until.wait_time_from(self.clock.now()))
    }

    /// Forgets those who have not used up anything: memory is not to grow with everybody who ever came by.
    fn prune(&self) {
        // Whoever holds it is at it.
        let Ok(mut pruned) = self.pruned.try_lock() else { return };
        let least = if self.limiter.len() > PRUNE_OVER { Duration::from_secs(1) } else { PRUNE_EVERY };
        if pruned.elapsed() >= least {
            *pruned = Instant::now();
            self.limiter.retain_recent();
        }
    }
}

impl<K: Clone + Eq + Hash> fmt::Debug for Limiter<K> {
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
            assert!(limiter.check(&key).is_ok() && limiter.check(&key).is_ok());
            let wait = limiter.check(&key).unwrap_err();
            assert!(wait > Duration::from_secs(50) && wait <= Duration::from_secs(60), "{wait:?}");
        }
        let one = Limiter::new(Rate::per_minute(0).burst(0));
        assert!(one.check(&()).is_ok() && one.check(&()).is_err());
    }

    #[test]
    fn who_has_been_quiet_is_forgotten() {
        let limiter = Limiter::new(Rate::per_second(1_000_000));
        for key in 0..100 {
            limiter.check(&key).unwrap();
        }
        *limiter.pruned.lock().unwrap() = Instant::now().checked_sub(PRUNE_EVERY).unwrap();
        std::thread::sleep(Duration::from_millis(5));
        limiter.check(&0).unwrap();
        assert_eq!(limiter.limiter.len(), 1);
    }
}
