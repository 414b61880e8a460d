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
        // Made without the lock, which whoever makes it may need. Of several first calls one counts.
        let made = Arc::new(make(method));
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.entry(address).or_insert_with(|| (method.clone(), made)).1.clone()
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

#[cfg(test)]
mod tests {
    use tower_vgi::rpc::{Method, Protocol};

    use super::*;

    #[test]
    fn of_first_calls_at_the_same_time_one_counts() {
        let protocol = Protocol::new("Calc").method(Method::unary("add").handler(|_, _| async { Ok(()) }));
        let method = Arc::new(CalledMethod::of(&protocol, "add").unwrap());
        let made = PerMethod::default();
        let mut first = None;
        // Another call comes while this one makes something.
        let second = made.of(&method, |_| {
            first = Some(made.of(&method, |_| "first"));
            "second"
        });
        assert!(Arc::ptr_eq(&first.unwrap(), &second));
        assert_eq!(*made.of(&method, |_| "third"), "first");
    }
}
