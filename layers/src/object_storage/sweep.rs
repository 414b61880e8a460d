//! Deleting what has been kept long enough.

use std::time::Duration;

use chrono::Utc;
use futures_util::stream::StreamExt as _;
use object_store::{ObjectStore as _, ObjectStoreExt as _};
use tower_vgi::BoxError;

use super::ObjectStorage;

impl ObjectStorage {
    /// Deletes what is older than the [lifetime of objects](Self::object_lifetime), below the prefix; gives how many there
    /// were. Without a lifetime nothing is deleted.
    ///
    /// # Errors
    ///
    /// The first that the store gives; what could be deleted is deleted.
    pub async fn sweep(&self) -> Result<u64, BoxError> {
        let Some(lifetime) = self.settings.object_lifetime else { return Ok(0) };
        let Some(oldest) =
            chrono::TimeDelta::from_std(lifetime).ok().and_then(|age| Utc::now().checked_sub_signed(age))
        else {
            return Ok(0);
        };
        let store = &self.settings.store;
        let (mut deleted, mut failed) = (0, None);
        let mut objects = store.list(Some(&self.settings.prefix));
        while let Some(object) = objects.next().await {
            let outcome = match object {
                Ok(object) if object.last_modified < oldest => store.delete(&object.location).await,
                Ok(_) => continue,
                Err(error) => Err(error),
            };
            match outcome {
                Ok(()) => deleted += 1,
                // Somebody else sweeps as well.
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match failed {
            Some(error) => Err(error.into()),
            None => Ok(deleted),
        }
    }

    /// Sweeps now and then, for as long as it is polled: give it to a task of its own. What goes wrong is tried again with
    /// the next round.
    pub async fn sweep_every(&self, interval: Duration) {
        loop {
            let _ = self.sweep().await;
            tokio::time::sleep(interval).await;
        }
    }
}
