//! Typed RPC whose payload is Apache Arrow, over plain HTTP, as tower services and layers.
//!
//! This is the vgi-rpc HTTP transport in Rust. A *method* takes an Arrow row and answers with one (*unary*), with batches
//! (*producer*), or trades batches with its caller (*exchange*). Published clients of both wire generations call it on
//! one port.
//!
//! ```
//! use tower_vgi::rpc::RpcService;
//! use tower_vgi::Result;
//!
//! #[tower_vgi::service]
//! trait Greeter {
//!     /// Greet somebody.
//!     async fn greet(&self, name: String, #[default("Hello")] greeting: String) -> Result<String>;
//! }
//!
//! struct Friendly;
//!
//! impl Greeter for Friendly {
//!     async fn greet(&self, name: String, greeting: String) -> Result<String> {
//!         Ok(format!("{greeting}, {name}!"))
//!     }
//! }
//!
//! // A `tower::Service` over HTTP requests: under hyper, axum or tonic, or called in a test.
//! let service = RpcService::builder().protocol(GreeterServer::new(Friendly)).build()?;
//! # let _ = service;
//! # Ok::<(), tower_vgi::rpc::BuildError>(())
//! ```
//!
//! # Where to read on
//!
//! - [`service`](macro@service) makes a trait a protocol; [`rpc::Method`] does the same by hand.
//! - [`value`] has the table of Rust types and Arrow types, and [`VgiArrow`](macro@VgiArrow) derives the mapping for
//!   structs and enums of your own.
//! - [`rpc::CallContext`] is what a method sees of its call: the caller, headers, logging, cancellation.
//! - [`rpc::Producer::from_stream`] serves any stream of batches, such as the result of a query.
//! - [`rpc::ProducerState`] and [`rpc::ExchangeState`] are streams; their state travels sealed with the caller, so that
//!   any worker takes the next turn.
//! - [`session`] keeps live objects between the calls of one caller.
//! - [`rpc::CallLayer`]s wrap the decoded call: around everything, one protocol or one method.
//! - The crate `tower-vgi-layers` has what wraps the HTTP message: compression, limits, health and serving.
//! - [`external`] keeps large batches in an object store and fetches them from there.
//! - [`error`] tells how errors reach callers of other languages.
//! - [`wire`] is Arrow IPC with metadata on every batch, and useful by itself.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `macros` | yes | `#[service]` and `#[derive(VgiArrow)]` |
//! | `client` | no | [`client`]: channels, typed proxies, streams, sessions |
//! | `client-otel` | no | spans of OpenTelemetry for the requests of channels, and propagation |
//! | `client-tls` | no | `https://` for channels |
//! | `cli` | no | the program `tower-vgi`, which describes servers and calls them |
//! | `identity` | no | [`identity`]: whose a credential is, and credentials for what runs unattended; for servers and clients |
//! | `external` | no | [`external`]: batches that are kept in object stores, for servers and clients |
//! | `server` | yes | [`rpc`]: the service, the dispatcher, tokens and introspection; `macros` with it |
//!
//! Without features there are [`wire`], [`value`], [`error`] and the shared [`vocabulary`].
#![deny(missing_docs)]

pub mod body;
mod claims;
#[cfg(feature = "client")]
pub mod client;
mod delivery;
pub mod error;
#[cfg(feature = "external")]
pub mod external;
#[cfg(any(feature = "client", feature = "server"))]
mod generation;
#[cfg(any(feature = "client", feature = "external", feature = "server"))]
mod headers;
#[cfg(all(feature = "identity", any(feature = "client", feature = "server")))]
pub mod identity;
#[cfg(any(feature = "client", feature = "external", feature = "server"))]
mod log;
pub mod memory;
#[cfg(any(feature = "client", feature = "server"))]
mod method;
#[cfg(any(feature = "client", feature = "external"))]
mod received;
#[cfg(any(feature = "client", feature = "external", feature = "server"))]
mod reference;
#[cfg(any(feature = "client", feature = "server"))]
mod reflection;
#[cfg(any(feature = "client-tls", feature = "external"))]
mod tls;
#[cfg(any(feature = "client", feature = "server"))]
mod type_name;
#[cfg(any(feature = "client", feature = "external"))]
mod upload_url;
pub mod value;
pub mod vocabulary;
pub mod wire;

#[cfg(feature = "server")]
pub mod call_record;
#[cfg(feature = "server")]
pub mod drain;
#[cfg(feature = "server")]
pub mod rpc;
#[cfg(all(feature = "client", not(feature = "server")))]
#[path = "rpc_names.rs"]
pub mod rpc;
#[cfg(feature = "server")]
pub mod session;

pub use body::Body;
pub use delivery::Delivery;
pub use error::{AuthReason, ErrorCode, ErrorDetail, MethodError, Result, RpcError};
pub use memory::{RequestMemory, RequestMemoryPool};
#[cfg(any(feature = "client", feature = "external", feature = "server"))]
pub use reference::{ByReference, Reference};
pub use value::{Record, VgiArrow};
pub use vocabulary::{
    Advertise, AuthContext, Capabilities, Claims, MountPrefix, PeerAddr, PeerCertificates, ResponseBudget,
};

#[cfg(feature = "server")]
pub use call_record::CallRecord;
#[cfg(feature = "server")]
pub use rpc::ServiceInfo;

#[cfg(feature = "macros")]
pub use tower_vgi_macros::VgiArrow;
#[cfg(all(feature = "macros", any(feature = "client", feature = "server")))]
pub use tower_vgi_macros::service;

/// Code for servers: nothing where the feature is off, so that a crate may be shared with clients.
#[doc(hidden)]
#[cfg(feature = "server")]
#[macro_export]
macro_rules! __server {
    ($($code:tt)*) => { $($code)* };
}

#[doc(hidden)]
#[cfg(not(feature = "server"))]
#[macro_export]
macro_rules! __server {
    ($($code:tt)*) => {};
}

/// Code for clients: nothing where the feature is off.
#[doc(hidden)]
#[cfg(feature = "client")]
#[macro_export]
macro_rules! __client {
    ($($code:tt)*) => { $($code)* };
}

#[doc(hidden)]
#[cfg(not(feature = "client"))]
#[macro_export]
macro_rules! __client {
    ($($code:tt)*) => {};
}

/// Any error; what tower's own middleware uses.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

// Names that generated code needs; not part of the interface.
#[doc(hidden)]
pub mod __private {
    #[cfg(any(feature = "client", feature = "server"))]
    pub use crate::method::{ExchangeBuilder, ProducerBuilder, UnaryBuilder};
    pub use crate::value::derived;
    pub use {arrow_array, arrow_schema, serde};
}

extern crate self as tower_vgi;

#[cfg(all(doctest, feature = "macros", feature = "server"))]
#[doc = include_str!("../README.md")]
struct ReadmeIsRight;
