//! [`Known`]: what everybody has used up, without end to who comes by, but with one to the memory that they take.

use std::sync::atomic::{AtomicUsize, Ordering};

use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::{DashMapStateStore, ShrinkableKeyedStateStore};

/// Stands for those who come when there is no room any more. No key is known to be it: keys are hashes of a secret.
const NEWCOMERS: u128 = 0;

/// A count for each key, up to a number of keys. Others share one, so that whoever makes up keys neither fills the memory
/// nor calls as often as they like.
#[derive(Debug)]
pub(super) struct Known {
    counts: DashMapStateStore<u128>,
    /// How many there are, or somewhat more: counting them anew would lock all of the map.
    len: AtomicUsize,
    capacity: usize,
}

impl Known {
    pub(super) fn new(capacity: usize) -> Self {
        Self { counts: DashMapStateStore::default(), len: AtomicUsize::new(0), capacity }
    }

    /// The key by which somebody is counted.
    fn admit(&self, key: u128) -> u128 {
        if self.counts.contains_key(&key) {
            return key;
        }
        if self.len() >= self.capacity {
            return NEWCOMERS;
        }
        self.len.fetch_add(1, Ordering::Relaxed);
        key
    }
}

impl StateStore for Known {
    type Key = u128;

    fn measure_and_replace<T, F, E>(&self, key: &u128, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.counts.measure_and_replace(&self.admit(*key), measure)
    }
}

impl ShrinkableKeyedStateStore<u128> for Known {
    fn retain_recent(&self, drop_below: Nanos) {
        self.counts.retain_recent(drop_below);
        self.len.store(self.counts.len(), Ordering::Relaxed);
    }

    fn shrink_to_fit(&self) {
        self.counts.shrink_to_fit();
    }

    fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
