//! Large batches by reference, both ways: a *call layer*, around all calls.
//!
//! An answer's batch that reaches a threshold is put into a [`Storage`], and a pointer to it is sent in its place, which
//! callers resolve without noticing. A request whose batch is a pointer is fetched, verified and dispatched as if the
//! batch had come with it.
//!
//! ```
//! use tower_vgi::external::{Compression, Fetcher, UrlPolicy};
//! # use tower_vgi::BoxError;
//! # use tower_vgi::external::{Object, ObjectId, Storage};
//! use tower_vgi::rpc::{Method, Protocol, RpcService};
//! use tower_vgi_layers::external::ExternalLayer;
//!
//! # struct Bucket;
//! # impl Storage for Bucket {
//! #     async fn put(&self, _: &ObjectId, _: Object) -> Result<String, BoxError> { Err("full".into()) }
//! #     async fn delete(&self, _: &ObjectId) -> Result<(), BoxError> { Ok(()) }
//! # }
//! // What callers may point to: the store of this cluster, besides what is public.
//! let fetcher = Fetcher::builder().policy(UrlPolicy::new().allow_origin("http://minio.storage.svc:9000")?).build()?;
//! let external = ExternalLayer::new(Bucket, fetcher)
//!     .threshold(4 << 20)
//!     .compression(Compression::default())
//!     .max_externalized_response_bytes(1 << 30);
//!
//! let reports = Protocol::new("Reports").method(Method::unary("count").handler(|_, _| async { Ok(7_i64) }));
//! let service = RpcService::builder().layer(external).protocol(reports).build()?;
//! # let _ = service;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Tell callers of it: `Stack::builder(service).advertise(&external)`, or the capabilities of a stack of your own.
//!
//! # Where it belongs
//!
//! Innermost among the layers around all calls, so that answers are put as the others leave them.
//!
//! Nothing is fetched before everybody has let the call through: whatever layers decide, around all calls, one protocol or
//! one method, and whether the tokens of a stream are good. So layers see pointers as they came. One that looks at the
//! batch, and is inside of this one, asks for it with [`Call::resolve_input`](tower_vgi::rpc::Call::resolve_input).
//!
//! # What is put
//!
//! The result of a unary method, the header of a stream, a turn of a stream with all that it logged, each in an object of
//! its own, with the SHA-256 of what it held before compression. A batch without rows always travels itself, and so
//! does the server's description of itself, which is read by callers who know nothing yet. What a method
//! [published before](tower_vgi::ByReference) is not touched.
//!
//! An object is removed when nobody hears of it: its call failed or was given up, or its response was not read. All others
//! stay for as long as the storage keeps them.
//!
//! # Limits
//!
//! [`max_externalized_response_bytes`](ExternalLayer::max_externalized_response_bytes) bounds what is put for one
//! response, by what it is before compression, and before anything is put. What is fetched is bounded by the
//! [`Fetcher`](tower_vgi::external::Fetcher), and by the [memory of all requests](tower_vgi::RequestMemory) where there
//! is such a bound.

mod future;
mod incoming;
mod layer;
mod outgoing;
mod service;

pub use future::ResponseFuture;
pub use layer::ExternalLayer;
pub use service::External;
#[doc(no_inline)]
pub use tower_vgi::external::Storage;
