//! The core over HTTP: what callers of both generations see, good input and bad, over sockets and in process.
//!
//! Section numbers in comments are those of the wire specification.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

mod bodies;
mod budgets;
mod call_timeout;
mod callers;
mod compression;
mod concurrency;
mod content_type;
mod context;
mod continuation;
mod disconnect;
mod envelope;
mod failures;
mod flat_protocol;
mod live_streams;
mod logs;
mod memory;
mod panics;
mod parameters;
mod record;
mod refusals;
mod routes;
mod sessions;
mod streamed;
mod tokens;
mod verbs;
