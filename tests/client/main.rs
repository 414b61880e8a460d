//! The client against our own server: in process, over TCP, over HTTP/2 and over a Unix socket.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../service/calculator.rs"]
#[allow(dead_code)]
mod calculator;
#[path = "../support/mod.rs"]
mod support;

mod bodies;
mod broken;
mod calls;
mod errors;
mod sessions;
mod ways;
