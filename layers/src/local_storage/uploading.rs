//! Which objects are being put.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// One upload at a time for each URL: many at once would each take as much of the disk as the URL allows.
#[derive(Clone, Debug, Default)]
pub(super) struct Uploading(Arc<Mutex<HashSet<String>>>);

impl Uploading {
    /// Until what is returned is dropped, nobody else begins with this key.
    pub(super) fn begin(&self, key: &str) -> Option<Alone> {
        let key = key.to_owned();
        let begun = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        begun.then(|| Alone { uploading: self.clone(), key })
    }
}

/// The only upload of an object.
pub(super) struct Alone {
    uploading: Uploading,
    key: String,
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.uploading.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_begins() {
        let uploading = Uploading::default();
        let first = uploading.begin("a");
        assert!(first.is_some() && uploading.begin("a").is_none() && uploading.begin("b").is_some());
        drop(first);
        assert!(uploading.begin("a").is_some());
        assert!(uploading.0.lock().unwrap().is_empty());
    }
}
