//! Where batches are kept: the storage of the suites, or this server's own.

use std::sync::Arc;

use tower_vgi::BoxError;
use tower_vgi::external::{Object, ObjectId, Storage, UploadUrl, UploadUrls};
use tower_vgi_layers::local_storage::LocalStorage;

use crate::fake_storage::FakeStorage;

/// One of the two.
#[derive(Clone)]
pub(crate) enum WorkerStorage {
    Fake(Arc<FakeStorage>),
    Local(LocalStorage),
}

impl Storage for WorkerStorage {
    async fn put(&self, id: &ObjectId, object: Object) -> Result<String, BoxError> {
        match self {
            Self::Fake(storage) => storage.put(id, object).await,
            Self::Local(storage) => storage.put(id, object).await,
        }
    }

    async fn delete(&self, id: &ObjectId) -> Result<(), BoxError> {
        match self {
            Self::Fake(storage) => storage.delete(id).await,
            Self::Local(storage) => storage.delete(id).await,
        }
    }
}

impl UploadUrls for WorkerStorage {
    async fn upload_url(&self) -> Result<UploadUrl, BoxError> {
        match self {
            Self::Fake(storage) => storage.upload_url().await,
            Self::Local(storage) => storage.upload_url().await,
        }
    }
}
