//! Batches that are kept elsewhere: putting them into a store, and fetching them from where a pointer says.
//!
//! A large batch need not travel in a response or a request. Its sender puts it into an object store and sends a
//! *pointer* in its place (a [`Reference`](crate::Reference) on the wire); its receiver fetches what is there.
//!
//! | | |
//! |---|---|
//! | [`Storage`] | keeps objects, and says where they can be read: what you implement for a store of your own |
//! | [`UploadUrls`] | gives out URLs at which callers can put what they want to send |
//! | [`Publisher`] | puts batches into a storage, compressed or not; gives references |
//! | [`Fetcher`] | reads what references refer to, and nothing else: see below |
//! | [`UrlPolicy`] | which URLs are read at all |
//!
//! `tower-vgi-layers` has the layers around them, and storages over S3, Google Cloud Storage, Azure and local
//! directories.
//!
//! # Reading what others point to
//!
//! A pointer makes its reader send requests, so that whoever writes one could reach what only the reader can: a
//! database in the same network, or the credentials that a cloud gives its machines. A [`Fetcher`] reads `https` URLs
//! only, and only from public addresses, which it looks at after the name has been resolved and connects to as they
//! are; redirects are held to the same. Stores inside of the own network are [named](UrlPolicy::allow_origin). What
//! comes is bounded as it is sent and once it is decoded, compared with the pointer's digest, and decoded as distrustfully
//! as any request. No error shows the query of a URL, which commonly is what gives access.

mod address;
mod compression;
mod connect;
mod fetch;
mod object;
mod policy;
mod publish;
mod put;
mod resolve;
#[cfg(feature = "client")]
mod shared_storage;
mod storage;

pub use compression::{Compression, ContentCoding};
pub use fetch::{Fetcher, FetcherBuilder};
pub use object::{Object, ObjectId};
pub use policy::UrlPolicy;
#[cfg(feature = "client")]
pub(crate) use publish::sha256;
pub use publish::{Published, Publisher, batch_size};
#[cfg(feature = "client")]
pub(crate) use resolve::Reading;
pub use resolve::Resolved;
#[cfg(feature = "client")]
pub(crate) use shared_storage::SharedStorage;
pub use storage::{Storage, UploadUrls};

pub use crate::upload_url::UploadUrl;
