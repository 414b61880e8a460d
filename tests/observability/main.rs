//! What operators see: a client, a server and a collector, and what becomes of calls when nobody takes what is told.

#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod collector;
mod losses;
#[path = "../support/mod.rs"]
mod support;
mod traces;

use tower_vgi::rpc::{Method, Protocol, RpcService};

/// A service with one method.
fn service() -> RpcService {
    let double = Method::unary("double")
        .parameter::<f64>("x")
        .handler(|_context, params| async move { Ok(2.0 * params.get::<f64>(0)?) });
    RpcService::builder().protocol(Protocol::new("Calc").method(double)).build().unwrap()
}
