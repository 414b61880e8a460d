//! Requests that are sent by reference.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use tower_vgi::client::Generation;
use tower_vgi::rpc::RpcService;
use tower_vgi::{RequestMemoryPool, RpcError};
use tower_vgi_layers::Stack;
use tower_vgi_layers::upload_url::UploadUrlLayer;

use crate::service::{Block, LibraryServer, Shelves, text};
use crate::store::{Fault, Store};
use crate::{LARGE, builder, client, fetcher, layer};

pub(crate) fn text_parameters(length: i64) -> RecordBatch {
    let column: ArrayRef = Arc::new(Int64Array::from(vec![length]));
    RecordBatch::try_from_iter_with_nullable([("length", column, false)]).unwrap()
}

pub(crate) fn blocks_parameters(count: i64, length: i64) -> RecordBatch {
    let [count, length] = [count, length].map(|value| Arc::new(Int64Array::from(vec![value])) as ArrayRef);
    RecordBatch::try_from_iter_with_nullable([("count", count, false), ("length", length, false)]).unwrap()
}

/// A server that takes 50 kB at once, and gives out URLs for more.
fn limited(store: &Store, memory: u64) -> Stack {
    let layer = layer(store);
    let service = RpcService::builder().protocol(LibraryServer::new(Shelves)).layer(layer.clone()).build().unwrap();
    Stack::builder(service)
        .advertise(&layer)
        .max_request_bytes(50_000)
        .max_request_memory(memory)
        .upload_urls(UploadUrlLayer::new(store.clone()).max_upload_bytes(1 << 30))
        .build()
        .unwrap()
}

#[tokio::test]
async fn what_is_too_large_is_uploaded_before_and_after_the_server_has_said_so() {
    for generation in [Generation::Flat, Generation::Namespaced] {
        let store = Store::start().await;
        let client = client(limited(&store, 1 << 30), builder().generation(generation).compression_level(None));
        // The server refuses the first.
        assert_eq!(client.length(text(LARGE)).await.unwrap(), LARGE);
        assert_eq!(store.count(), 1);
        // And is not tried with the second.
        client.channel().capabilities().await.unwrap();
        assert_eq!(client.length(text(LARGE)).await.unwrap(), LARGE);
        assert_eq!(client.length(text(10)).await.unwrap(), 10);
        assert_eq!(store.count(), 2);

        let mut copies = client.copies().await.unwrap();
        for index in 0..2 {
            let block = Block { index, text: text(LARGE) };
            assert_eq!(copies.exchange(std::slice::from_ref(&block)).await.unwrap(), [block]);
        }
        let puts = store.requests().iter().filter(|line| line.starts_with("PUT")).count();
        assert_eq!(puts, 4, "two calls and two turns");
    }
}

#[tokio::test]
async fn what_is_uploaded_to_a_storage_of_the_clients_own_is_removed_afterwards() {
    let (servers, own) = (Store::start().await, Store::start().await);
    let client = client(limited(&servers, 1 << 30), builder().compression_level(None).uploads(own.clone()));
    assert_eq!(client.length(text(LARGE)).await.unwrap(), LARGE);
    assert!(own.requests().iter().any(|line| line.starts_with("GET")), "the server has read it");
    own.settles_at(0).await;
    assert_eq!(servers.count(), 0);
}

#[tokio::test]
async fn without_anywhere_to_upload_to_the_refusal_stands() {
    let store = Store::start().await;
    let layer = layer(&store);
    let service = RpcService::builder().protocol(LibraryServer::new(Shelves)).layer(layer).build().unwrap();
    let stack = Stack::builder(service).max_request_bytes(50_000).build().unwrap();
    let error = client(stack, builder().compression_level(None)).length(text(LARGE)).await.unwrap_err();
    assert_eq!(error.http_status().map(|status| status.as_u16()), Some(413), "{error}");
}

#[tokio::test]
async fn what_is_fetched_counts_as_memory_of_the_request() {
    let store = Store::start().await;
    let client = client(limited(&store, 60_000), builder().compression_level(None));
    let error = client.length(text(LARGE)).await.unwrap_err();
    assert_eq!(error.type_name(), "RequestTooLargeError", "{error}");
    assert!(error.message().contains("60000 bytes"), "{error}");
    assert_eq!(client.length(text(10)).await.unwrap(), 10);
}

#[tokio::test]
async fn memory_is_given_back_whatever_comes_of_it() {
    let store = Store::start().await;
    let pool = RequestMemoryPool::new(1 << 20);
    let fetcher = fetcher().build().unwrap();
    let schema = text_parameters(0).schema();
    let bytes = tower_vgi::wire::encode_batch(&text_parameters(7), &Default::default()).unwrap();
    let reference = tower_vgi::Reference::new(store.keep("x", bytes, None)).unwrap();
    for fault in [Fault::None, Fault::Truncate, Fault::Corrupt, Fault::Status(500), Fault::Endless] {
        store.set(fault.clone());
        let request = pool.request();
        let resolved = fetcher.resolve(&reference, &schema, Some(request.clone())).await;
        assert!(fault == Fault::None || resolved.is_err() || fault == Fault::Corrupt, "{fault:?}");
        drop((request, resolved));
        assert_eq!(pool.in_use(), 0, "{fault:?}");
    }
}

#[tokio::test]
async fn a_failed_upload_is_the_error_of_the_call() {
    let own = Store::start().await;
    own.fail_to_put(true);
    let servers = Store::start().await;
    let client = client(limited(&servers, 1 << 30), builder().compression_level(None).uploads(own.clone()));
    let error: RpcError = client.length(text(LARGE)).await.unwrap_err();
    assert!(error.message().contains("the bucket is full"), "{error}");
    own.settles_at(0).await;
}

/// Says one length in a header and sends another, in chunks, which is what counts.
async fn server_that_understates(bytes: usize) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let Ok((mut stream, _)) = listener.accept().await else { return };
            let _ = stream.read(&mut [0; 4096]).await;
            let head = "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n";
            let body = "x".repeat(bytes);
            let _ = stream.write_all(format!("{head}{bytes:x}\r\n{body}\r\n0\r\n\r\n").as_bytes()).await;
        }
    });
    url
}

#[tokio::test]
async fn what_is_fetched_counts_as_what_it_is_and_not_as_it_is_said_to_be() {
    let reference = tower_vgi::Reference::new(server_that_understates(100_000).await).unwrap();
    let pool = RequestMemoryPool::new(60_000);
    let schema = text_parameters(0).schema();
    let error = fetcher().build().unwrap().resolve(&reference, &schema, Some(pool.request())).await.unwrap_err();
    assert!(error.message().contains("60000 bytes"), "{error}");
}
