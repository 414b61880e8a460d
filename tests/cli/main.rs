//! The program `tower-vgi`, run as it is against servers on sockets: ours in each generation, and those of the Python
//! releases where there is a Python 3.13.

#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[path = "../interop/child.rs"]
#[allow(dead_code)]
mod child;
#[path = "../interop/python.rs"]
#[allow(dead_code)]
mod python;
#[path = "../interop/release.rs"]
#[allow(dead_code)]
mod release;

mod arguments;
mod connection;
mod describe;
mod exchange;
mod exit_codes;
#[rustfmt::skip]
mod generated;
mod odd;
mod producer;
mod program;
mod results;
mod servers;
