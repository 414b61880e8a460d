//! [`Storage`] and [`UploadUrls`]: what a store has to do.

use std::future::Future;
use std::sync::Arc;

use super::UploadUrl;
use super::object::{Object, ObjectId};
use crate::BoxError;

/// Keeps objects, and says where they can be read.
///
/// Nobody deletes an object that callers may still read: a store does that by itself, some time after the URLs have
/// expired. [`delete`](Self::delete) is for objects of which nobody was told.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Mutex;
///
/// use bytes::Bytes;
/// use tower_vgi::BoxError;
/// use tower_vgi::external::{Object, ObjectId, Storage};
///
/// /// Objects in this process, which something else serves.
/// #[derive(Default)]
/// struct Kept(Mutex<HashMap<String, Bytes>>);
///
/// impl Storage for Kept {
///     async fn put(&self, id: &ObjectId, object: Object) -> Result<String, BoxError> {
///         let bytes = object.into_bytes().await?;
///         self.0.lock().unwrap().insert(id.to_string(), bytes);
///         Ok(format!("https://kept.example/{id}"))
///     }
///
///     async fn delete(&self, id: &ObjectId) -> Result<(), BoxError> {
///         self.0.lock().unwrap().remove(&id.to_string());
///         Ok(())
///     }
/// }
/// # let _ = Kept::default();
/// ```
pub trait Storage: Send + Sync + 'static {
    /// Puts an object under a new id; gives the URL at which it can be read from now on.
    ///
    /// When this fails or is dropped half-way, [`delete`](Self::delete) is called for the id.
    ///
    /// # Errors
    ///
    /// Why it cannot be put. Callers see the text: leave out what gives access.
    fn put(&self, id: &ObjectId, object: Object) -> impl Future<Output = Result<String, BoxError>> + Send;

    /// Removes an object, or what there is of it. One that is not there is no error.
    ///
    /// # Errors
    ///
    /// Why it cannot be removed.
    fn delete(&self, id: &ObjectId) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// Gives out URLs at which callers can put what they want to send.
pub trait UploadUrls: Send + Sync + 'static {
    /// A pair of URLs for a new object: one for a single `PUT`, one for reading.
    ///
    /// # Errors
    ///
    /// Why there is none. Callers see the text: leave out what gives access.
    fn upload_url(&self) -> impl Future<Output = Result<UploadUrl, BoxError>> + Send;
}

impl<S: Storage> Storage for Arc<S> {
    fn put(&self, id: &ObjectId, object: Object) -> impl Future<Output = Result<String, BoxError>> + Send {
        S::put(self, id, object)
    }

    fn delete(&self, id: &ObjectId) -> impl Future<Output = Result<(), BoxError>> + Send {
        S::delete(self, id)
    }
}

impl<U: UploadUrls> UploadUrls for Arc<U> {
    fn upload_url(&self) -> impl Future<Output = Result<UploadUrl, BoxError>> + Send {
        U::upload_url(self)
    }
}
