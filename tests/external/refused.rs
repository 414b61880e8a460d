//! Whose call is refused has nothing fetched.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tower::{Service, ServiceExt as _};
use tower_vgi::rpc::{ARROW_STREAM, BoxCallService, Call, Protocol, Reply, RpcService};
use tower_vgi::wire::{Metadata, encode_batch, keys};
use tower_vgi::{Body, BoxError, Record as _};
use tower_vgi_layers::Stack;
use tower_vgi_layers::scope::RequireScopeLayer;

use crate::service::{Block, LibraryServer, Shelves, text};
use crate::store::Store;
use crate::{LARGE, builder, client, layer, stack};

/// A server that takes 50 kB at once, and reads from this store what is larger.
fn limited(store: &Store, protocol: Protocol) -> Stack {
    let layer = layer(store);
    let service = RpcService::builder().protocol(protocol).layer(layer.clone()).build().unwrap();
    Stack::builder(service).advertise(&layer).max_request_bytes(50_000).build().unwrap()
}

#[tokio::test]
async fn who_may_not_call_a_method_has_nothing_fetched() {
    let store = Store::start().await;
    let protocol = Protocol::from(LibraryServer::new(Shelves));
    let denied = protocol.method_layer("length", RequireScopeLayer::new("length"));
    let client = client(limited(&store, denied), builder().compression_level(None).uploads(store.clone()));
    let error = client.length(text(LARGE)).await.unwrap_err();
    assert_eq!(error.type_name(), "PermissionError", "{error}");
    assert_eq!(store.requests(), Vec::<String>::new());
    store.settles_at(0).await;
}

#[tokio::test]
async fn whose_tokens_are_none_has_nothing_fetched() {
    let store = Store::start().await;
    let rows = Block::to_batch([Block { index: 0, text: "there".to_owned() }].iter()).unwrap();
    let url = store.keep("x", encode_batch(&rows, &Metadata::new()).unwrap(), None);
    for path in ["/Library/copies/exchange", "/copies/exchange"] {
        for token in [None, Some("forged"), Some("Zm9yZ2Vk")] {
            let mut metadata = Metadata::from_iter([(keys::LOCATION, url.as_str())]);
            if let Some(token) = token {
                metadata.insert(keys::STREAM_STATE, token);
                metadata.insert(keys::CALL_STATE, token);
            }
            let body = encode_batch(&rows.slice(0, 0), &metadata).unwrap();
            let request =
                http::Request::post(path).header("content-type", ARROW_STREAM).body(Body::from(body)).unwrap();
            let response = stack(&layer(&store)).oneshot(request).await.unwrap();
            assert_eq!(response.status(), 400, "{path} {token:?}");
        }
    }
    assert_eq!(store.requests(), Vec::<String>::new());
}

/// Counts the rows that calls bring.
#[derive(Clone)]
struct CountRows(BoxCallService, Arc<AtomicUsize>);

impl Service<Call> for CountRows {
    type Response = Reply;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Reply, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut call: Call) -> Self::Future {
        let (mut inner, rows) = (self.0.clone(), self.1.clone());
        std::mem::swap(&mut inner, &mut self.0);
        Box::pin(async move {
            assert_eq!(call.input.batch.num_rows(), 0, "it is a pointer still");
            call.resolve_input().await?;
            call.resolve_input().await?;
            rows.fetch_add(call.input.batch.num_rows(), Ordering::SeqCst);
            inner.call(call).await
        })
    }
}

#[tokio::test]
async fn a_layer_that_looks_at_the_batch_can_have_it() {
    let store = Store::start().await;
    let rows = Arc::new(AtomicUsize::new(0));
    let counted = rows.clone();
    let layer = tower::layer::layer_fn(move |inner| CountRows(inner, counted.clone()));
    let protocol = Protocol::from(LibraryServer::new(Shelves)).method_layer("length", layer);
    let client = client(limited(&store, protocol), builder().compression_level(None).uploads(store.clone()));
    assert_eq!(client.length(text(LARGE)).await.unwrap(), LARGE);
    assert_eq!(rows.load(Ordering::SeqCst), 1);
    assert_eq!(store.requests().len(), 1, "it is fetched once");
}

/// Asks for the batch, and goes on as if nothing were wrong when it does not come.
#[derive(Clone)]
struct Careless(BoxCallService);

impl Service<Call> for Careless {
    type Response = Reply;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Reply, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut call: Call) -> Self::Future {
        let mut inner = self.0.clone();
        std::mem::swap(&mut inner, &mut self.0);
        Box::pin(async move {
            // Given up before anything has come.
            let _ = call.resolve_input().now_or_never();
            inner.call(call).await
        })
    }
}

#[tokio::test]
async fn a_batch_that_was_not_brought_is_not_taken_for_an_empty_one() {
    let store = Store::start().await;
    let protocol = Protocol::from(LibraryServer::new(Shelves)).method_layer("length", tower::layer::layer_fn(Careless));
    let client = client(limited(&store, protocol), builder().compression_level(None).uploads(store.clone()));
    let error = client.length(text(LARGE)).await.unwrap_err();
    assert!(error.message().contains("was not brought when a layer asked for it"), "{error}");
}
