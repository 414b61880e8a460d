//! [`Flights`]: questions that are under way, so that nobody asks the same again meanwhile.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync;

use super::super::{IdentityError, TokenIdentity};
use super::TokenHash;

type Answer = Option<Result<TokenIdentity, IdentityError>>;

#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<TokenHash, UnderWay>>);

#[derive(Default)]
struct UnderWay {
    answer: Arc<sync::Mutex<Answer>>,
    /// How many ask or wait. It changes under the lock of all flights only, unlike the number of references to the answer.
    askers: usize,
}

impl Flights {
    /// Joins those who ask, or begins.
    pub(super) fn join(&self, hash: TokenHash) -> Flight<'_> {
        let mut flights = self.lock();
        let under_way = flights.entry(hash).or_default();
        under_way.askers += 1;
        let answer = under_way.answer.clone();
        drop(flights);
        Flight { flights: self, hash, answer }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TokenHash, UnderWay>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }
}

/// One who asks or waits. The last one who goes takes the question away.
pub(super) struct Flight<'a> {
    flights: &'a Flights,
    hash: TokenHash,
    answer: Arc<sync::Mutex<Answer>>,
}

impl Flight<'_> {
    /// Waits for the answer; or, where there is none yet, for one's turn to ask.
    pub(super) async fn wait(&self) -> sync::MutexGuard<'_, Answer> {
        self.answer.lock().await
    }

    /// There is an answer: those who come from now on ask anew, those who wait share this one.
    pub(super) fn land(&self) {
        self.leave(|_| true);
    }

    /// Takes the question away if `is_over` says so, unless it is another one by now.
    fn leave(&self, is_over: impl FnOnce(&mut UnderWay) -> bool) {
        if let Entry::Occupied(mut entry) = self.flights.lock().entry(self.hash)
            && Arc::ptr_eq(&entry.get().answer, &self.answer)
            && is_over(entry.get_mut())
        {
            entry.remove();
        }
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.leave(|under_way| {
            under_way.askers -= 1;
            under_way.askers == 0
        });
    }
}
