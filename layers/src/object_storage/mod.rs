//! Objects in S3, Google Cloud Storage, Azure, and whatever else the crate [`object_store`] knows and can sign URLs for.
//!
//! ```
//! # #[cfg(feature = "object-storage-s3")]
//! # fn storage() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//!
//! use tower_vgi_layers::object_storage::ObjectStorage;
//! use tower_vgi_layers::object_storage::object_store::aws::AmazonS3Builder;
//!
//! let bucket = AmazonS3Builder::from_env().with_bucket_name("results").build()?;
//! let storage = ObjectStorage::new(bucket)
//!     .prefix("rpc")
//!     .url_lifetime(Duration::from_secs(600))
//!     .object_lifetime(Duration::from_secs(86_400));
//! # let _ = storage;
//! # Ok(())
//! # }
//! ```
//!
//! It is a [`Storage`](tower_vgi::external::Storage), for [`external`](crate::external), and gives out
//! [`UploadUrls`](tower_vgi::external::UploadUrls), for [`upload_url`](crate::upload_url). Readers and writers get presigned
//! URLs, and no credentials.
//!
//! Large objects are put in parts, several at the same time, without a copy of the batch; what was begun is given up when
//! its call fails or is given up. Objects that nobody removes are deleted by [`ObjectStorage::sweep`] once they are older
//! than their lifetime. A rule of the bucket's own does the same with nobody at work; have one for parts of uploads
//! that were never finished.

pub(crate) mod put;
mod storage;
mod sweep;

#[doc(no_inline)]
pub use object_store;
pub use storage::ObjectStorage;
