//! Objects in a directory or in memory, and the URLs under which this server hands them out: [`external`](crate::external)
//! and [`upload_url`](crate::upload_url) with no store but this one.
//!
//! ```
//! # #[cfg(all(feature = "external", feature = "stack", feature = "upload-url"))]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! use tower_vgi::external::{Fetcher, UrlPolicy};
//! use tower_vgi::rpc::{Method, Protocol, RpcService, TokenKeys};
//! use tower_vgi_layers::Stack;
//! use tower_vgi_layers::external::ExternalLayer;
//! use tower_vgi_layers::local_storage::LocalStorage;
//! use tower_vgi_layers::upload_url::UploadUrlLayer;
//!
//! # let folder = std::env::temp_dir().join(format!("tower-vgi-doc-{}", std::process::id()));
//! let keys = TokenKeys::from_text("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")?;
//! let storage =
//!     LocalStorage::directory(&folder, &keys)?.public_url("https://rpc.example/vgi")?.max_upload_bytes(1 << 30);
//!
//! // What callers upload is read where they put it: here.
//! let fetcher = Fetcher::builder().policy(storage.allow_own(UrlPolicy::new())).build()?;
//! let external = ExternalLayer::new(storage.clone(), fetcher);
//!
//! let reports = Protocol::new("Reports").method(Method::unary("count").handler(|_, _| async { Ok(7_i64) }));
//! let service = RpcService::builder().protocol(reports).token_keys(keys).layer(external.clone()).build()?;
//! let stack = Stack::builder(service)
//!     .prefix("/vgi")
//!     .advertise(&external)
//!     .max_request_bytes(16 << 20)
//!     .upload_urls(UploadUrlLayer::new(storage.clone()).max_upload_bytes(1 << 30))
//!     .local_storage(storage)
//!     .build()?;
//! # let _ = stack;
//! # std::fs::remove_dir_all(folder)?;
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "external", feature = "stack", feature = "upload-url")))]
//! # fn main() {}
//! ```
//!
//! [`LocalStorage`] keeps objects and signs URLs; [`LocalStorageLayer`] serves what they lead to, below `/__objects__/`.
//! Several workers that share the directory and the keys are one storage: each serves what any of them has signed.
//!
//! # What a URL gives access to
//!
//! To read one object, or to put one that is not there yet, until the URL expires; nothing else. The signature covers
//! the method, the object, the time and how much may be put. Nothing is listed, and what has been put is never put again.
//! Whoever has a URL needs no other credentials, so that the layer stands outside of authentication; everything that is
//! secret about a URL is in its query, which is neither logged nor shown in errors.
//!
//! # Where URLs lead
//!
//! To [`public_url`](LocalStorage::public_url). Where none is given and [`Stack::serve`](crate::Stack::serve) listens at
//! an address that can be connected to, such as the default `127.0.0.1`, to that address. Clients read from the origin
//! that they call, whatever its address; where URLs lead elsewhere they have to be told.
//!
//! # How long objects stay
//!
//! For a [day](LocalStorage::object_lifetime) after they were put; then whoever puts or gives out the next URL removes
//! them in the background. How much all of them take is not bounded: that is the file system's to do, or a quota's.

mod body;
mod failure;
mod get;
mod layer;
mod leftovers;
mod public_url;
mod put;
mod range;
mod service;
mod signature;
mod storage;
mod sweep;
#[cfg(test)]
mod tests;
mod uploading;

pub use layer::LocalStorageLayer;
pub use public_url::InvalidPublicUrl;
pub use service::ServeLocalStorage;
pub use storage::LocalStorage;
