//! Our client makes every call of the conformance protocol, against our server each way and against the published
//! Python servers, with equal results; and passes the lanes that the reference has for clients of other languages.
//!
//! Needs Python 3.13 as the tests of the published clients do: see `tests/interop/main.rs`.

#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

// The protocol, and our implementation of it.
#[path = "../../examples/conformance_worker/exchanges.rs"]
#[allow(dead_code)]
mod exchanges;
#[path = "../../examples/conformance_worker/implementation.rs"]
mod implementation;
#[path = "../../examples/conformance_worker/probe.rs"]
mod probe;
#[path = "../../examples/conformance_worker/producers.rs"]
mod producers;
#[path = "../../examples/conformance_worker/protocol.rs"]
mod protocol;
#[path = "../../examples/conformance_worker/published.rs"]
mod published;
#[path = "../../examples/conformance_worker/rows.rs"]
#[allow(dead_code)]
mod rows;
#[path = "../../examples/conformance_worker/sessions.rs"]
mod sessions;
#[path = "../../examples/conformance_worker/types.rs"]
mod types;

// The published servers.
#[path = "../interop/child.rs"]
#[allow(dead_code)]
mod child;
#[path = "../interop/python.rs"]
#[allow(dead_code)]
mod python;
#[path = "../interop/release.rs"]
#[allow(dead_code)]
mod release;

mod case;
mod differences;
mod exchanging;
mod native;
mod peer;
mod producing;
mod resuming;
mod sticky;
mod suite;
mod unary;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use case::{Case, Client};
use peer::Peer;
use protocol::{ConformanceServiceServer, NOT_FLAT};
use tower_vgi::client::Generation;
use tower_vgi::rpc::Protocol;

fn cases() -> Vec<Case> {
    [unary::cases(), producing::cases(), exchanging::cases()].into_iter().flatten().collect()
}

/// What each call gives against a peer.
async fn results(peer: &Peer) -> BTreeMap<&'static str, String> {
    let mut results = BTreeMap::new();
    for case in cases() {
        if peer.generation == Generation::Flat && NOT_FLAT.contains(&case.name) {
            continue;
        }
        results.insert(case.name, case.run(Client::of(peer)).await);
    }
    results
}

/// One after the other: the cancel probe of our own server is one for the process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_gives_the_same_whoever_answers() {
    let expected = results(&peer::in_process(Generation::Namespaced)).await;
    for ours in peer::ours().await {
        differences::assert_none(&ours.name, &expected, &results(&ours).await, &[]);
    }
    for release in release::Release::ALL {
        let Some(theirs) = peer::published(release).await else { continue };
        differences::assert_none(&theirs.name, &expected, &results(&theirs).await, differences::of(release));
    }
}

#[test]
fn every_method_is_called() {
    let protocol = Protocol::from(ConformanceServiceServer::new(implementation::Conformance::default()));
    let declared: BTreeSet<String> = protocol.methods().map(|method| method.name.clone()).collect();
    let called: BTreeSet<String> = cases().iter().map(|case| case.name.to_owned()).collect();
    assert_eq!(called, declared);
    assert_eq!(cases().len(), declared.len(), "a method has two cases");
}

/// Calls that are changed on the way to flat servers are not compressed; these are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn published_servers_read_what_is_compressed() {
    for release in release::Release::ALL {
        let Some(theirs) = peer::published(release).await else { return };
        let channel = theirs.channel(tower_vgi::client::Channel::builder());
        let version = match theirs.generation {
            Generation::Flat => protocol::FLAT_VERSION,
            Generation::Namespaced => "2.0.0",
        };
        let values: arrow_array::ArrayRef =
            std::sync::Arc::new(arrow_array::StringArray::from(vec!["x".repeat(300_000)]));
        let parameters = arrow_array::RecordBatch::try_from_iter([("value", values.clone())]).unwrap();
        // The first answer at the latest says what the server takes.
        channel.capabilities().await.unwrap();
        let call = channel.method(case::Proxy::NAME, "echo_string").version(version);
        assert_eq!(call.unary(parameters).await.unwrap().batch.column(0), &values, "{}", theirs.name);
        let requests = theirs.requests.lock().unwrap();
        let (_, _, headers) = requests.last().unwrap();
        assert_eq!(headers["content-encoding"], "zstd", "{}", theirs.name);
    }
}
