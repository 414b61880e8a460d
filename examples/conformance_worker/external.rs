//! Large batches by reference: the flags, and the layers that they ask for.

use clap::{ValueEnum, value_parser};
use http::Uri;
use tower_vgi::BoxError;
use tower_vgi::external::{Compression, Fetcher, UrlPolicy};
use tower_vgi_layers::external::ExternalLayer;
use tower_vgi_layers::limit::MAX_LIMIT;
use tower_vgi_layers::upload_url::UploadUrlLayer;

use crate::fake_storage::FakeStorage;
use crate::published::PublishedStrings;

/// What the command line says about batches that are kept elsewhere.
#[derive(clap::Args, Debug)]
pub(crate) struct ExternalFlags {
    /// Address of the storage that the suites have
    #[arg(long, value_name = "URL")]
    fake_storage: Option<String>,
    /// From how many bytes on a batch is put into the storage
    #[arg(long, value_name = "BYTES", default_value_t = 4096)]
    externalize_threshold: u64,
    /// How what is put is compressed
    #[arg(long, value_enum, default_value_t = ObjectCompression::None)]
    compression: ObjectCompression,
    /// Whether URLs for uploads are given out; auto: with a storage
    #[arg(long, value_enum, default_value_t = GiveUrls::Auto)]
    upload_urls: GiveUrls,
    /// Largest upload that callers are told of
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 20)]
    max_upload_bytes: u64,
    /// The most that is put for one response
    #[arg(long, value_name = "BYTES", value_parser = value_parser!(u64).range(1..=MAX_LIMIT))]
    max_externalized_response_bytes: Option<u64>,
    /// The most that is fetched of one object
    #[arg(long, value_name = "BYTES")]
    max_fetch_bytes: Option<u64>,
    /// The most that one object may become once it is decoded
    #[arg(long, value_name = "BYTES")]
    max_decompressed_fetch_bytes: Option<u64>,
    /// Fetch from 127.0.0.1 only
    #[arg(long)]
    reject_localhost_redirects: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ObjectCompression {
    None,
    Zstd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum GiveUrls {
    Auto,
    On,
    Off,
}

impl ExternalFlags {
    fn storage(&self) -> Option<FakeStorage> {
        self.fake_storage.as_deref().map(FakeStorage::new)
    }

    /// The layer around calls, if there is to be one.
    pub(crate) fn layer(&self) -> Result<Option<ExternalLayer<FakeStorage>>, BoxError> {
        let Some(storage) = self.storage() else { return Ok(None) };
        let policy = match self.reject_localhost_redirects {
            true => UrlPolicy::any().check(only_127),
            false => UrlPolicy::any(),
        };
        let mut fetcher = Fetcher::builder().policy(policy);
        if let Some(bytes) = self.max_fetch_bytes {
            fetcher = fetcher.max_fetch_bytes(bytes);
        }
        if let Some(bytes) = self.max_decompressed_fetch_bytes {
            fetcher = fetcher.max_decompressed_bytes(bytes);
        }
        let mut layer = ExternalLayer::new(storage, fetcher.build()?).threshold(self.externalize_threshold);
        if self.compression == ObjectCompression::Zstd {
            layer = layer.compression(Compression::default());
        }
        if let Some(bytes) = self.max_externalized_response_bytes {
            layer = layer.max_externalized_response_bytes(bytes);
        }
        Ok(Some(layer))
    }

    /// The layer that gives out URLs for uploads, if there is to be one.
    pub(crate) fn upload_urls(&self) -> Result<Option<UploadUrlLayer<FakeStorage>>, BoxError> {
        match (self.storage(), self.upload_urls) {
            (_, GiveUrls::Off) | (None, GiveUrls::Auto) => Ok(None),
            (None, GiveUrls::On) => Err("--upload-urls on needs --fake-storage".into()),
            (Some(storage), _) => Ok(Some(UploadUrlLayer::new(storage).max_upload_bytes(self.max_upload_bytes))),
        }
    }

    /// The limit of requests that is there for callers to upload what is larger.
    pub(crate) fn max_request_bytes(&self) -> Option<u64> {
        let gives = self.fake_storage.is_some() && self.upload_urls != GiveUrls::Off;
        gives.then_some(self.externalize_threshold)
    }

    /// Where strings are published, as the layer puts what is large.
    pub(crate) fn published(layer: Option<&ExternalLayer<FakeStorage>>) -> PublishedStrings {
        let Some(layer) = layer else { return PublishedStrings::default() };
        let publisher = layer.publisher().clone();
        PublishedStrings::new(move |batch| {
            let publisher = publisher.clone();
            async move { publisher.publish(&batch).await }
        })
    }
}

fn only_127(uri: &Uri) -> Result<(), String> {
    match uri.host() {
        Some("127.0.0.1") => Ok(()),
        _ => Err("only 127.0.0.1 is read from".to_owned()),
    }
}
