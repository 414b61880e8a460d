//! Objects into a store: whole, or in parts.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use object_store::path::Path;
use object_store::{
    Attributes, MultipartUpload, ObjectStore, ObjectStoreExt as _, PutMultipartOptions, PutOptions, PutPayload,
};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tower_vgi::BoxError;
use tower_vgi::external::Object;

use super::storage::Settings;

/// What is put, in pieces of any size.
pub(crate) trait Pieces: Send {
    /// The next piece; `None` at the end.
    fn next_piece(&mut self) -> impl Future<Output = Result<Option<Bytes>, BoxError>> + Send;
}

impl Pieces for Object {
    fn next_piece(&mut self) -> impl Future<Output = Result<Option<Bytes>, BoxError>> + Send {
        Object::next_piece(self)
    }
}

/// Puts all pieces under one path, where nothing shows before all of it is there. What is given up leaves nothing.
pub(crate) async fn put(
    settings: &Settings,
    path: &Path,
    attributes: Attributes,
    pieces: impl Pieces,
) -> Result<(), BoxError> {
    let store = &settings.store;
    let mut parts = Parts { pieces, rest: Bytes::new(), size: settings.part_bytes };
    let Some(first) = parts.next().await? else { return Err("there is nothing to put".into()) };
    let Some(second) = parts.next().await? else {
        let options = PutOptions { attributes, ..PutOptions::default() };
        let (store, path) = (store.clone(), path.clone());
        return LastStep::new(store.clone(), path.clone(), async move {
            store.put_opts(&path, first, options).await.map(drop)
        })
        .finish()
        .await;
    };
    let options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
    let mut upload = Upload(Some(store.put_multipart_opts(path, options).await?));
    let mut sending = FuturesUnordered::new();
    sending.extend([upload.part(first), upload.part(second)]);
    while let Some(part) = parts.next().await? {
        while sending.len() >= settings.parts_at_once {
            sending.next().await.transpose()?;
        }
        sending.push(upload.part(part));
    }
    while sending.next().await.transpose()?.is_some() {}
    LastStep::new(store.clone(), path.clone(), upload.complete()).finish().await
}

/// Smaller pieces are copied together: each may keep a much larger buffer of its connection, and is written by itself.
const SMALL: usize = 16 << 10;

/// The pieces of an object as parts of one size, the last excepted. Large ones are not copied.
struct Parts<P> {
    pieces: P,
    /// What belongs to the next part.
    rest: Bytes,
    size: usize,
}

impl<P: Pieces> Parts<P> {
    async fn next(&mut self) -> Result<Option<PutPayload>, BoxError> {
        let mut pieces = Vec::new();
        let mut small = BytesMut::new();
        let mut missing = self.size;
        while missing > 0 {
            if self.rest.is_empty() {
                match self.pieces.next_piece().await? {
                    Some(piece) => self.rest = piece,
                    None => break,
                }
            }
            let piece = self.rest.split_to(self.rest.len().min(missing));
            missing -= piece.len();
            if piece.len() < SMALL {
                small.extend_from_slice(&piece);
                continue;
            }
            if !small.is_empty() {
                pieces.push(std::mem::take(&mut small).freeze());
            }
            pieces.push(piece);
        }
        if !small.is_empty() {
            pieces.push(small.freeze());
        }
        Ok((!pieces.is_empty()).then(|| pieces.into_iter().collect()))
    }
}

/// An upload in parts, which is given up unless it is completed.
struct Upload(Option<Box<dyn MultipartUpload>>);

impl Upload {
    fn part(&mut self, part: PutPayload) -> BoxFuture<'static, object_store::Result<()>> {
        match &mut self.0 {
            Some(upload) => upload.put_part(part),
            None => Box::pin(std::future::ready(Ok(()))),
        }
    }

    async fn complete(mut self) -> object_store::Result<()> {
        if let Some(upload) = &mut self.0 {
            upload.complete().await?;
        }
        self.0 = None;
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let (Some(mut upload), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            // Nobody is there to be told.
            runtime.spawn(async move { _ = upload.abort().await });
        }
    }
}

/// What makes an object visible. A store may go on with it although nobody waits any more, so that whoever removes the
/// object meanwhile would see it come back: it is waited for in any case, and its object removed if nobody wants it.
struct LastStep {
    task: Option<JoinHandle<object_store::Result<()>>>,
    store: Arc<dyn ObjectStore>,
    path: Path,
}

impl LastStep {
    fn new(
        store: Arc<dyn ObjectStore>,
        path: Path,
        step: impl Future<Output = object_store::Result<()>> + Send + 'static,
    ) -> Self {
        Self { task: Some(tokio::spawn(step)), store, path }
    }

    async fn finish(mut self) -> Result<(), BoxError> {
        let Some(task) = &mut self.task else { return Ok(()) };
        let outcome = task.await;
        self.task = None;
        Ok(outcome??)
    }
}

impl Drop for LastStep {
    fn drop(&mut self) {
        let (Some(task), Ok(runtime)) = (self.task.take(), Handle::try_current()) else { return };
        let (store, path) = (self.store.clone(), self.path.clone());
        runtime.spawn(async move {
            if let Ok(Ok(())) = task.await {
                let _ = store.delete(&path).await;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces of these sizes, each a part of a larger buffer.
    struct Of(std::vec::IntoIter<usize>);

    impl Pieces for Of {
        async fn next_piece(&mut self) -> Result<Option<Bytes>, BoxError> {
            Ok(self.0.next().map(|size| Bytes::from(vec![7; size + 8192]).slice(..size)))
        }
    }

    #[tokio::test]
    async fn small_pieces_are_copied_together_and_nothing_is_lost() {
        let sizes = [vec![1; 5000], vec![SMALL, 3, 0, 4, 2 * SMALL], vec![1; 700]].concat();
        let total: usize = sizes.iter().sum();
        let mut parts = Parts { pieces: Of(sizes.into_iter()), rest: Bytes::new(), size: 50_000 };
        let (mut seen, mut pieces) = (0, 0);
        while let Some(part) = parts.next().await.unwrap() {
            seen += part.content_length();
            pieces += part.iter().count();
        }
        assert_eq!(seen, total);
        assert!(pieces <= 8, "{pieces}");
    }
}
