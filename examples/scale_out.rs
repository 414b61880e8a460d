//! One of several workers behind a load balancer: any of them takes the next step of a stream, and sessions stay with the
//! worker that opened them.
//!
//! ```sh
//! key=$(openssl rand -hex 32)
//! cargo run --example scale_out -- --name one --port 8081 --token-key $key
//! cargo run --example scale_out -- --name two --port 8082 --token-key $key
//! ```
//!
//! The load balancer's configuration, and what happens when a worker goes away, is in
//! [`examples/deploy/README.md`](deploy/README.md).

#[path = "support/log.rs"]
mod log;

use std::time::Duration;

use clap::Parser as _;
use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use tower_vgi::rpc::{CallContext, Output, Producer, ProducerState, RpcService, TokenKeys};
use tower_vgi::{BoxError, Result, VgiArrow};
use tower_vgi_layers::Stack;

use log::LogFlags;

/// The command line.
#[derive(clap::Parser)]
struct Flags {
    /// What the worker is called; the load balancer knows it by the same name
    #[arg(long)]
    name: String,
    /// The port to listen on; 0 lets the system choose
    #[arg(long, default_value_t = 8081)]
    port: u16,
    /// The key that seals tokens, in hexadecimal: the same for all workers
    #[arg(long)]
    token_key: String,
    /// How long the sessions and calls of a worker that is told to stop may take
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    drain_timeout: u64,
    #[command(flatten)]
    log: LogFlags,
}

/// A number, and the worker that made it.
#[derive(VgiArrow)]
struct Number {
    n: i64,
    worker: String,
}

#[tower_vgi::service]
trait Workers {
    #[producer(Number)]
    type Count;

    /// The worker that answers.
    async fn name(&self) -> Result<String>;
    /// Count from 1, a batch for each number and a pause before it.
    async fn count(&self, to: i64, #[default(0)] pause_ms: i64) -> Result<Producer<Self::Count>>;
    /// Open a session with a counter of its own.
    async fn open(&self, ctx: &CallContext) -> Result<()>;
    /// The next number of the session's counter.
    async fn next(&self, ctx: &CallContext) -> Result<i64>;
}

struct Worker {
    name: String,
}

/// Travels sealed in the caller's token, so that every worker can go on with it.
#[derive(Serialize, Deserialize)]
struct Count {
    next: i64,
    to: i64,
    pause_ms: u64,
}

impl ProducerState for Count {
    async fn produce(&mut self, context: &CallContext, output: &mut Output) -> Result<()> {
        if self.next > self.to {
            return output.finish();
        }
        tokio::time::sleep(Duration::from_millis(self.pause_ms)).await;
        output.emit_rows(&[Number { n: self.next, worker: context.server_id().to_owned() }])?;
        self.next += 1;
        Ok(())
    }
}

/// Lives in the worker that opened the session.
struct Counter {
    last: i64,
}

impl Workers for Worker {
    type Count = Count;

    async fn name(&self) -> Result<String> {
        Ok(self.name.clone())
    }

    async fn count(&self, to: i64, pause_ms: i64) -> Result<Producer<Count>> {
        Ok(Producer::new(Count { next: 1, to, pause_ms: pause_ms.try_into()? }))
    }

    async fn open(&self, ctx: &CallContext) -> Result<()> {
        ctx.open_session(Counter { last: 0 }, None)
    }

    async fn next(&self, ctx: &CallContext) -> Result<i64> {
        let mut counter = ctx.session::<Counter>()?;
        counter.last += 1;
        Ok(counter.last)
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let flags = Flags::parse();
    flags.log.start();
    // Clients say this header with every call of a session, which is one way to find the worker.
    let mut echo = HeaderMap::new();
    echo.insert("x-worker", HeaderValue::try_from(&flags.name)?);

    let service = RpcService::builder()
        .protocol(WorkersServer::new(Worker { name: flags.name.clone() }))
        .server_id(&flags.name)
        .token_keys(TokenKeys::from_text(&flags.token_key)?)
        .build()?;
    let stack = Stack::builder(service).sticky(true).sticky_echo_headers(echo).build()?;
    stack.serve().port(flags.port).drain_timeout(Duration::from_secs(flags.drain_timeout)).await?;
    Ok(())
}
