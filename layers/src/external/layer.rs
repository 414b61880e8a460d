use std::fmt;
use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use tower_layer::Layer;
use tower_vgi::external::{Compression, Fetcher, Publisher, Storage};
use tower_vgi::{Advertise, Capabilities};

use super::service::External;

const ENABLED: HeaderName = HeaderName::from_static("vgi-externalization-enabled");
const MAX_BYTES: HeaderName = HeaderName::from_static("vgi-max-externalized-response-bytes");

/// 1 MiB, as published servers have it.
const THRESHOLD: u64 = 1 << 20;

/// Sends large batches by reference, and fetches those that come so. See the [module](super).
#[must_use = "a layer does nothing until it wraps a service"]
pub struct ExternalLayer<T> {
    settings: Arc<Settings<T>>,
}

/// What all services share.
pub(super) struct Settings<T> {
    pub(super) publisher: Publisher<T>,
    pub(super) fetcher: Fetcher,
    pub(super) threshold: u64,
    pub(super) max_response_bytes: Option<u64>,
}

impl<T: Storage> ExternalLayer<T> {
    /// Puts into `storage` what is large, and fetches with `fetcher` what callers point to: it decides where they may.
    pub fn new(storage: T, fetcher: Fetcher) -> Self {
        Self::of(Settings {
            publisher: Publisher::new(storage),
            fetcher,
            threshold: THRESHOLD,
            max_response_bytes: None,
        })
    }

    fn of(settings: Settings<T>) -> Self {
        Self { settings: Arc::new(settings) }
    }

    fn change(self, change: impl FnOnce(&mut Settings<T>)) -> Self {
        let Settings { publisher, fetcher, threshold, max_response_bytes } = &*self.settings;
        let mut settings = Settings {
            publisher: publisher.clone(),
            fetcher: fetcher.clone(),
            threshold: *threshold,
            max_response_bytes: *max_response_bytes,
        };
        change(&mut settings);
        Self::of(settings)
    }

    /// From how many bytes on a batch is put, as it is in memory. Default: 1 MiB.
    pub fn threshold(self, bytes: u64) -> Self {
        self.change(|settings| settings.threshold = bytes)
    }

    /// How objects are compressed. Default: not.
    pub fn compression(self, compression: impl Into<Option<Compression>>) -> Self {
        let compression = compression.into();
        self.change(|settings| settings.publisher = settings.publisher.clone().compression(compression))
    }

    /// The most that is put for one response, in bytes before compression; advertised. An answer beyond it is an error,
    /// of producers too. Default: no limit.
    pub fn max_externalized_response_bytes(self, bytes: u64) -> Self {
        self.change(|settings| settings.max_response_bytes = Some(bytes))
    }

    /// Puts batches where this layer does: for methods that publish what they return.
    pub fn publisher(&self) -> &Publisher<T> {
        &self.settings.publisher
    }
}

impl<S, T> Layer<S> for ExternalLayer<T> {
    type Service = External<S, T>;

    fn layer(&self, inner: S) -> Self::Service {
        External::new(inner, self.settings.clone())
    }
}

impl<T> Advertise for ExternalLayer<T> {
    fn advertise(&self, capabilities: &mut Capabilities) {
        capabilities.set(ENABLED, HeaderValue::from_static("true"));
        if let Some(bytes) = self.settings.max_response_bytes {
            capabilities.set(MAX_BYTES, bytes.into());
        }
    }
}

impl<T> Clone for ExternalLayer<T> {
    fn clone(&self) -> Self {
        Self { settings: self.settings.clone() }
    }
}

impl<T> fmt::Debug for ExternalLayer<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ExternalLayer")
            .field("threshold", &self.settings.threshold)
            .field("max_externalized_response_bytes", &self.settings.max_response_bytes)
            .finish_non_exhaustive()
    }
}
