//! What observers make once for each method.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use tower_vgi::call_record::CalledMethod;

/// Things that were made for the methods that were called so far. Clones are the same.
pub(crate) struct PerMethod<T>(Arc<RwLock<HashMap<usize, Made<T>>>>);

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
