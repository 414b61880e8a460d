//! [`Publisher`]: batches into a storage.

use std::fmt;
use std::sync::Arc;

use arrow_array::{Array as _, RecordBatch};
use bytes::Bytes;
use ring::digest::{Context, SHA256};

use super::compression::Compression;
use super::object::{Object, ObjectId};
use super::storage::Storage;
use crate::reference::Reference;
use crate::wire::{Frames, Metadata, StreamEncoder, WireSchema};
use crate::{BoxError, ErrorCode, RpcError};

/// What is hashed at once without a thread of its own: a fraction of a millisecond's work.
const HASHED_HERE: usize = 256 * 1024;

/// Puts batches into a storage, and says where they are. Clones share the storage.
///
/// A method whose answer is the same for many callers publishes it once, and returns
/// [the reference](crate::ByReference) from then on.
pub struct Publisher<S> {
    storage: Arc<S>,
    compression: Option<Compression>,
}

/// What has been put into a storage.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Published {
    /// What leads to it.
    pub reference: Reference,
    /// What it was put under.
    pub id: ObjectId,
    /// How many bytes of Arrow it holds, before compression.
    pub bytes: u64,
}

impl<S: Storage> Publisher<S> {
    /// Puts batches into a storage as they are.
    pub fn new(storage: S) -> Self {
        Self { storage: Arc::new(storage), compression: None }
    }

    /// Compresses what is put. Default: not.
    #[must_use]
    pub fn compression(mut self, compression: impl Into<Option<Compression>>) -> Self {
        self.compression = compression.into();
        self
    }

    /// The storage.
    pub fn storage(&self) -> &Arc<S> {
        &self.storage
    }

    /// Removes objects of which nobody was told, in the background. Without a runtime they stay until the store's own term
    /// for them has passed.
    pub fn remove_later(&self, ids: Vec<ObjectId>) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let storage = self.storage.clone();
        runtime.spawn(async move {
            for id in ids {
                // Nobody is there to be told.
                let _ = storage.delete(&id).await;
            }
        });
    }

    /// Puts a unary method's result: one row on its result schema.
    ///
    /// # Errors
    ///
    /// When there is not exactly one row, or it cannot be put.
    pub async fn publish(&self, result: &RecordBatch) -> Result<Reference, RpcError> {
        if result.num_rows() != 1 {
            return Err(RpcError::value_error(format!("a result has 1 row, not {}", result.num_rows())));
        }
        let encoding =
            |error: crate::wire::WireError| RpcError::value_error(format!("the batch cannot be encoded: {error}"));
        let mut frames = Frames::new();
        let mut encoder = StreamEncoder::new(WireSchema::new(result.schema()).map_err(encoding)?);
        encoder.write_schema(&mut frames);
        encoder.write_batch(result, &Metadata::new(), &mut frames).map_err(encoding)?;
        encoder.write_end(&mut frames);
        Ok(self.publish_stream(ObjectId::random()?, frames).await?.reference)
    }

    /// Puts a whole Arrow IPC stream.
    ///
    /// When this fails or is dropped half-way, what there is of the object is removed.
    ///
    /// # Errors
    ///
    /// When it cannot be put.
    pub async fn publish_stream(&self, id: ObjectId, frames: Frames) -> Result<Published, RpcError> {
        let bytes = frames.len() as u64;
        let half_done = Unfinished { publisher: self, id, finished: false };
        // Hashing takes as long as sending, so that both go on at the same time.
        let (digest, put) = futures_util::future::join(
            sha256(frames.clone().into_vec(), frames.len()),
            self.storage.put(&id, Object::new(frames, self.compression)),
        )
        .await;
        let url = put.map_err(|error| not_put(&error))?;
        let reference = Reference::new(url)?.with_sha256(digest?);
        half_done.finish();
        Ok(Published { reference, id, bytes })
    }
}

/// Removes what was put half-way.
struct Unfinished<'a, S: Storage> {
    publisher: &'a Publisher<S>,
    id: ObjectId,
    finished: bool,
}

impl<S: Storage> Unfinished<'_, S> {
    fn finish(mut self) {
        self.finished = true;
    }
}

impl<S: Storage> Drop for Unfinished<'_, S> {
    fn drop(&mut self) {
        if !self.finished {
            self.publisher.remove_later(vec![self.id]);
        }
    }
}

pub(crate) async fn sha256(pieces: Vec<Bytes>, length: usize) -> Result<[u8; 32], RpcError> {
    if length <= HASHED_HERE {
        return Ok(digest_of(&pieces));
    }
    let hashing = tokio::task::spawn_blocking(move || digest_of(&pieces));
    hashing.await.map_err(|_| RpcError::runtime_error("the server is shutting down"))
}

fn digest_of(pieces: &[Bytes]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    pieces.iter().for_each(|piece| context.update(piece));
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

fn not_put(error: &BoxError) -> RpcError {
    match error.downcast_ref::<RpcError>() {
        Some(error) => error.clone(),
        None => RpcError::runtime_error(format!("the batch could not be put into the external storage: {error}"))
            .with_code(ErrorCode::Unavailable),
    }
}

/// How much of a batch's memory its rows take, which is about what they take encoded.
pub fn batch_size(batch: &RecordBatch) -> u64 {
    let sizes = batch.columns().iter().map(|column| {
        // Of a slice, only what it shows counts.
        column.to_data().get_slice_memory_size().unwrap_or_else(|_| column.get_buffer_memory_size()) as u64
    });
    sizes.sum()
}

impl<S> Clone for Publisher<S> {
    fn clone(&self) -> Self {
        Self { storage: self.storage.clone(), compression: self.compression }
    }
}

impl<S> fmt::Debug for Publisher<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Publisher").field("compression", &self.compression).finish_non_exhaustive()
    }
}
