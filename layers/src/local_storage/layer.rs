use tower_layer::Layer;
use tower_vgi::{Advertise, Capabilities};

use super::LocalStorage;
use super::service::ServeLocalStorage;

/// Serves the objects of a [`LocalStorage`] to whoever has a URL of it. See the [module](super).
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct LocalStorageLayer {
    storage: LocalStorage,
}

impl LocalStorageLayer {
    pub(super) fn new(storage: &LocalStorage) -> Self {
        Self { storage: storage.clone() }
    }
}

impl<S> Layer<S> for LocalStorageLayer {
    type Service = ServeLocalStorage<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ServeLocalStorage::new(inner, self.storage.clone())
    }
}

impl Advertise for LocalStorageLayer {
    fn advertise(&self, _capabilities: &mut Capabilities) {}
}
