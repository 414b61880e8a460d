use std::fmt;
use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use tower_layer::Layer;
use tower_vgi::external::UploadUrls;
use tower_vgi::rpc::RequestDecoder;
use tower_vgi::{Advertise, Capabilities};

use super::service::GiveUploadUrls;

const SUPPORT: HeaderName = HeaderName::from_static("vgi-upload-url-support");
const MAX_BYTES: HeaderName = HeaderName::from_static("vgi-max-upload-bytes");

/// A request for URLs has one number in it.
const MAX_REQUEST_BYTES: usize = 64 * 1024;

/// Gives out URLs for uploads. See the [module](super).
#[must_use = "a layer does nothing until it wraps a service"]
pub struct UploadUrlLayer<U> {
    urls: Arc<U>,
    decoder: RequestDecoder,
    max_upload_bytes: Option<u64>,
}

impl<U: UploadUrls> UploadUrlLayer<U> {
    /// Gives out what `urls` makes.
    pub fn new(urls: U) -> Self {
        Self { urls: Arc::new(urls), decoder: RequestDecoder::new(MAX_REQUEST_BYTES), max_upload_bytes: None }
    }

    /// How large an upload may be, told to callers: whoever takes the upload has to see to it. Default: nothing is told.
    pub fn max_upload_bytes(mut self, bytes: u64) -> Self {
        self.max_upload_bytes = Some(bytes);
        self
    }
}

impl<S, U> Layer<S> for UploadUrlLayer<U> {
    type Service = GiveUploadUrls<S, U>;

    fn layer(&self, inner: S) -> Self::Service {
        GiveUploadUrls::new(inner, self.urls.clone(), self.decoder.clone())
    }
}

impl<U> Advertise for UploadUrlLayer<U> {
    fn advertise(&self, capabilities: &mut Capabilities) {
        capabilities.set(SUPPORT, HeaderValue::from_static("true"));
        if let Some(bytes) = self.max_upload_bytes {
            capabilities.set(MAX_BYTES, bytes.into());
        }
    }
}

impl<U> Clone for UploadUrlLayer<U> {
    fn clone(&self) -> Self {
        Self { urls: self.urls.clone(), decoder: self.decoder.clone(), max_upload_bytes: self.max_upload_bytes }
    }
}

impl<U> fmt::Debug for UploadUrlLayer<U> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("UploadUrlLayer")
            .field("max_upload_bytes", &self.max_upload_bytes)
            .finish_non_exhaustive()
    }
}
