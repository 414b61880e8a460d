//! [`SharedStorage`]: a storage whose kind is not part of its type.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::object::{Object, ObjectId};
use super::storage::Storage;
use crate::BoxError;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send + 'a>>;

/// Any storage.
#[derive(Clone)]
pub(crate) struct SharedStorage(Arc<dyn ErasedStorage>);

trait ErasedStorage: Send + Sync {
    fn put<'a>(&'a self, id: &'a ObjectId, object: Object) -> BoxFuture<'a, String>;

    fn delete<'a>(&'a self, id: &'a ObjectId) -> BoxFuture<'a, ()>;
}

impl<S: Storage> ErasedStorage for S {
    fn put<'a>(&'a self, id: &'a ObjectId, object: Object) -> BoxFuture<'a, String> {
        Box::pin(Storage::put(self, id, object))
    }

    fn delete<'a>(&'a self, id: &'a ObjectId) -> BoxFuture<'a, ()> {
        Box::pin(Storage::delete(self, id))
    }
}

impl SharedStorage {
    pub(crate) fn new(storage: impl Storage) -> Self {
        Self(Arc::new(storage))
    }
}

impl Storage for SharedStorage {
    async fn put(&self, id: &ObjectId, object: Object) -> Result<String, BoxError> {
        self.0.put(id, object).await
    }

    async fn delete(&self, id: &ObjectId) -> Result<(), BoxError> {
        self.0.delete(id).await
    }
}

impl fmt::Debug for SharedStorage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SharedStorage")
    }
}
