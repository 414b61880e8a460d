//! Batches that are kept elsewhere: fetching those that a server points to, uploading those that it would not take.

use std::fmt;
#[cfg(feature = "external")]
use std::pin::Pin;

#[cfg(feature = "external")]
use bytes::Bytes;

use super::builder::OnLog;
#[cfg(feature = "external")]
use super::channel::Channel;
#[cfg(feature = "external")]
use super::outgoing::{Outgoing, encode};
#[cfg(feature = "external")]
use super::service::HttpService;
#[cfg(feature = "external")]
use crate::external::{Fetcher, Object, ObjectId, Publisher, Reading, SharedStorage, sha256};
use crate::wire::AnnotatedBatch;
#[cfg(feature = "external")]
use crate::wire::{Frames, keys};
#[cfg(feature = "external")]
use crate::{Reference, upload_url::UploadUrl};
use crate::{Result, RpcError};

/// What a channel does about batches that are kept elsewhere: nothing, unless it is told.
#[derive(Clone, Default)]
pub(crate) struct External {
    #[cfg(feature = "external")]
    pub(crate) fetcher: Option<Fetcher>,
    #[cfg(feature = "external")]
    pub(crate) uploads: Option<Publisher<SharedStorage>>,
    /// Nulls are taken where the schema has none.
    #[cfg(feature = "external")]
    pub(crate) allow_nulls: bool,
}

impl External {
    /// Whether pointers are followed.
    #[cfg(feature = "external")]
    pub(crate) fn fetches(&self) -> bool {
        self.fetcher.is_some()
    }

    #[cfg(not(feature = "external"))]
    pub(crate) fn fetches(&self) -> bool {
        false
    }

    /// What a pointer stands for; the pointer itself where nothing is there to fetch it. Logs are handed over.
    #[cfg(feature = "external")]
    pub(crate) async fn resolve(
        &self,
        pointer: AnnotatedBatch,
        on_log: Option<&OnLog>,
    ) -> Result<AnnotatedBatch, RpcError> {
        let (Some(fetcher), Some(reference)) = (&self.fetcher, Reference::of(&pointer)?) else { return Ok(pointer) };
        let reading = Reading { allow_nulls: self.allow_nulls, memory: None };
        let found = fetcher.find(&reference, &pointer.batch.schema(), reading).await?;
        if let Some(on_log) = on_log {
            found.logs.iter().for_each(|log| on_log(log));
        }
        let mut batch = found.batch?;
        // The place in a streamed response is known only to whoever writes it, and stands on the pointer.
        for key in [keys::STREAM_STATE, keys::CALL_STATE] {
            if let Some(token) = pointer.metadata.get(key) {
                batch.metadata.insert(key, token);
            }
        }
        Ok(batch)
    }

    #[cfg(not(feature = "external"))]
    pub(crate) async fn resolve(
        &self,
        pointer: AnnotatedBatch,
        _on_log: Option<&OnLog>,
    ) -> Result<AnnotatedBatch, RpcError> {
        Ok(pointer)
    }
}

/// A request whose batch is elsewhere, until it has been answered.
#[cfg(feature = "external")]
pub(crate) struct Uploaded {
    /// In the client's own storage, where it is of no use once the server has read it.
    own: Option<(Publisher<SharedStorage>, ObjectId)>,
}

#[cfg(feature = "external")]
impl Drop for Uploaded {
    fn drop(&mut self) {
        if let Some((publisher, id)) = self.own.take() {
            publisher.remove_later(vec![id]);
        }
    }
}

#[cfg(feature = "external")]
impl<S: HttpService> Channel<S> {
    /// Uploads a request that is known to be too large, and makes it one that points to it.
    pub(crate) async fn upload_large(&self, outgoing: &mut Outgoing) -> Result<Option<Uploaded>, RpcError> {
        let known = super::channel::lock(&self.shared.capabilities).clone();
        let length = outgoing.body.iter().map(Bytes::len).sum::<usize>() as u64;
        match known.and_then(|known| known.max_request_bytes) {
            Some(max) if length > max => self.upload(outgoing).await,
            _ => Ok(None),
        }
    }

    /// Uploads a request, if there is anywhere to upload it to.
    pub(crate) async fn upload(&self, outgoing: &mut Outgoing) -> Result<Option<Uploaded>, RpcError> {
        let external = &self.shared.settings.external;
        let Some(fetcher) = external.fetcher.as_ref().filter(|_| outgoing.envelope.is_some()) else { return Ok(None) };
        let mut own = None;
        let reference = if let Some(publisher) = &external.uploads {
            let published = publisher.publish_stream(ObjectId::random()?, frames(&outgoing.body)).await?;
            own = Some((publisher.clone(), published.id));
            published.reference
        } else if self.capabilities().await?.upload_url_support {
            let [url] = self.upload_url().await?;
            let frames = frames(&outgoing.body);
            let digest = sha256(outgoing.body.clone(), frames.len()).await?;
            fetcher.put(&url.upload_url, Object::new(frames, None)).await?;
            Reference::new(url.download_url)?.with_sha256(digest)
        } else {
            return Ok(None);
        };
        let Some((schema, mut metadata)) = outgoing.envelope.take() else { return Ok(None) };
        reference.write_to(&mut metadata);
        let empty = arrow_array::RecordBatch::new_empty(schema.schema().clone());
        outgoing.body = encode(schema, &empty, &metadata)?.into_vec();
        Ok(Some(Uploaded { own }))
    }

    /// In a box, since asking for a URL is a request like the one that it is for.
    fn upload_url(&self) -> Pin<Box<dyn Future<Output = Result<[UploadUrl; 1], RpcError>> + Send + '_>> {
        Box::pin(async move {
            let urls = super::upload::request_upload_urls(self, 1).await?;
            urls.try_into().map_err(|urls: Vec<_>| {
                RpcError::new("HttpError", format!("the server gave {} URLs for an upload in place of 1", urls.len()))
            })
        })
    }
}

#[cfg(feature = "external")]
fn frames(pieces: &[Bytes]) -> Frames {
    pieces.iter().fold(Frames::new(), |mut frames, piece| {
        frames.push_bytes(piece.clone());
        frames
    })
}

impl fmt::Debug for External {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("External").field("fetches", &self.fetches()).finish()
    }
}
