//! What observers make once for each method.

use std::fmt;
use std::sync::{Arc, OnceLock};

use tower_vgi::call_record::CalledMethod;

/// How many methods are found at once.
const SLOTS: usize = 1 << SLOT_BITS;
const SLOT_BITS: u32 = 6;

/// Things that were made for the methods that were called so far. Clones are the same.
///
/// Nothing is removed, so that whoever looks for something locks and counts nothing: cores that do so all the time would
/// wait for each other.
pub(crate) struct PerMethod<T>(Arc<[Slot<T>; SLOTS]>);

type Slot<T> = OnceLock<Box<Made<T>>>;

/// The method is kept, so that no other can have its address.
struct Made<T> {
    method: Arc<CalledMethod>,
    made: T,
    next: Slot<T>,
}

impl<T> PerMethod<T> {
    pub(crate) fn of(&self, method: &Arc<CalledMethod>, make: impl FnOnce(&CalledMethod) -> T) -> &T {
        let mut end = match find(&self.0[place(method)], method) {
            Ok(made) => return made,
            Err(end) => end,
        };
        // Made before there is a place for it: whoever makes it may come here again. Of several first calls one counts.
        let mut own = Some(Box::new(Made { made: make(method), method: method.clone(), next: Slot::new() }));
        loop {
            own = own.and_then(|own| end.set(own).err());
            match find(end, method) {
                Ok(made) => return made,
                Err(next) => end = next,
            }
        }
    }

    /// Looks at all that were made so far.
    #[cfg(feature = "otel")]
    pub(crate) fn for_each(&self, mut look: impl FnMut(&T)) {
        self.all().for_each(|there| look(&there.made));
    }

    #[cfg(any(test, feature = "otel"))]
    fn all(&self) -> impl Iterator<Item = &Made<T>> {
        self.0.iter().flat_map(|slot| std::iter::successors(slot.get(), |there| there.next.get())).map(|there| &**there)
    }
}

/// What was made for the method, or where its place would be.
fn find<'a, T>(mut slot: &'a Slot<T>, method: &Arc<CalledMethod>) -> Result<&'a T, &'a Slot<T>> {
    while let Some(there) = slot.get() {
        if Arc::ptr_eq(&there.method, method) {
            return Ok(&there.made);
        }
        slot = &there.next;
    }
    Err(slot)
}

/// Spreads addresses, which nobody chooses.
fn place(method: &Arc<CalledMethod>) -> usize {
    // An odd number near 2^64 divided by the golden ratio. The high bits of a product depend on most others.
    let product = (Arc::as_ptr(method) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (product >> (u64::BITS - SLOT_BITS)) as usize
}

impl<T> Clone for PerMethod<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for PerMethod<T> {
    fn default() -> Self {
        Self(Arc::new(std::array::from_fn(|_| Slot::new())))
    }
}

impl<T> fmt::Debug for PerMethod<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PerMethod")
    }
}

#[cfg(test)]
mod tests {
    use tower_vgi::rpc::{Method, Protocol};

    use super::*;

    fn method() -> Arc<CalledMethod> {
        let protocol = Protocol::new("Calc").method(Method::unary("add").handler(|_, _| async { Ok(()) }));
        Arc::new(CalledMethod::of(&protocol, "add").unwrap())
    }

    #[test]
    fn of_first_calls_at_the_same_time_one_counts() {
        let method = method();
        let made = PerMethod::default();
        let mut first = None;
        // Another call comes while this one makes something.
        let second = made.of(&method, |_| {
            first = Some(made.of(&method, |_| "first"));
            "second"
        });
        assert_eq!((first, *second), (Some(&"first"), "first"));
        assert_eq!(*made.of(&method, |_| "third"), "first");
    }

    #[test]
    fn each_of_many_methods_has_its_own() {
        let methods: Vec<_> = (0..5 * SLOTS).map(|_| method()).collect();
        let made = PerMethod::default();
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for method in &methods {
                        assert_eq!(
                            *made.of(method, |method| std::ptr::from_ref(method) as usize),
                            Arc::as_ptr(method) as usize
                        );
                    }
                });
            }
        });
        assert_eq!(made.all().count(), methods.len());
    }
}
