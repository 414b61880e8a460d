//! Rust types and their Arrow types: exact types, round trips, and what the Python package writes.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../../examples/conformance_worker/types.rs"]
mod types;

mod derive;
mod lenient;
mod properties;
mod reference;
mod samples;
mod table;
