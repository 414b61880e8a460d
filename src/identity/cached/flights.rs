//! [`Flights`]: questions that are under way, so that nobody asks the same again meanwhile.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync;

use super::super::{IdentityError, TokenIdentity};
use super::TokenHash;

type Answer = Option<Result<TokenIdentity, IdentityError>>;

type UnderWay = HashMap<TokenHash, Arc<sync::Mutex<Answer>>>;

#[derive(Default)]
pub(super) struct Flights(Mutex<UnderWay>);

impl Flights {
    /// Joins those who ask, or begins.
    pub(super) fn join(&self, hash: TokenHash) -> Flight<'_> {
        let answer = self.lock().entry(hash).or_default().clone();
        Flight { flights: self, hash, answer }
    }

    fn lock(&self) -> MutexGuard<'_, UnderWay> {
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
        let mut under_way = self.flights.lock();
        if under_way.get(&self.hash).is_some_and(|answer| Arc::ptr_eq(answer, &self.answer)) {
            under_way.remove(&self.hash);
        }
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut under_way = self.flights.lock();
        // Nobody joins while the lock is held: these two are the map's and this one.
        let is_last = Arc::strong_count(&self.answer) == 2;
        if is_last && under_way.get(&self.hash).is_some_and(|answer| Arc::ptr_eq(answer, &self.answer)) {
            under_way.remove(&self.hash);
        }
    }
}
