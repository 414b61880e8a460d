//! With no store but the server itself: objects in a directory, or in its memory.

use std::path::PathBuf;
use std::time::Duration;

use tower_vgi::client::{Channel, Connection, Generation};
use tower_vgi::external::{Compression, Fetcher, UrlPolicy};
use tower_vgi::rpc::{RpcService, TokenKeys};
use tower_vgi::wire::keys;
use tower_vgi::{ErrorCode, Reference};
use tower_vgi_layers::Stack;
use tower_vgi_layers::external::ExternalLayer;
use tower_vgi_layers::local_storage::LocalStorage;
use tower_vgi_layers::upload_url::UploadUrlLayer;

use crate::service::{Block, LibraryClient, LibraryServer, Shelves, text};
use crate::{LARGE, THRESHOLD, logs};

/// A directory that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("tower-vgi-local-{}-{}", std::process::id(), fastrand::u64(..))))
    }

    fn storage(&self) -> LocalStorage {
        LocalStorage::directory(&self.0, &token_keys()).unwrap().max_upload_bytes(1 << 20)
    }

    fn count(&self) -> usize {
        std::fs::read_dir(self.0.join("vgi-rpc")).unwrap().count()
    }

    /// Waits until there are so many files: what nobody wants is removed in the background.
    async fn settles_at(&self, count: usize) {
        for _ in 0..500 {
            if self.count() == count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} files in place of {count}", self.count());
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn token_keys() -> TokenKeys {
    TokenKeys::new([7; 32])
}

/// A server under a prefix that takes 50 kB at once, reads by the strict policy, and has no store but its own.
fn stack(storage: &LocalStorage, compression: Option<Compression>) -> Stack {
    let fetcher = Fetcher::builder().policy(storage.allow_own(UrlPolicy::new())).build().unwrap();
    let layer = ExternalLayer::new(storage.clone(), fetcher).threshold(THRESHOLD).compression(compression);
    let service = RpcService::builder()
        .protocol(LibraryServer::new(Shelves))
        .token_keys(token_keys())
        .layer(layer.clone())
        .build()
        .unwrap();
    Stack::builder(service)
        .prefix("/vgi")
        .advertise(&layer)
        .max_request_bytes(50_000)
        .upload_urls(UploadUrlLayer::new(storage.clone()).max_upload_bytes(1 << 20))
        .local_storage(storage.clone())
        .build()
        .unwrap()
}

/// Serves a stack on a port that nobody chose; gives its address.
async fn serve(stack: Stack) -> String {
    let server = stack.serve().print_port(false).signals(false).bind().await.unwrap();
    let url = format!("http://{}", server.local_addr().unwrap());
    tokio::spawn(server.run());
    url
}

fn client(
    url: &str,
    generation: Generation,
    on_log: impl Fn(&tower_vgi::client::LogMessage) + Send + Sync + 'static,
) -> LibraryClient<Connection> {
    // The strict policy: what is on this machine is read since it is the channel's own origin.
    let channel = Channel::builder()
        .external(Fetcher::builder().retries(0, Duration::ZERO).build().unwrap())
        .compression_level(None)
        .generation(generation)
        .prefix("/vgi")
        .on_log(on_log);
    LibraryClient::new(channel.connect(url).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_goes_both_ways_without_any_store() {
    for compression in [None, Some(Compression::default())] {
        let folder = Folder::new();
        let memory = LocalStorage::memory(&token_keys());
        for storage in [folder.storage(), memory] {
            let url = serve(stack(&storage, compression)).await;
            for generation in [Generation::Flat, Generation::Namespaced] {
                let (seen, on_log) = logs();
                let client = client(&url, generation, on_log);
                assert_eq!(client.text(LARGE).await.unwrap(), text(LARGE));
                assert_eq!(client.length(text(LARGE)).await.unwrap(), LARGE, "uploaded");
                let blocks = client.blocks(3, LARGE).await.unwrap();
                assert_eq!(blocks.header().text, text(LARGE));
                assert_eq!(blocks.collect().await.unwrap().len(), 3);
                let mut copies = client.copies().await.unwrap();
                let block = Block { index: 1, text: text(LARGE) };
                assert_eq!(copies.exchange(std::slice::from_ref(&block)).await.unwrap(), [block]);
                assert_eq!(*seen.lock().unwrap(), ["making text", "block 0", "block 1", "block 2", "turn 0"]);
            }
        }
        // Of each generation a result, a header, three blocks and a turn, and what was uploaded for a call and a turn.
        folder.settles_at(2 * 8).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_with_a_directory_and_a_key_serve_each_others_objects() {
    let folder = Folder::new();
    // Both are behind one address as far as callers know: that of the first.
    let first = folder.storage();
    let url = serve(stack(&first, None)).await;
    let second = folder.storage().public_url(format!("{url}/vgi")).unwrap();
    let other = serve(stack(&second, None)).await;

    let channel = Channel::builder().prefix("/vgi").connect(&other).unwrap();
    let pointer = channel.unary("Library", "text", crate::requests::text_parameters(LARGE)).await.unwrap();
    let location = pointer.metadata.get_str(keys::LOCATION).unwrap();
    assert!(location.starts_with(&format!("{url}/vgi/__objects__/")), "{location}");
    let reference = Reference::of(&pointer).unwrap().unwrap();
    let fetcher = Fetcher::builder().policy(UrlPolicy::only([url.as_str()]).unwrap()).build().unwrap();
    let resolved = fetcher.resolve(&reference, &pointer.batch.schema(), None).await.unwrap();
    assert_eq!(resolved.batch.batch.num_rows(), 1);

    // A URL of the second worker's, put to the first, and read by the second from the first.
    let client = client(&other, Generation::Namespaced, |_| {});
    let fetcher = Fetcher::builder().policy(UrlPolicy::only([url.as_str()]).unwrap()).build().unwrap();
    let channel = Channel::builder().external(fetcher).compression_level(None).prefix("/vgi").connect(&other).unwrap();
    assert_eq!(LibraryClient::new(channel).length(text(LARGE)).await.unwrap(), LARGE);
    assert_eq!(client.length(text(10)).await.unwrap(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_wrong_is_said_and_nothing_stays() {
    let folder = Folder::new();
    let storage = folder.storage();
    let url = serve(stack(&storage, None)).await;
    let client = client(&url, Generation::Namespaced, |_| {});

    let error = client.length(text(3_000_000)).await.unwrap_err();
    assert!(error.message().contains("the upload to") && error.message().contains("HTTP 413"), "{error}");
    assert!(!error.message().contains("signature"), "{error}");
    folder.settles_at(0).await;

    let error = client.fails(LARGE).await.unwrap_err();
    assert_eq!(error.message(), "no text");
    folder.settles_at(0).await;

    // No disk to put anything on.
    std::fs::remove_dir_all(&folder.0).unwrap();
    std::fs::write(&folder.0, "no directory").unwrap();
    let error = client.text(LARGE).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unavailable, "{error}");
    assert!(error.message().contains("Not a directory") && !error.message().contains("tower-vgi"), "{error}");
    let error = client.length(text(LARGE)).await.unwrap_err();
    assert!(error.message().contains("HTTP 503"), "{error}");
    assert_eq!(client.text(10).await.unwrap(), text(10), "the server goes on");
    std::fs::remove_file(&folder.0).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_given_up_leave_nothing() {
    let folder = Folder::new();
    let storage = folder.storage();
    let url = serve(stack(&storage, None)).await;
    let client = client(&url, Generation::Namespaced, |_| {});
    client.text(10).await.unwrap();
    for delay in [0, 1, 2, 5, 10, 20] {
        let call = client.text(20_000_000);
        let _ = tokio::time::timeout(Duration::from_millis(delay), call).await;
    }
    folder.settles_at(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn urls_that_have_expired_are_refused_on_both_ways() {
    let folder = Folder::new();
    let storage = folder.storage().url_lifetime(Duration::ZERO);
    let url = serve(stack(&storage, None)).await;
    let client = client(&url, Generation::Flat, |_| {});
    let error = client.text(LARGE).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::FailedPrecondition, "{error}");
    assert!(error.message().contains("may have expired") && !error.message().contains("signature"), "{error}");
    let error = client.length(text(LARGE)).await.unwrap_err();
    assert!(error.message().contains("HTTP 403") && !error.message().contains("signature"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_need_no_credentials_but_their_url() {
    let storage = LocalStorage::memory(&token_keys()).public_url("http://store.example").unwrap();
    let service = RpcService::builder().protocol(LibraryServer::new(Shelves)).build().unwrap();
    let auth = tower_vgi_layers::auth::AuthLayer::new(tower_vgi_layers::auth::BearerTokens::new([(
        "secret".to_owned(),
        tower_vgi::AuthContext::authenticated("bearer", "alice"),
    )]));
    let stack = Stack::builder(service).auth(auth).local_storage(storage.clone()).build().unwrap();
    let url = serve(stack).await;
    let upload = tower_vgi::external::UploadUrls::upload_url(&storage).await.unwrap();
    let here = |there: &str| there.replace("http://store.example", &url);
    let fetcher = Fetcher::builder().policy(UrlPolicy::any()).retries(0, Duration::ZERO).build().unwrap();
    let mut frames = tower_vgi::wire::Frames::new();
    frames
        .push_bytes(tower_vgi::wire::encode_batch(&crate::requests::text_parameters(1), &Default::default()).unwrap());
    fetcher.put(&here(&upload.upload_url), tower_vgi::external::Object::new(frames, None)).await.unwrap();
    fetcher.fetch(&Reference::new(here(&upload.download_url)).unwrap()).await.unwrap();
    let (unsigned, _) = upload.download_url.split_once('?').unwrap();
    let error = fetcher.fetch(&Reference::new(here(unsigned)).unwrap()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::FailedPrecondition, "{error}");
}
