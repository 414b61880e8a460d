//! Objects into a store: whole, or in parts.

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, MultipartUpload, ObjectStore as _, PutMultipartOptions, PutOptions, PutPayload,
};
use tower_vgi::BoxError;
use tower_vgi::external::Object;

use super::storage::Settings;

pub(super) async fn put(settings: &Settings, path: &Path, object: Object) -> Result<(), BoxError> {
    let mut attributes = Attributes::new();
    attributes.insert(Attribute::ContentType, object.content_type().into());
    if let Some(coding) = object.content_encoding() {
        attributes.insert(Attribute::ContentEncoding, coding.into());
    }
    let mut parts = Parts { object, rest: Bytes::new(), size: settings.part_bytes };
    let Some(first) = parts.next().await? else { return Err("there is nothing to put".into()) };
    let Some(second) = parts.next().await? else {
        let options = PutOptions { attributes, ..PutOptions::default() };
        settings.store.put_opts(path, first, options).await?;
        return Ok(());
    };
    let options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
    let mut upload = Upload(Some(settings.store.put_multipart_opts(path, options).await?));
    let mut sending = FuturesUnordered::new();
    sending.extend([upload.part(first), upload.part(second)]);
    while let Some(part) = parts.next().await? {
        while sending.len() >= settings.parts_at_once {
            sending.next().await.transpose()?;
        }
        sending.push(upload.part(part));
    }
    while sending.next().await.transpose()?.is_some() {}
    upload.complete().await
}

/// The pieces of an object as parts of one size, the last excepted. No byte is copied.
struct Parts {
    object: Object,
    /// What belongs to the next part.
    rest: Bytes,
    size: usize,
}

impl Parts {
    async fn next(&mut self) -> Result<Option<PutPayload>, BoxError> {
        let mut pieces = Vec::new();
        let mut missing = self.size;
        while missing > 0 {
            if self.rest.is_empty() {
                match self.object.next_piece().await? {
                    Some(piece) => self.rest = piece,
                    None => break,
                }
            }
            let piece = self.rest.split_to(self.rest.len().min(missing));
            missing -= piece.len();
            pieces.push(piece);
        }
        Ok((!pieces.is_empty()).then(|| pieces.into_iter().collect()))
    }
}

/// An upload in parts, which is given up unless it is completed.
struct Upload(Option<Box<dyn MultipartUpload>>);

type Sending = futures_util::future::BoxFuture<'static, object_store::Result<()>>;

impl Upload {
    fn part(&mut self, part: PutPayload) -> Sending {
        match &mut self.0 {
            Some(upload) => upload.put_part(part),
            None => Box::pin(std::future::ready(Ok(()))),
        }
    }

    async fn complete(mut self) -> Result<(), BoxError> {
        if let Some(upload) = &mut self.0 {
            upload.complete().await?;
        }
        self.0 = None;
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let (Some(mut upload), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            // Nobody is there to be told.
            runtime.spawn(async move { _ = upload.abort().await });
        }
    }
}
