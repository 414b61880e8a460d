//! A worker that is told to stop.

use std::time::Duration;

use crate::deployment::Deployment;

#[tokio::test]
async fn a_worker_that_drains_serves_its_sessions_and_gets_nothing_new() {
    let Some(mut deployment) = Deployment::start("by-token.cfg") else { return };
    let client = deployment.client();
    let session = client.session();
    session.open().await.unwrap();
    let draining = session.name().await.unwrap();
    let other = if draining == "one" { "two" } else { "one" };

    deployment.worker(&draining).terminate();
    deployment.balancer.wait_for(&draining, "DOWN");
    for expected in 1..=10 {
        assert_eq!(client.name().await.unwrap(), other);
        assert_eq!(session.next().await.unwrap(), expected);
        assert_eq!(session.name().await.unwrap(), draining);
    }
    let fresh = client.session();
    fresh.open().await.unwrap();
    assert_eq!(fresh.name().await.unwrap(), other);

    // The last session gone, nothing keeps the worker.
    session.close().await.unwrap();
    let status = deployment.wait_for_end(&draining, Duration::from_secs(20));
    assert!(status.is_some_and(|status| status.success()), "{status:?}");
}
