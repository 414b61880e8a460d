//! What operators see: a client, a server and a collector, and what becomes of calls when nobody takes what is told.

#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod collector;
mod losses;
mod prometheus;
mod receiver;
mod sentry_envelopes;
#[path = "../support/mod.rs"]
mod support;
mod telemetry;
mod traces;
mod tracing_spans;

use tower_vgi::rpc::{Method, Protocol, RpcService};
use tracing::Instrument as _;

/// A service with one method, which works within a span of its own.
fn service() -> RpcService {
    let double = Method::unary("double").parameter::<f64>("x").handler(|_context, params| {
        let work = async move {
            tokio::task::yield_now().await;
            Ok(2.0 * params.get::<f64>(0)?)
        };
        work.instrument(tracing::info_span!("doubling"))
    });
    RpcService::builder().protocol(Protocol::new("Calc").method(double)).build().unwrap()
}
