//! Removing what has been kept long enough, by whoever uses the storage.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tower_vgi::BoxError;

use super::LocalStorage;
use super::leftovers;

/// What time is counted from.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// When the storage was last swept.
#[derive(Debug, Default)]
pub(super) struct Sweeping {
    /// Milliseconds, so that nothing is locked with every object.
    next: AtomicU64,
}

impl Sweeping {
    /// Whether it is time to sweep; true for one of all who ask.
    fn is_due(&self, interval: Duration) -> bool {
        let now = u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX);
        let next = self.next.load(Ordering::Relaxed);
        let after = now.saturating_add(u64::try_from(interval.as_millis()).unwrap_or(u64::MAX));
        now >= next && self.next.compare_exchange(next, after, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

impl LocalStorage {
    /// Removes objects that are older than [they are to get](Self::object_lifetime), and what is left of uploads whose
    /// server has ended; gives how many files there were. It is done now and then while the storage is used.
    ///
    /// # Errors
    ///
    /// The first that there is; what could be removed is removed.
    pub async fn sweep(&self) -> Result<u64, BoxError> {
        let objects = self.objects.sweep().await;
        let (Some(directory), Some(lifetime)) = (&self.directory, self.objects.settings.object_lifetime) else {
            return objects;
        };
        let directory = directory.clone();
        let leftovers = tokio::task::spawn_blocking(move || leftovers::remove(&directory, lifetime)).await?;
        Ok(objects? + leftovers?)
    }

    /// Sweeps in the background, about ten times within the lifetime of an object.
    pub(super) fn sweep_if_due(&self) {
        let lifetime = self.objects.settings.object_lifetime.unwrap_or(Duration::MAX);
        if self.sweeping.is_due(lifetime / 10) {
            let storage = self.clone();
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                // Nobody is there to be told; the next round tries again.
                runtime.spawn(async move { _ = storage.sweep().await });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_many_sweeps_in_each_round() {
        let sweeping = Sweeping::default();
        assert!(sweeping.is_due(Duration::from_secs(3600)));
        assert!(!sweeping.is_due(Duration::from_secs(3600)));
        let sweeping = Sweeping::default();
        assert!(sweeping.is_due(Duration::ZERO) && sweeping.is_due(Duration::MAX) && !sweeping.is_due(Duration::ZERO));
    }
}
