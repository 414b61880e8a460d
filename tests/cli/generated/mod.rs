//! What `tower-vgi describe --format rust` makes of our conformance worker, compiled.
#![allow(dead_code, unreachable_pub)]

pub(crate) mod flat;
pub(crate) mod namespaced;
pub(crate) mod odd;
