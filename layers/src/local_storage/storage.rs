//! [`LocalStorage`].

use std::fmt;
use std::io;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use tower_vgi::BoxError;
use tower_vgi::external::{Object, ObjectId, Storage, UploadUrl, UploadUrls, UrlPolicy};
use tower_vgi::rpc::TokenKeys;

use super::failure::reason;
use super::layer::LocalStorageLayer;
use super::public_url::{self, InvalidPublicUrl};
use super::signature::{NO_PUBLIC_URL, PATH, Signatures};
use super::sweep::Sweeping;
use super::uploading::Uploading;
use crate::object_storage::ObjectStorage;

/// Objects are there for callers that read them soon.
const OBJECT_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// As much as fetchers read of one object, unless they are told otherwise.
const MAX_UPLOAD_BYTES: u64 = 256 << 20;

/// What is in it belongs to the storage, and goes in time.
pub(super) const FOLDER: &str = "vgi-rpc";

/// A disk does not get faster by larger pieces, or by many at the same time.
const PART_BYTES: usize = 1 << 20;
const PARTS_AT_ONCE: usize = 2;

/// Keeps objects in a directory or in memory, under URLs of this server's own. See the [module](super). Clones are the same
/// storage.
#[derive(Clone)]
pub struct LocalStorage {
    pub(super) objects: ObjectStorage,
    pub(super) signatures: Arc<Signatures>,
    pub(super) directory: Option<Arc<FilePath>>,
    pub(super) sweeping: Arc<Sweeping>,
    pub(super) uploading: Uploading,
}

impl LocalStorage {
    /// Keeps objects in a directory, which is made if it is not there; on Unix for this user only. They lie in a folder of
    /// their own in it, `vgi-rpc`: whatever is older than [objects get](Self::object_lifetime) is removed there. Uploads
    /// want a file system with hard links. URLs are signed with `keys`: workers that share the directory need the same.
    ///
    /// # Errors
    ///
    /// When there can be no such directory.
    pub fn directory(path: impl Into<PathBuf>, keys: &TokenKeys) -> io::Result<Self> {
        let path = path.into().join(FOLDER);
        make(&path)?;
        let path = path.canonicalize()?;
        let store = LocalFileSystem::new_with_prefix(&path).map_err(io::Error::other)?;
        Ok(Self { directory: Some(path.into()), ..Self::over(Arc::new(store), keys) })
    }

    /// Keeps objects in the memory of this process, for tests and small services.
    pub fn memory(keys: &TokenKeys) -> Self {
        Self::over(Arc::new(InMemory::new()), keys)
    }

    pub(super) fn over(store: Arc<dyn ObjectStore>, keys: &TokenKeys) -> Self {
        let signatures = Arc::new(Signatures::new(keys, MAX_UPLOAD_BYTES));
        let objects = ObjectStorage::over(store, signatures.clone())
            .parts(PART_BYTES, PARTS_AT_ONCE)
            .object_lifetime(OBJECT_LIFETIME);
        Self { objects, signatures, directory: None, sweeping: Arc::default(), uploading: Uploading::default() }
    }

    /// Where callers reach this server, its prefix included, such as `https://rpc.example/vgi`. Default: the address at
    /// which [`Stack::serve`](crate::Stack::serve) listens, where it is one that can be connected to.
    ///
    /// # Errors
    ///
    /// When it is no such URL.
    pub fn public_url(self, url: impl AsRef<str>) -> Result<Self, InvalidPublicUrl> {
        let url = public_url::parse(url.as_ref())?;
        Ok(self.sign(|signatures| signatures.public_url = Arc::new(url.into())))
    }

    /// The most that callers may put with one URL. Default: 256 MiB.
    #[must_use]
    pub fn max_upload_bytes(self, bytes: u64) -> Self {
        self.sign(|signatures| signatures.max_upload_bytes = bytes)
    }

    /// How long URLs are good. Default: an hour.
    #[must_use]
    pub fn url_lifetime(self, lifetime: Duration) -> Self {
        Self { objects: self.objects.url_lifetime(lifetime), ..self }
    }

    /// How long objects are kept. Default: a day. Shorter than URLs are good makes little sense.
    #[must_use]
    pub fn object_lifetime(self, lifetime: Duration) -> Self {
        Self { objects: self.objects.object_lifetime(lifetime), ..self }
    }

    /// Serves the objects.
    pub fn layer(&self) -> LocalStorageLayer {
        LocalStorageLayer::new(self)
    }

    /// A policy by which this storage's own URLs are read as well, whatever address this server has, and nothing else of this
    /// server: for the [`Fetcher`](tower_vgi::external::Fetcher) that has to read what callers have put here.
    #[must_use]
    pub fn allow_own(&self, policy: UrlPolicy) -> UrlPolicy {
        let (origin, storage) = (self.signatures.public_url.clone(), self.clone());
        policy.allow_origin_of(move || origin.get()?.parse().ok(), move |uri| storage.check_own(uri))
    }

    /// Tells where the server was found to listen, for storages that were told no public URL.
    #[cfg(all(feature = "serve", feature = "stack"))]
    pub(crate) fn found_at(&self, url: &str) {
        if let Ok(url) = public_url::parse(url) {
            // Whatever was said first holds.
            let _ = self.signatures.public_url.set(url);
        }
    }

    /// Of this server's origin nothing is read but what this storage has signed.
    pub(super) fn check_own(&self, uri: &Uri) -> Result<(), String> {
        let Some(base) = self.signatures.public_url.get().and_then(|url| url.parse::<Uri>().ok()) else {
            return Err("it is not known where this server is".to_owned());
        };
        let key = uri.path().strip_prefix(base.path().trim_end_matches('/')).and_then(|rest| rest.strip_prefix(PATH));
        let checked = self.signatures.check(&http::Method::GET, key.unwrap_or_default(), uri.query());
        checked.map(drop).map_err(|denied| denied.to_string())
    }

    fn sign(mut self, change: impl FnOnce(&mut Signatures)) -> Self {
        let mut signatures = Signatures::clone(&self.signatures);
        change(&mut signatures);
        self.signatures = Arc::new(signatures);
        self.objects = self.objects.signed_by(self.signatures.clone());
        self
    }
}

fn make(path: &FilePath) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

impl Storage for LocalStorage {
    async fn put(&self, id: &ObjectId, object: Object) -> Result<String, BoxError> {
        // An object that nobody could be told of need not be written.
        if self.signatures.public_url.get().is_none() {
            return Err(NO_PUBLIC_URL.into());
        }
        self.sweep_if_due();
        self.objects.put(id, object).await.map_err(|error| reason(&*error).into())
    }

    async fn delete(&self, id: &ObjectId) -> Result<(), BoxError> {
        self.objects.delete(id).await.map_err(|error| reason(&*error).into())
    }
}

impl UploadUrls for LocalStorage {
    async fn upload_url(&self) -> Result<UploadUrl, BoxError> {
        self.sweep_if_due();
        self.objects.upload_url().await.map_err(|error| reason(&*error).into())
    }
}

impl fmt::Debug for LocalStorage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LocalStorage")
            .field("directory", &self.directory)
            .field("signatures", &self.signatures)
            .finish_non_exhaustive()
    }
}
