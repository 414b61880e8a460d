mod faults;
mod reading;
mod sharing;
mod uploads;

use std::convert::Infallible;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use tower::{ServiceExt as _, service_fn};
use tower_layer::Layer as _;
use tower_vgi::Body;
use tower_vgi::external::{Compression, Object, ObjectId, Storage as _};
use tower_vgi::rpc::TokenKeys;
use tower_vgi::wire::Frames;

use super::LocalStorage;
use super::storage::FOLDER;
use crate::testing::collect;

const BASE: &str = "http://here:1/vgi";

/// A directory that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("tower-vgi-objects-{}-{}", std::process::id(), fastrand::u64(..))))
    }

    fn storage(&self) -> LocalStorage {
        LocalStorage::directory(&self.0, &keys()).unwrap().public_url(BASE).unwrap()
    }

    /// Where the storage keeps its own.
    fn objects(&self) -> PathBuf {
        self.0.join(FOLDER)
    }

    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.objects()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// Waits until there are so many files: what nobody wants is removed in the background.
    async fn settles_at(&self, count: usize) {
        for _ in 0..500 {
            if self.files().len() == count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{:?} in place of {count}", self.files());
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
        let _ = std::fs::remove_file(&self.0);
    }
}

fn keys() -> TokenKeys {
    TokenKeys::new([7; 32])
}

fn memory() -> LocalStorage {
    LocalStorage::memory(&keys()).public_url(BASE).unwrap()
}

/// Bytes that begin as an Arrow stream does.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|index| if index < 4 { 0xff } else { ((index * 31) >> 5) as u8 }).collect()
}

fn object(bytes: &[u8], compression: Option<Compression>) -> Object {
    let mut frames = Frames::new();
    frames.push_bytes(Bytes::copy_from_slice(bytes));
    Object::new(frames, compression)
}

async fn put(storage: &LocalStorage, length: usize) -> String {
    storage.put(&ObjectId::random().unwrap(), object(&bytes(length), None)).await.unwrap()
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// What is answered below the prefix.
async fn ask(storage: &LocalStorage, request: Request<Body>) -> Answer {
    let inner = service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::from("inner"))));
    let (mut head, body) = request.into_parts();
    if let Some(target) = head.uri.to_string().strip_prefix(BASE) {
        head.uri = target.parse().unwrap();
    }
    let response = storage.layer().layer(inner).oneshot(Request::from_parts(head, body)).await.unwrap();
    let (head, body) = response.into_parts();
    Answer { status: head.status, headers: head.headers, body: collect(body).await.unwrap() }
}

async fn send(storage: &LocalStorage, method: Method, url: &str, body: impl Into<Body>) -> Answer {
    ask(storage, Request::builder().method(method).uri(url).body(body.into()).unwrap()).await
}

async fn get(storage: &LocalStorage, url: &str) -> Answer {
    send(storage, Method::GET, url, Body::empty()).await
}

#[tokio::test]
async fn everything_else_goes_to_the_service_inside() {
    for path in ["/", "/__objects__", "/x/__objects__/y", "/Calculator/add"] {
        assert_eq!(get(&memory(), path).await.text(), "inner", "{path}");
    }
}

#[tokio::test]
async fn keeps_the_layer_contract() {
    crate::testing::check(&memory().layer(), || Request::new(Body::empty())).await;
}
