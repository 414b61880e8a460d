//! Two workers with one key behind HAProxy, with the configurations of `examples/deploy/haproxy`: streams go on when their
//! worker is killed, sessions find their worker, and nobody is sent to one that drains.
//!
//! Needs HAProxy (Debian: package haproxy). Where there is none the tests say that they are skipped; with
//! `TOWER_VGI_REQUIRE_INTEROP=1` they fail instead.

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

mod deployment;
mod drain;
mod load_balancer;
mod sessions;
mod streams;
