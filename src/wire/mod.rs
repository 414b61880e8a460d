//! Bytes and batches: Arrow IPC streams with metadata on every batch. Nothing of HTTP or RPC.
//!
//! The IPC format gives each batch a list of keys and values of its own; `arrow-ipc` neither
//! reads nor writes it. This codec does, without copying column data on the way in or out, and
//! with every length checked before anything is allocated.
//!
//! | | |
//! |---|---|
//! | [`Decoder`] | a complete body: streams one after the other |
//! | [`IncrementalDecoder`] | bytes as they come in |
//! | [`StreamEncoder`] | batches into [`Frames`] |
//! | [`encode_batch`], [`decode_batch`] | a stream of one batch |
//! | [`WireSchema`], [`SchemaCache`] | a schema with its encoded form, and a memory of those seen |
//! | [`Limits`] | bounds for untrusted input |
//! | [`BodyCollector`], [`BufferPool`] | pieces of a body into one aligned buffer |
//!
//! ```
//! use std::sync::Arc;
//! use arrow_array::{ArrayRef, Float64Array, RecordBatch};
//! use tower_vgi::wire::{Limits, Metadata, decode_batch, encode_batch, keys};
//!
//! let a: ArrayRef = Arc::new(Float64Array::from(vec![1.0]));
//! let parameters = RecordBatch::try_from_iter([("a", a)])?;
//! let metadata = Metadata::from_iter([(keys::METHOD, "double"), (keys::REQUEST_VERSION, "1")]);
//! let body = encode_batch(&parameters, &metadata)?;
//!
//! let request = decode_batch(body.into(), Limits::default())?;
//! assert_eq!(request.metadata.get_str(keys::METHOD), Some("double"));
//! assert_eq!(request.batch, parameters);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Both directions cover every Arrow type, dictionaries included. On the way in dictionaries may
//! be replaced and extended and buffers be compressed (LZ4, zstd); on the way out dictionaries are
//! sent whole when they change, and compression is left to HTTP.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod arrays;
mod batch;
mod body;
mod compression;
mod decode;
mod dictionary;
mod encode;
mod error;
mod flatbuffer;
mod flatten;
mod frames;
mod header;
mod incremental;
pub mod keys;
mod limits;
mod lz4;
mod message;
mod metadata;
mod plan;
mod pool;
mod schema;
mod schema_cache;
mod stream;

pub use batch::{AnnotatedBatch, BatchKind};
pub use decode::{Decoder, decode_batch};
pub use encode::{StreamEncoder, encode_batch};
pub use error::{WireError, WireErrorKind};
pub use frames::Frames;
pub use incremental::{Event, IncrementalDecoder};
pub use limits::Limits;
pub use metadata::Metadata;
pub use pool::{BodyCollector, BufferPool};
pub use schema::{WireSchema, encode_schema};
pub use schema_cache::SchemaCache;
