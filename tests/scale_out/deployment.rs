//! Two workers and a load balancer.

use std::collections::BTreeMap;
use std::process::ExitStatus;
use std::time::Duration;

use tower_vgi::rpc::Producer;
use tower_vgi::{Result, VgiArrow};

use crate::child::Server;
use crate::load_balancer::LoadBalancer;

/// The service of `examples/scale_out.rs`.
#[tower_vgi::service]
pub(crate) trait Workers {
    #[producer(Number)]
    type Count;

    async fn name(&self) -> Result<String>;
    async fn count(&self, to: i64, #[default(0)] pause_ms: i64) -> Result<Producer<Self::Count>>;
    async fn open(&self) -> Result<()>;
    async fn next(&self) -> Result<i64>;
}

#[derive(Debug, PartialEq, VgiArrow)]
pub(crate) struct Number {
    pub(crate) n: i64,
    pub(crate) worker: String,
}

/// Two workers, called `one` and `two`, behind a load balancer.
pub(crate) struct Deployment {
    pub(crate) balancer: LoadBalancer,
    workers: BTreeMap<&'static str, Server>,
}

impl Deployment {
    /// With a configuration of `examples/deploy/haproxy`. `None` where there is no load balancer.
    pub(crate) fn start(configuration: &str) -> Option<Self> {
        if !LoadBalancer::is_there() {
            return None;
        }
        let key = "5f".repeat(32);
        let start = |name| {
            let flags = ["--name", name, "--port", "0", "--token-key", &key, "--drain-timeout", "60"];
            Server::start("scale_out", &flags)
        };
        let workers = BTreeMap::from([("one", start("one")), ("two", start("two"))]);
        let address = |name| workers[name].url().replace("http://", "");
        let balancer = LoadBalancer::start(configuration, &address("one"), &address("two"));
        Some(Self { balancer, workers })
    }

    pub(crate) fn client(&self) -> WorkersClient {
        WorkersClient::new(tower_vgi::client::Channel::connect(&self.balancer.url()).unwrap())
    }

    pub(crate) fn worker(&self, name: &str) -> &Server {
        &self.workers[name]
    }

    /// Waits for the end of a worker that was told to stop.
    pub(crate) fn wait_for_end(&mut self, name: &str, timeout: Duration) -> Option<ExitStatus> {
        self.workers.get_mut(name).unwrap().wait(timeout)
    }

    /// Kills a worker, which has no time to say anything.
    pub(crate) fn kill(&mut self, name: &str) {
        drop(self.workers.remove(name).unwrap());
    }
}
