//! The client against our own server: in process, over TCP, HTTP/2 and TLS, and over a Unix socket.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../service/calculator.rs"]
#[allow(dead_code)]
mod calculator;
#[path = "../support/mod.rs"]
mod support;

#[cfg(feature = "client-tls")]
mod tls;

mod authentication;
mod bodies;
mod broken;
mod calls;
mod dropped;
mod equal;
mod errors;
mod hostile;
mod identity;
mod retries;
mod sessions;
mod spawned;
mod stalls;
mod turns;
#[cfg(unix)]
mod unix;
mod ways;
