//! URLs at which callers put what is too large to send: `POST /__upload_url__/init`.
//!
//! A caller whose request is over the server's limit asks for a pair of URLs, puts the request's batch at one, and sends a
//! pointer to the other, which [`external`](crate::external) follows. Clients do so without their user noticing.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! use http::{Request, Response};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use tower_vgi::external::{UploadUrl, UploadUrls};
//! use tower_vgi::{Body, BoxError};
//! use tower_vgi_layers::upload_url::UploadUrlLayer;
//!
//! struct Bucket;
//!
//! impl UploadUrls for Bucket {
//!     async fn upload_url(&self) -> Result<UploadUrl, BoxError> {
//!         Ok(UploadUrl::new("https://bucket.example/1?put", "https://bucket.example/1?get", None))
//!     }
//! }
//!
//! let service = ServiceBuilder::new()
//!     .layer(UploadUrlLayer::new(Bucket).max_upload_bytes(1 << 30))
//!     .service(service_fn(async |_: Request<Body>| Ok::<_, BoxError>(Response::new(Body::from("the service")))));
//!
//! let request = Request::post("/__upload_url__/init").body(Body::from("no Arrow"))?;
//! let response = service.oneshot(request).await?;
//! assert_eq!(response.status(), 415);
//! # Ok(())
//! # }
//! ```
//!
//! Between 1 and 100 pairs are given out at once, of both wire generations alike. Everything else goes to the service
//! inside. Put the layer inside of whatever decides who may call, and of what limits requests.

mod answer;
mod layer;
mod service;
#[cfg(test)]
mod tests;

pub use layer::UploadUrlLayer;
pub use service::GiveUploadUrls;
