//! What observers make once for each method.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, PoisonError, RwLock};

use tower_vgi::call_record::CalledMethod;

/// Things that were made for the methods that were called so far. Clones are the same.
pub(crate) struct PerMethod<T>(Arc<RwLock<Addresses<T>>>);

type Addresses<T> = HashMap<usize, Made<T>, BuildHasherDefault<AddressHasher>>;

/// The method is kept, so that no other can have its address.
type Made<T> = (Arc<CalledMethod>, Arc<T>);

impl<T> PerMethod<T> {
    pub(crate) fn of(&self, method: &Arc<CalledMethod>, make: impl FnOnce(&CalledMethod) -> T) -> Arc<T> {
        let address = Arc::as_ptr(method) as usize;
        if let Some((_, made)) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&address) {
            return made.clone();
        }
        let made = Arc::new(make(method));
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(address, (method.clone(), made.clone()));
        made
    }

    /// Looks at all that were made so far.
    #[cfg(feature = "otel")]
    pub(crate) fn for_each(&self, mut look: impl FnMut(&T)) {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().for_each(|(_, made)| look(made));
    }
}

impl<T> Clone for PerMethod<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for PerMethod<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> fmt::Debug for PerMethod<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PerMethod")
    }
}

/// Spreads addresses, which nobody chooses.
#[derive(Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_usize((*byte).into()));
    }

    fn write_usize(&mut self, address: usize) {
        // An odd number near 2^64 divided by the golden ratio.
        self.0 = (self.0 ^ address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        // The low bits choose the place, and those of a product depend on fewer bits than the high ones do.
        self.0.rotate_left(32)
    }
}
