//! How many objects may be alive at the same time, in all and of one owner.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use super::error::exhausted;
use super::owner::Owner;
use super::{SHARDS, lock};
use crate::RpcError;

/// The places, taken and free.
pub(super) struct Places {
    max: usize,
    max_per_owner: Option<usize>,
    taken: AtomicUsize,
    /// Counted where there is a limit.
    by_owner: [Mutex<HashMap<Owner, usize>>; SHARDS],
    hasher: RandomState,
    emptied: Notify,
}

impl Places {
    pub(super) fn new(max: usize, max_per_owner: Option<usize>) -> Self {
        Self {
            max,
            max_per_owner,
            taken: AtomicUsize::new(0),
            by_owner: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
            emptied: Notify::new(),
        }
    }

    /// Takes a place.
    ///
    /// # Errors
    ///
    /// When there is none, or the owner has all that one may have.
    pub(super) fn take(self: &Arc<Self>, owner: &Owner) -> Result<Place, RpcError> {
        // What has been taken is given back by the place's drop, also where the next step fails.
        let taken = self.taken.fetch_add(1, Ordering::SeqCst);
        let mut place = Place { places: self.clone(), owner: None };
        if taken >= self.max {
            return Err(exhausted(
                "sessions",
                format!("this server holds {} sessions, which is its limit; try again later", self.max),
            ));
        }
        if let Some(max) = self.max_per_owner {
            let mut counts = lock(self.counts(owner));
            let count = counts.get(owner).copied().unwrap_or_default();
            if count >= max {
                return Err(exhausted(
                    "sessions of one caller",
                    format!("{owner} may hold {max} sessions at the same time and do; close one first"),
                ));
            }
            counts.insert(owner.clone(), count + 1);
            place.owner = Some(owner.clone());
        }
        Ok(place)
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
    }

    /// Until none is taken.
    pub(super) async fn emptied(&self) {
        loop {
            let mut emptied = pin!(self.emptied.notified());
            // From now on a notification counts, so that none is missed between the look and the wait.
            emptied.as_mut().enable();
            if self.taken() == 0 {
                return;
            }
            emptied.await;
        }
    }

    fn counts(&self, owner: &Owner) -> &Mutex<HashMap<Owner, usize>> {
        &self.by_owner[self.hasher.hash_one(owner) as usize % SHARDS]
    }
}

/// A place, taken until this is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    owner: Option<Owner>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(owner) = self.owner.take() {
            let mut counts = lock(self.places.counts(&owner));
            if let Some(count) = counts.get_mut(&owner) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&owner);
                }
            }
        }
        if self.places.taken.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.places.emptied.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AuthContext, ErrorCode};

    fn owner(name: &str) -> Owner {
        Owner::of(&AuthContext::authenticated("test", name))
    }

    #[test]
    fn places_are_limited_in_all_and_for_one_owner_and_come_back() {
        let places = Arc::new(Places::new(3, Some(2)));
        let first = places.take(&owner("a")).ok().unwrap();
        let _second = places.take(&owner("a")).ok().unwrap();
        let error = places.take(&owner("a")).err().unwrap();
        assert_eq!(error.code(), ErrorCode::ResourceExhausted);
        assert!(error.message().contains("'a' may hold 2 sessions"), "{error}");
        let _third = places.take(&owner("b")).ok().unwrap();
        let error = places.take(&owner("b")).err().unwrap();
        assert!(error.message().contains("holds 3 sessions"), "{error}");
        assert_eq!(places.taken(), 3);
        drop(first);
        assert!(places.take(&owner("a")).is_ok());
    }

    #[test]
    fn nothing_is_kept_of_owners_without_a_place() {
        let places = Arc::new(Places::new(10, Some(1)));
        drop(places.take(&owner("a")));
        assert!(places.by_owner.iter().all(|counts| lock(counts).is_empty()));
        assert_eq!(places.taken(), 0);
        let none = Arc::new(Places::new(10, Some(0)));
        assert!(none.take(&owner("a")).is_err());
        assert!(none.by_owner.iter().all(|counts| lock(counts).is_empty()));
        assert_eq!(none.taken(), 0);
    }
}
