use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use http::Method;
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{Attribute, Attributes, ObjectStore, ObjectStoreExt as _};
use tower_vgi::BoxError;
use tower_vgi::external::{Object, ObjectId, Storage, UploadUrl, UploadUrls};

use super::put;

/// As long as published servers have it.
const URL_LIFETIME: Duration = Duration::from_secs(3600);

/// S3 wants 5 MiB at least, and 10,000 parts at most.
const PART_BYTES: usize = 8 << 20;

/// Enough to keep a connection busy while others wait for an answer.
const PARTS_AT_ONCE: usize = 4;

/// Keeps objects in a store of the crate [`object_store`]. See the [module](super). Clones are the same storage.
#[derive(Clone)]
pub struct ObjectStorage {
    pub(crate) settings: Arc<Settings>,
}

#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) store: Arc<dyn ObjectStore>,
    signer: Arc<dyn Signer>,
    /// Whether the store keeps what is said of an object besides its bytes.
    keeps_attributes: bool,
    pub(super) prefix: Path,
    name: Arc<dyn Fn(&ObjectId) -> String + Send + Sync>,
    pub(crate) url_lifetime: Duration,
    pub(crate) object_lifetime: Option<Duration>,
    pub(super) part_bytes: usize,
    pub(super) parts_at_once: usize,
}

impl ObjectStorage {
    /// Keeps objects in a store that can sign URLs: those of S3, Google Cloud Storage and Azure.
    pub fn new<O: ObjectStore + Signer>(store: O) -> Self {
        let store = Arc::new(store);
        Self::of(Settings {
            keeps_attributes: true,
            prefix: Path::from("vgi-rpc"),
            ..Settings::new(store.clone(), store)
        })
    }

    /// Keeps objects, and nothing that is said of them, in a store whose URLs somebody else signs.
    #[cfg(feature = "local-storage")]
    pub(crate) fn over(store: Arc<dyn ObjectStore>, signer: Arc<dyn Signer>) -> Self {
        Self::of(Settings::new(store, signer))
    }

    #[cfg(feature = "local-storage")]
    pub(crate) fn signed_by(self, signer: Arc<dyn Signer>) -> Self {
        self.change(|settings| settings.signer = signer)
    }

    fn of(settings: Settings) -> Self {
        Self { settings: Arc::new(settings) }
    }

    fn change(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }

    /// What the keys of all objects begin with. Default: `vgi-rpc`.
    #[must_use]
    pub fn prefix(self, prefix: impl AsRef<str>) -> Self {
        let prefix = Path::from(prefix.as_ref());
        self.change(|settings| settings.prefix = prefix)
    }

    /// How objects are named below the prefix: one name for each id, the same whenever it is asked for. Default: the id and
    /// `.arrow`.
    #[must_use]
    pub fn name(self, name: impl Fn(&ObjectId) -> String + Send + Sync + 'static) -> Self {
        self.change(|settings| settings.name = Arc::new(name))
    }

    /// How long URLs are good. Default: an hour. Google Cloud Storage knows no more than seven days.
    #[must_use]
    pub fn url_lifetime(self, lifetime: Duration) -> Self {
        self.change(|settings| settings.url_lifetime = lifetime)
    }

    /// How long objects are kept at least; [`sweep`](Self::sweep) deletes older ones. Default: for ever.
    #[must_use]
    pub fn object_lifetime(self, lifetime: Duration) -> Self {
        self.change(|settings| settings.object_lifetime = Some(lifetime))
    }

    /// How large the parts of large objects are, and how many are sent at the same time; objects up to that size are sent
    /// whole. Default: 8 MiB and 4. Stores want 5 MiB at least.
    #[must_use]
    pub fn parts(self, bytes: usize, at_once: usize) -> Self {
        self.change(|settings| {
            settings.part_bytes = bytes.max(1);
            settings.parts_at_once = at_once.max(1);
        })
    }

    fn path(&self, id: &ObjectId) -> Path {
        let Settings { prefix, name, .. } = &*self.settings;
        Path::from_iter(prefix.parts().chain(Path::from(name(id)).parts()))
    }

    async fn sign(&self, method: Method, path: &Path) -> Result<String, BoxError> {
        Ok(self.settings.signer.signed_url(method, path, self.settings.url_lifetime).await?.into())
    }
}

impl Settings {
    fn new(store: Arc<dyn ObjectStore>, signer: Arc<dyn Signer>) -> Self {
        Self {
            store,
            signer,
            keeps_attributes: false,
            prefix: Path::default(),
            name: Arc::new(|id| format!("{id}.arrow")),
            url_lifetime: URL_LIFETIME,
            object_lifetime: None,
            part_bytes: PART_BYTES,
            parts_at_once: PARTS_AT_ONCE,
        }
    }

    fn attributes(&self, object: &Object) -> Attributes {
        let mut attributes = Attributes::new();
        if self.keeps_attributes {
            attributes.insert(Attribute::ContentType, object.content_type().into());
            if let Some(coding) = object.content_encoding() {
                attributes.insert(Attribute::ContentEncoding, coding.into());
            }
        }
        attributes
    }
}

impl Storage for ObjectStorage {
    async fn put(&self, id: &ObjectId, object: Object) -> Result<String, BoxError> {
        let path = self.path(id);
        put::put(&self.settings, &path, self.settings.attributes(&object), object).await?;
        self.sign(Method::GET, &path).await
    }

    async fn delete(&self, id: &ObjectId) -> Result<(), BoxError> {
        match self.settings.store.delete(&self.path(id)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl UploadUrls for ObjectStorage {
    async fn upload_url(&self) -> Result<UploadUrl, BoxError> {
        let path = self.path(&ObjectId::random()?);
        // One that is good for ever, as far as clocks go, has no end to be told.
        let until =
            TimeDelta::from_std(self.settings.url_lifetime).ok().and_then(|left| Utc::now().checked_add_signed(left));
        let upload = self.sign(Method::PUT, &path).await?;
        let download = self.sign(Method::GET, &path).await?;
        Ok(UploadUrl::new(upload, download, until))
    }
}

impl fmt::Debug for ObjectStorage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ObjectStorage")
            .field("prefix", &self.settings.prefix)
            .field("url_lifetime", &self.settings.url_lifetime)
            .field("object_lifetime", &self.settings.object_lifetime)
            .finish_non_exhaustive()
    }
}
