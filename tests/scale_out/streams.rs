//! Streams, which no worker holds.

use tower_vgi::client::Channel;

use crate::deployment::{Deployment, WorkersClient};
use crate::python::Client;
use crate::release::Release;

const LENGTH: i64 = 200;
const KILLED_AFTER: i64 = 20;

/// Reads a stream to its end, though the worker that sent a part of it is killed meanwhile.
async fn outlives_its_worker(streamed: bool) {
    let Some(mut deployment) = Deployment::start("by-token.cfg") else { return };
    let channel = Channel::builder().streamed_producers(streamed).connect(&deployment.balancer.url()).unwrap();
    let client = WorkersClient::new(channel);
    let mut numbers = client.count(LENGTH, 2).await.unwrap();
    let (mut seen, mut killed) = (Vec::new(), None);
    while let Some(row) = numbers.next().await.unwrap() {
        seen.push(row.n);
        if row.n == KILLED_AFTER {
            deployment.kill(&row.worker);
            killed = Some(row.worker);
        } else if row.n == LENGTH {
            assert_ne!(Some(row.worker), killed);
        }
    }
    assert_eq!(seen, (1..=LENGTH).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_stream_in_one_response_goes_on_elsewhere_when_its_worker_is_killed() {
    outlives_its_worker(true).await;
}

#[tokio::test]
async fn a_stream_in_turns_goes_on_elsewhere_when_a_worker_is_killed() {
    outlives_its_worker(false).await;
}

#[test]
fn published_clients_go_on_elsewhere_when_a_worker_is_killed() {
    for release in Release::ALL {
        let Some(client) = Client::install(release) else { return };
        let Some(deployment) = Deployment::start("by-token.cfg") else { return };
        let process = |name| format!("{name}={}", deployment.worker(name).id());
        let arguments = [deployment.balancer.url(), LENGTH.to_string(), process("one"), process("two")];
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = client.run_script("../scale_out/outlive.py", &arguments);
        assert!(output.contains("outlived"), "vgi-rpc {}:\n{output}", release.version());
    }
}
