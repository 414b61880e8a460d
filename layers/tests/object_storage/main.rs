//! Storages over real servers, which the tests start: one that speaks S3 and checks signatures, and Azurite. What is signed
//! for Google Cloud Storage is compared with what Google's own library signs.
//!
//! `s3s-fs` and `azurite` are looked for on the path; `TOWER_VGI_S3S_FS` and `TOWER_VGI_AZURITE` name others. Where one is
//! not there its tests say that they are skipped; with `TOWER_VGI_REQUIRE_INTEROP=1` they fail instead.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod gcs;
mod server;

use std::sync::Arc;
use std::time::Duration;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use server::{Server, azurite, s3};
use tower_vgi::external::{
    Compression, Fetcher, Object, ObjectId, Publisher, Storage as _, UploadUrls as _, UrlPolicy,
};
use tower_vgi::wire::{Frames, Metadata, encode_batch};
use tower_vgi::{ErrorCode, Reference};
use tower_vgi_layers::object_storage::ObjectStorage;

async fn servers() -> Vec<Server> {
    [s3().await, azurite().await].into_iter().flatten().collect()
}

fn fetcher(server: &Server) -> Fetcher {
    let policy = UrlPolicy::only([server.origin.as_str()]).unwrap();
    Fetcher::builder().policy(policy).retries(0, Duration::ZERO).build().unwrap()
}

fn batch(rows: i64) -> RecordBatch {
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values((0..rows).map(|row| row * row)));
    RecordBatch::try_from_iter([("n", column)]).unwrap()
}

fn frames(rows: i64) -> Frames {
    let mut frames = Frames::new();
    frames.push_bytes(encode_batch(&batch(rows), &Metadata::new()).unwrap());
    frames
}

/// The same URL with another signature.
fn forged(url: &str) -> String {
    let (_, signature) = url.split_once("ignature=").or_else(|| url.split_once("sig=")).unwrap();
    let other = if signature.starts_with('a') { "b" } else { "a" };
    format!("{}{other}{}", &url[..url.len() - signature.len()], &signature[1..])
}

/// What the server has of objects and of uploads that were begun.
async fn count(storage: &ObjectStorage) -> u64 {
    let all = storage.clone().object_lifetime(Duration::ZERO);
    // Objects of this very moment are not older than it.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    all.sweep().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_put_is_fetched_whole_and_in_parts() {
    for server in servers().await {
        for compression in [None, Some(Compression::default())] {
            if compression.is_some() && !server.keeps_codings {
                continue;
            }
            let publisher = Publisher::new(server.storage.clone().parts(5 << 20, 3)).compression(compression);
            for rows in [1, 1000, 2_000_000] {
                let published = publisher.publish_stream(ObjectId::random().unwrap(), frames(rows)).await.unwrap();
                let resolved = fetcher(&server).resolve(&published.reference, &batch(0).schema(), None).await.unwrap();
                assert_eq!(resolved.batch.batch, batch(rows), "{} {rows}", server.name);
                publisher.storage().delete(&published.id).await.unwrap();
                let error = fetcher(&server).fetch(&published.reference).await.unwrap_err();
                assert_eq!(error.code(), ErrorCode::NotFound, "{}: {error}", server.name);
                publisher.storage().delete(&published.id).await.unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn urls_are_good_for_what_they_were_made_for_and_for_a_while() {
    for server in servers().await {
        let url = server.storage.upload_url().await.unwrap();
        assert!(url.expires_at.unwrap() > chrono::Utc::now());
        let fetcher = fetcher(&server);
        fetcher.put(&url.upload_url, Object::new(frames(10), None)).await.unwrap();
        let fetched = fetcher.fetch(&Reference::new(url.download_url.as_str()).unwrap()).await.unwrap();
        assert_eq!(fetched, encode_batch(&batch(10), &Metadata::new()).unwrap());

        let error = fetcher.put(&url.download_url, Object::new(frames(10), None)).await.unwrap_err();
        assert_eq!(error.type_name(), "ExternalUploadFailed", "{}: {error}", server.name);
        let forged = forged(&url.download_url);
        let error = fetcher.fetch(&Reference::new(forged).unwrap()).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::FailedPrecondition, "{}: {error}", server.name);
        assert!(error.message().contains("may have expired") && !error.message().contains('='), "{error}");

        let short = server.storage.clone().url_lifetime(Duration::from_secs(1));
        let published = Publisher::new(short).publish(&batch(1)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(2500)).await;
        let error = fetcher.fetch(&published).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::FailedPrecondition, "{}: {error}", server.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_given_up_or_old_enough_goes() {
    for server in servers().await {
        let storage = server.storage.clone().prefix(format!("sweep-{}", ObjectId::random().unwrap())).parts(5 << 20, 2);
        let publisher = Publisher::new(storage.clone());
        for delay in [0, 1, 5, 20] {
            let id = ObjectId::random().unwrap();
            let put = publisher.publish_stream(id, frames(2_000_000));
            let _ = tokio::time::timeout(Duration::from_millis(delay), put).await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(count(&storage).await, 0, "{}: what is given up leaves nothing", server.name);

        for _ in 0..3 {
            publisher.publish(&batch(1)).await.unwrap();
        }
        let long = storage.clone().object_lifetime(Duration::from_secs(3600));
        assert_eq!((long.sweep().await.unwrap(), storage.sweep().await.unwrap()), (0, 0));
        assert_eq!((count(&storage).await, count(&storage).await), (3, 0), "{}", server.name);
    }
}
