//! Large batches by reference: the flags, and the layers that they ask for.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{ValueEnum, value_parser};
use http::Uri;
use tower_vgi::BoxError;
use tower_vgi::external::{Compression, Fetcher, UrlPolicy};
use tower_vgi::rpc::TokenKeys;
use tower_vgi_layers::external::ExternalLayer;
use tower_vgi_layers::limit::MAX_LIMIT;
use tower_vgi_layers::local_storage::LocalStorage;
use tower_vgi_layers::upload_url::UploadUrlLayer;

use crate::fake_storage::FakeStorage;
use crate::published::PublishedStrings;
use crate::storage::WorkerStorage;

/// What the command line says about batches that are kept elsewhere.
#[derive(clap::Args, Debug)]
pub(crate) struct ExternalFlags {
    /// Address of the storage that the suites have
    #[arg(long, value_name = "URL")]
    fake_storage: Option<String>,
    /// Directory in which this server keeps what is put, instead of in the storage that the suites have
    #[arg(long, value_name = "DIRECTORY")]
    local_storage: Option<PathBuf>,
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
    /// Where batches are kept, if anywhere.
    pub(crate) fn storage(&self, keys: &TokenKeys) -> Result<Option<WorkerStorage>, BoxError> {
        if let Some(directory) = &self.local_storage {
            let storage = LocalStorage::directory(directory, keys)?.max_upload_bytes(self.max_upload_bytes);
            return Ok(Some(WorkerStorage::Local(storage)));
        }
        Ok(self.fake_storage.as_deref().map(|url| WorkerStorage::Fake(Arc::new(FakeStorage::new(url)))))
    }

    /// The layer around calls.
    pub(crate) fn layer(&self, storage: &WorkerStorage) -> Result<ExternalLayer<WorkerStorage>, BoxError> {
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
        let mut layer = ExternalLayer::new(storage.clone(), fetcher.build()?).threshold(self.externalize_threshold);
        if self.compression == ObjectCompression::Zstd {
            layer = layer.compression(Compression::default());
        }
        if let Some(bytes) = self.max_externalized_response_bytes {
            layer = layer.max_externalized_response_bytes(bytes);
        }
        Ok(layer)
    }

    /// The layer that gives out URLs for uploads, if there is to be one.
    pub(crate) fn upload_urls(
        &self,
        storage: Option<&WorkerStorage>,
    ) -> Result<Option<UploadUrlLayer<WorkerStorage>>, BoxError> {
        match (storage, self.upload_urls) {
            (_, GiveUrls::Off) | (None, GiveUrls::Auto) => Ok(None),
            (None, GiveUrls::On) => Err("--upload-urls on needs --fake-storage or --local-storage".into()),
            (Some(storage), _) => {
                Ok(Some(UploadUrlLayer::new(storage.clone()).max_upload_bytes(self.max_upload_bytes)))
            }
        }
    }

    /// The limit of requests that is there for callers to upload what is larger.
    pub(crate) fn max_request_bytes(&self) -> Option<u64> {
        let storage = self.fake_storage.is_some() || self.local_storage.is_some();
        let gives = storage && self.upload_urls != GiveUrls::Off;
        gives.then_some(self.externalize_threshold)
    }

    /// Where strings are published, as the layer puts what is large.
    pub(crate) fn published(layer: Option<&ExternalLayer<WorkerStorage>>) -> PublishedStrings {
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
