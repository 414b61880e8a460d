//! What `#[service]` makes of a trait, seen by a caller of each wire generation.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod blocking;
mod calculator;
mod declaration;
mod description;
mod layers;
mod live;
mod streams;
mod unary;
