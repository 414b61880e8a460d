//! [`Nonces`]: what was seen of late.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::token::Nonce;

/// The nonces of a time span, but never more than a certain number: who sends many new ones must not fill the memory.
#[derive(Debug)]
pub(super) struct Nonces {
    keep: Duration,
    capacity: usize,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    set: HashSet<Nonce>,
    /// In the order in which they came, which is that in which they are forgotten.
    order: VecDeque<(Instant, Nonce)>,
}

/// What became of a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Noted {
    New,
    /// New, but an older one had to be forgotten before its time.
    NewButForgotAnother,
    Seen,
}

impl Nonces {
    pub(super) fn new(keep: Duration, capacity: usize) -> Self {
        Self { keep, capacity: capacity.max(1), seen: Mutex::default() }
    }

    /// Looks and remembers in one step, so that of two requests with the same nonce only one is new.
    pub(super) fn note(&self, nonce: Nonce, now: Instant) -> Noted {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        while seen.order.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > self.keep) {
            seen.forget_oldest();
        }
        if seen.set.contains(&nonce) {
            return Noted::Seen;
        }
        // A crowd is no reason to refuse anybody: the time in the proof still bounds what a forgotten one is good for.
        let is_full = seen.order.len() >= self.capacity;
        if is_full {
            seen.forget_oldest();
        }
        seen.set.insert(nonce);
        seen.order.push_back((now, nonce));
        if is_full { Noted::NewButForgotAnother } else { Noted::New }
    }
}

impl Seen {
    fn forget_oldest(&mut self) {
        if let Some((_, nonce)) = self.order.pop_front() {
            self.set.remove(&nonce);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nonce(number: u8) -> Nonce {
        [number; 22]
    }

    #[test]
    fn a_nonce_is_new_once_until_its_time_is_over() {
        let nonces = Nonces::new(Duration::from_secs(60), 10);
        let now = Instant::now();
        assert_eq!(nonces.note(nonce(1), now), Noted::New);
        assert_eq!(nonces.note(nonce(2), now), Noted::New);
        assert_eq!(nonces.note(nonce(1), now + Duration::from_secs(60)), Noted::Seen);
        assert_eq!(nonces.note(nonce(1), now + Duration::from_secs(61)), Noted::New);
    }

    #[test]
    fn a_crowd_makes_it_forget_the_oldest_and_never_grow() {
        let nonces = Nonces::new(Duration::from_secs(60), 2);
        let now = Instant::now();
        for number in 0..2 {
            assert_eq!(nonces.note(nonce(number), now), Noted::New);
        }
        assert_eq!(nonces.note(nonce(2), now), Noted::NewButForgotAnother);
        assert_eq!(nonces.note(nonce(2), now), Noted::Seen);
        assert_eq!(nonces.note(nonce(0), now), Noted::NewButForgotAnother);
        let seen = nonces.seen.lock().unwrap();
        assert_eq!((seen.set.len(), seen.order.len()), (2, 2));
    }

    #[test]
    fn of_many_at_once_one_is_new() {
        let nonces = Nonces::new(Duration::from_secs(60), 10);
        let now = Instant::now();
        let new = std::thread::scope(|scope| {
            let note = || scope.spawn(|| nonces.note(nonce(1), now));
            let threads: Vec<_> = (0..8).map(|_| note()).collect();
            threads
                .into_iter()
                .filter(|_| true)
                .map(|thread| thread.join().unwrap())
                .filter(|n| *n == Noted::New)
                .count()
        });
        assert_eq!(new, 1);
    }
}
