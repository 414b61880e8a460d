//! Objects of which nobody hears are removed; all others stay.

use std::time::Duration;

use tokio::time::timeout;
use tower::ServiceExt as _;
use tower_vgi::client::Generation;

use crate::store::Store;
use crate::{LARGE, builder, client, clients, layer, stack};

#[tokio::test]
async fn what_cannot_be_put_is_an_error_and_leaves_nothing() {
    let store = Store::start().await;
    store.fail_to_put(true);
    for client in clients(&layer(&store)) {
        let error = client.text(LARGE).await.unwrap_err();
        assert!(error.message().contains("external storage: the bucket is full"), "{error}");
        let error = client.blocks(2, LARGE).await.unwrap_err();
        assert!(error.message().contains("the bucket is full"), "{error}");
        store.settles_at(0).await;
        assert_eq!(client.text(10).await.unwrap().len(), 10, "the server goes on");
    }
}

#[tokio::test]
async fn a_call_that_is_given_up_while_it_is_put_leaves_nothing() {
    let store = Store::start().await;
    store.put_for(Duration::from_secs(60));
    for client in clients(&layer(&store)) {
        assert!(timeout(Duration::from_millis(300), client.text(LARGE)).await.is_err());
        store.settles_at(0).await;
    }
}

#[tokio::test]
async fn a_response_that_nobody_reads_leaves_nothing_and_one_that_is_read_does() {
    let store = Store::start().await;
    let request = || {
        let metadata = tower_vgi::wire::Metadata::from_iter([
            (tower_vgi::wire::keys::METHOD, "text"),
            (tower_vgi::wire::keys::REQUEST_VERSION, "1"),
        ]);
        let body = tower_vgi::wire::encode_batch(&crate::requests::text_parameters(LARGE), &metadata).unwrap();
        let request = http::Request::post("/Library/text").header("content-type", tower_vgi::rpc::ARROW_STREAM);
        request.body(tower_vgi::Body::from(body)).unwrap()
    };
    let stack = stack(&layer(&store));
    let unread = stack.clone().oneshot(request()).await.unwrap();
    assert_eq!(store.count(), 1);
    drop(unread);
    store.settles_at(0).await;

    let read = stack.oneshot(request()).await.unwrap();
    http_body_util::BodyExt::collect(read.into_body()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(store.count(), 1);
}

#[tokio::test]
async fn an_error_in_place_of_the_answer_leaves_nothing() {
    // The pointer itself exceeds what a response may have.
    let store = Store::start().await;
    let layer = layer(&store);
    let service = tower_vgi::rpc::RpcService::builder()
        .protocol(crate::service::LibraryServer::new(crate::service::Shelves))
        .layer(layer.clone())
        .generations(tower_vgi::rpc::Generations::Only(Generation::Flat))
        .build()
        .unwrap();
    let stack = tower_vgi_layers::Stack::builder(service).max_response_bytes(400).build().unwrap();
    let client = client(stack, builder().generation(Generation::Flat));
    let error = client.text(LARGE).await.unwrap_err();
    assert!(error.message().contains("max_response_bytes"), "{error}");
    store.settles_at(0).await;
}

#[tokio::test]
async fn a_stream_that_is_left_keeps_what_was_handed_over() {
    let store = Store::start().await;
    let client = client(stack(&layer(&store)), builder().streamed_producers(true));
    let mut blocks = client.blocks(1000, LARGE).await.unwrap();
    for _ in 0..5 {
        blocks.next().await.unwrap().unwrap();
    }
    drop(blocks);
    tokio::time::sleep(Duration::from_millis(100)).await;
    // The header and five blocks at least; what was made ahead of its reader may be gone.
    assert!((6..100).contains(&store.count()), "{}", store.count());
}
