//! Typed RPC whose payload is Apache Arrow, over plain HTTP, as tower services and layers.
#![deny(missing_docs)]

pub mod wire;
