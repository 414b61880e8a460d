//! The wire codec from outside.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cross_check;
mod generate;
mod golden;
mod malformed;
mod round_trip;
