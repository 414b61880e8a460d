//! Putting an object.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body as HttpBody;
use http_body_util::BodyExt as _;
use object_store::path::Path;
use object_store::{Attributes, ObjectStore, ObjectStoreExt as _};
use tokio::time::{Instant, timeout, timeout_at};
use tower_vgi::drain::Drain;
use tower_vgi::external::ObjectId;
use tower_vgi::{Body, BoxError};

use super::LocalStorage;
use super::failure::{reason, status};
use super::service::text;
use super::signature::Grant;
use crate::object_storage::put::{Pieces, put};

/// Who sends nothing for so long has gone.
const SILENCE: Duration = Duration::from_secs(30);

pub(super) async fn answer<B>(storage: LocalStorage, key: String, grant: Grant, request: Request<B>) -> Response<Body>
where
    B: HttpBody + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let (head, body) = request.into_parts();
    let mut body = Box::pin(body);
    if let Err(refused) = admit(&storage, &key, grant, &head.headers, body.size_hint().lower()).await {
        Drain::untouched(head.version, &head.headers, &*body).finish(body.as_mut()).await;
        return refused.into_response();
    }
    let Some(_alone) = storage.uploading.begin(&key) else {
        Drain::untouched(head.version, &head.headers, &*body).finish(body.as_mut()).await;
        return Refused::under_way().into_response();
    };
    match take(&storage, &key, Incoming::new(&mut body, grant)).await {
        Ok(()) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::CREATED;
            response
        }
        Err(refused) => {
            Drain::new(head.version).finish(body.as_mut()).await;
            refused.into_response()
        }
    }
}

/// What can be told before anything is read.
async fn admit(
    storage: &LocalStorage,
    key: &str,
    grant: Grant,
    headers: &HeaderMap,
    announced: u64,
) -> Result<(), Refused> {
    let known = |coding: &str| ["", "identity", "zstd", "gzip"].iter().any(|known| known.eq_ignore_ascii_case(coding));
    let mut codings = headers.get_all(CONTENT_ENCODING).iter().map(|value| value.to_str().unwrap_or("?").trim());
    if let Some(coding) = codings.find(|coding| !known(coding)) {
        let message = format!("objects are kept as they are, or as zstd or gzip, but not as '{coding}'");
        return Err(Refused { status: StatusCode::UNSUPPORTED_MEDIA_TYPE, message });
    }
    if announced > grant.max_bytes {
        return Err(Refused::too_large(grant.max_bytes));
    }
    match storage.objects.settings.store.head(&path(key)?).await {
        Ok(_) => Err(Refused::there_already()),
        Err(object_store::Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(Refused::of_store(&error)),
    }
}

/// Takes all of it under another name first, so that of two who put the same object one is first, and the other is told.
async fn take(storage: &LocalStorage, key: &str, incoming: impl Pieces) -> Result<(), Refused> {
    let settings = &storage.objects.settings;
    let id = ObjectId::random().map_err(|error| Refused::of_store(&error))?;
    let (path, unfinished) = (path(key)?, path(&format!("{key}.{id}"))?);
    put(settings, &unfinished, Attributes::new(), incoming).await.map_err(Refused::of)?;
    let unfinished = Unfinished { store: settings.store.clone(), path: unfinished };
    match settings.store.copy_if_not_exists(&unfinished.path, &path).await {
        Ok(()) => Ok(()),
        Err(object_store::Error::AlreadyExists { .. }) => Err(Refused::there_already()),
        Err(error) => Err(Refused::of_store(&error)),
    }
}

fn path(key: &str) -> Result<Path, Refused> {
    Path::parse(key).map_err(|error| Refused::of_store(&error))
}

/// What has been put under another name, and goes from there in any case.
struct Unfinished {
    store: Arc<dyn ObjectStore>,
    path: Path,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let (store, path) = (self.store.clone(), std::mem::take(&mut self.path));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            // Where that fails it is swept later.
            runtime.spawn(async move { _ = store.delete(&path).await });
        }
    }
}

/// A body, for as long as it keeps to its bounds.
struct Incoming<'a, B> {
    body: &'a mut Pin<Box<B>>,
    received: u64,
    max: u64,
    until: Instant,
}

impl<'a, B: HttpBody> Incoming<'a, B> {
    fn new(body: &'a mut Pin<Box<B>>, grant: Grant) -> Self {
        // What began in time may end a little later, but not go on for ever.
        let until = Instant::now() + grant.left().clamp(SILENCE, Duration::from_secs(24 * 3600));
        Self { body, received: 0, max: grant.max_bytes, until }
    }
}

impl<B> Pieces for Incoming<'_, B>
where
    B: HttpBody + Send,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    async fn next_piece(&mut self) -> Result<Option<Bytes>, BoxError> {
        loop {
            let frame = timeout_at(self.until, timeout(SILENCE, self.body.frame())).await;
            let Ok(Ok(frame)) = frame else {
                let message = "the object did not come in time".to_owned();
                return Err(Refused { status: StatusCode::REQUEST_TIMEOUT, message }.into());
            };
            let Some(frame) = frame else {
                let message = "nothing was sent; an object is an Arrow IPC stream".to_owned();
                let empty = || Refused { status: StatusCode::BAD_REQUEST, message };
                return if self.received == 0 { Err(empty().into()) } else { Ok(None) };
            };
            let frame = frame.map_err(|_| {
                let message = format!("the object broke off after {} bytes", self.received);
                Refused { status: StatusCode::BAD_REQUEST, message }
            })?;
            let Ok(mut data) = frame.into_data() else { continue };
            self.received = self.received.saturating_add(data.remaining() as u64);
            if self.received > self.max {
                return Err(Refused::too_large(self.max).into());
            }
            return Ok(Some(data.copy_to_bytes(data.remaining())));
        }
    }
}

/// Why an object is not taken.
#[derive(Debug)]
struct Refused {
    status: StatusCode,
    message: String,
}

impl Refused {
    fn too_large(max: u64) -> Self {
        Self {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            message: format!("the URL takes an object of at most {max} bytes"),
        }
    }

    fn there_already() -> Self {
        let message = "there is an object already, and none is put twice; ask for a new URL".to_owned();
        Self { status: StatusCode::CONFLICT, message }
    }

    fn under_way() -> Self {
        let message = "the object is being put at this moment; wait for it, or ask for a new URL".to_owned();
        Self { status: StatusCode::CONFLICT, message }
    }

    fn of_store(error: &(dyn std::error::Error + 'static)) -> Self {
        Self { status: status(error), message: format!("the object cannot be put now: {}", reason(error)) }
    }

    fn of(error: BoxError) -> Self {
        match error.downcast::<Self>() {
            Ok(refused) => *refused,
            Err(error) => Self::of_store(&*error),
        }
    }

    fn into_response(self) -> Response<Body> {
        text(self.status, &self.message)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Refused {}
