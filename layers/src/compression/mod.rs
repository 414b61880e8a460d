//! zstd and gzip, both ways.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! use http::{Request, Response};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use tower_vgi::Body;
//! use tower_vgi_layers::compression::{CompressionLayer, RequestBody};
//!
//! let service = ServiceBuilder::new().layer(CompressionLayer::new()).service(service_fn(
//!     |_request: Request<RequestBody<Body>>| async {
//!         let mut response = Response::new(Body::from(vec![0; 100_000]));
//!         response.headers_mut().insert("content-type", "application/vnd.apache.arrow.stream".parse()?);
//!         Ok::<_, http::header::InvalidHeaderValue>(response)
//!     },
//! ));
//!
//! let request = Request::post("/f").header("accept-encoding", "br, zstd;q=0.5").body(Body::empty())?;
//! let response = service.oneshot(request).await?;
//! assert_eq!(response.headers()["content-encoding"], "zstd");
//! # Ok(())
//! # }
//! ```
//!
//! # Requests
//!
//! A request with a `Content-Encoding` is decoded before the service inside is called, which then
//! finds one complete, contiguous body of known size. One without passes untouched and unboxed. An
//! encoding that is not offered is answered with 415, a body that is not what it says with 400, and one
//! that would decode to more than [`CompressionLayer::max_decoded_bytes`] with 413: from the size that
//! its zstd frame announces, and otherwise as soon as it goes over. zstd windows over 8 MiB are
//! refused too.
//!
//! # Responses
//!
//! Only Arrow streams are compressed, and of these only what has 1 KiB or more: below, the frame and the
//! work outweigh the bytes saved. The encoding is the first in the caller's own order that this side can
//! produce, `X-VGI-Accept-Encoding` before `Accept-Encoding`; quality values are not looked at, and
//! `identity` ends the search. One that only the former header named is answered with
//! `X-VGI-Content-Encoding`, for callers whose HTTP library would decode `Content-Encoding` by itself.
//!
//! A body of known length is compressed before the response begins, with its size in the zstd frame
//! and an exact `Content-Length`. Any other is compressed as it comes and flushed at each of its
//! frames, so that a caller can read the first batch before there is a second.
//!
//! # Large bodies
//!
//! Nothing is handed to other threads. What takes longer than about a millisecond is done in pieces, between
//! which the task steps back behind all others that are ready: a 64 MiB response does not hold up a
//! small call by more than one piece, and work ends at once when the caller goes away. Needs a tokio runtime
//! for that.

mod account;
mod decoder;
mod encoder;
mod encoding;
mod future;
mod layer;
mod negotiation;
mod pause;
mod pool;
mod receive;
mod request_body;
mod response_body;
mod service;
mod whole;

pub use encoding::Encoding;
pub use future::ResponseFuture;
pub use layer::{CompressionLayer, InvalidLevel, zstd_disabled_by_environment};
pub use request_body::RequestBody;
pub use response_body::ResponseBody;
pub use service::Compression;

#[cfg(test)]
mod tests;
