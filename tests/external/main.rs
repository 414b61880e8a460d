//! Large batches by reference, both ways: our client against our server, with a store in between that does as it is told.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod answers;
mod cleanup;
mod faults;
mod local;
mod policy;
mod ranges;
mod refused;
mod requests;
mod service;
mod store;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use service::{LibraryClient, LibraryServer, Shelves};
use store::Store;
use tower_vgi::client::{Channel, ChannelBuilder, Generation};
use tower_vgi::external::{Fetcher, FetcherBuilder, UrlPolicy};
use tower_vgi::rpc::RpcService;
use tower_vgi_layers::Stack;
use tower_vgi_layers::external::ExternalLayer;

/// From here on batches are put.
const THRESHOLD: u64 = 10_000;

/// Long enough for that.
const LARGE: i64 = 100_000;

type Client = LibraryClient<Stack>;

fn fetcher() -> FetcherBuilder {
    Fetcher::builder().policy(UrlPolicy::any()).retries(2, Duration::from_millis(1))
}

fn layer(store: &Store) -> ExternalLayer<Store> {
    ExternalLayer::new(store.clone(), fetcher().build().unwrap()).threshold(THRESHOLD)
}

fn stack(layer: &ExternalLayer<Store>) -> Stack {
    let service = RpcService::builder().protocol(LibraryServer::new(Shelves)).layer(layer.clone()).build().unwrap();
    Stack::builder(service).advertise(layer).build().unwrap()
}

fn builder() -> ChannelBuilder {
    Channel::builder().external(fetcher().build().unwrap())
}

fn client(stack: Stack, builder: ChannelBuilder) -> Client {
    LibraryClient::new(builder.service(stack, "/").unwrap())
}

/// A client of each generation, of a server with this layer.
fn clients(layer: &ExternalLayer<Store>) -> [Client; 2] {
    [Generation::Flat, Generation::Namespaced].map(|generation| client(stack(layer), builder().generation(generation)))
}

/// What is logged, and where it goes.
fn logs() -> (Arc<Mutex<Vec<String>>>, impl Fn(&tower_vgi::client::LogMessage) + Send + Sync + 'static) {
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let kept = seen.clone();
    (seen, move |log| kept.lock().unwrap().push(log.message.clone()))
}
