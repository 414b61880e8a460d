//! HTTP layers for [`tower_vgi`]: each adds one concern to a server of Arrow RPC, and none needs another.
//!
//! Every layer is an ordinary [`tower_layer::Layer`] over a `Service<http::Request<B>>`, whatever
//! service that is: the core's, an axum router or a test's closure. What a layer offers to callers
//! it says through [`Advertise`](tower_vgi::Advertise); [`capabilities`] puts it on every response.
//!
//! [`Stack`] has all of them in the order that works, which is that of the table.
//!
//! | module | feature | concern |
//! |---|---|---|
//! | [`mount`] | `mount` | serving under a path prefix |
//! | [`request_id`] | `request-id` | an id for every request |
//! | [`otel`] | `otel` | spans and metrics of OpenTelemetry |
//! | [`sentry`] | `sentry` | errors of methods as issues of Sentry |
//! | [`prometheus`] | `prometheus` | metrics, and the page where Prometheus reads them |
//! | [`trace`] | `trace` | a span and events of every request |
//! | [`access_log`] | `access-log` | a line of JSON for every call |
//! | [`capabilities`] | `capabilities` | capability headers on every response |
//! | [`cors`] | `cors` | calls from pages of other origins |
//! | [`catch_panic`] | `catch-panic` | an answer where there was a panic |
//! | [`start_hook`] | `start-hook` | work before the first request |
//! | [`health`] | `health` | liveness, readiness and discovery |
//! | [`local_storage`] | `local-storage` | objects in a directory or in memory, and their signed URLs |
//! | [`auth`] | `auth`, `auth-…` | who calls |
//! | [`rate_limit`] | `rate-limit` | how often requests may come from one address |
//! | [`body_timeout`] | `body-timeout` | a deadline and a minimum rate for request bodies |
//! | [`limit`] | `limit` | request and response sizes |
//! | [`memory`] | `request-memory` | a bound on the memory of all requests together |
//! | [`compression`] | `compression` | zstd and gzip, both ways |
//! | [`pages`] | `pages` | pages for people |
//! | [`token_introspection`] | `token-introspection` | whose a credential is, for gateways of earlier releases |
//! | [`upload_url`] | `upload-url` | URLs at which callers put what they want to send |
//! | [`sticky`] | `sticky` | sessions: callers come back to live objects |
//!
//! Some wrap the decoded call instead, `Service<Call, Response = Reply>`: around all calls, one protocol's or one
//! method's.
//!
//! | module | feature | concern |
//! |---|---|---|
//! | [`call_timeout`] | `call-timeout` | a time limit for each call and each later step |
//! | [`concurrency`] | `concurrency-limit` | how many calls run at the same time |
//! | [`external`] | `external` | large batches by reference, both ways |
//! | [`rate_limit`] | `rate-limit` | how often callers may call |
//! | [`scope`] | `scope` | what callers may do, by their scopes |
//!
//! The rest:
//!
//! | module | feature | concern |
//! |---|---|---|
//! | [`stack`] | `stack` | all layers assembled |
//! | [`mod@serve`] | `serve`, `tls` | listening, HTTP/1.1 and HTTP/2, TLS, graceful stop |
//! | [`observability`] | | which layer tells whom what, with a picture of a trace |
//! | [`observe`] | `observe` | observers of your own |
//! | [`object_storage`] | `object-storage-s3`, `-gcs`, `-azure` | objects in S3, Google Cloud Storage and Azure; not in `full` |
//! | [`response`] | | bodies and futures for layers of your own that sometimes answer by themselves |
//! | [`readiness`] | | whether the server takes new work |
//! | [`testing`] | `testing` | the contract that every layer keeps, as a test for your own |
//!
//! Some of them by hand:
//!
//! ```
//! # #[cfg(feature = "full")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! use std::sync::Arc;
//!
//! use http::{Request, Response};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use tower_vgi::{Body, Capabilities, ServiceInfo};
//! use tower_vgi_layers::capabilities::CapabilitiesLayer;
//! use tower_vgi_layers::compression::{CompressionLayer, RequestBody};
//! use tower_vgi_layers::health::HealthLayer;
//! use tower_vgi_layers::mount::MountLayer;
//! use tower_vgi_layers::request_id::RequestIdLayer;
//!
//! let compression = CompressionLayer::new();
//! let capabilities = Capabilities::new().with(&compression);
//! let service = ServiceBuilder::new()
//!     .layer(MountLayer::new("/vgi")?)
//!     .layer(RequestIdLayer::new())
//!     .layer(CapabilitiesLayer::new(capabilities))
//!     .layer(HealthLayer::new(Arc::new(ServiceInfo::new("node-1", "Calculator"))))
//!     .layer(compression)
//!     .service(service_fn(|_request: Request<RequestBody<Body>>| async {
//!         Ok::<_, std::convert::Infallible>(Response::new(Body::from("the service")))
//!     }));
//!
//! let request = Request::get("/vgi/health").body(Body::empty())?;
//! let response = service.oneshot(request).await?;
//! assert_eq!(response.headers()["vgi-supported-encodings"], "zstd, gzip");
//! assert!(response.headers().contains_key("x-request-id"));
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "full"))]
//! # fn main() {}
//! ```
#![deny(missing_docs)]
// A stack is one type of all its layers down to the runtime's own parts in the core's sessions: deeper than the 128 types
// that the compiler follows by itself.
#![recursion_limit = "256"]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

#[macro_use]
mod accessors;

#[cfg(any(feature = "body-timeout", feature = "limit"))]
mod body_refusal;
#[cfg(any(feature = "auth-login", feature = "auth-oauth", feature = "cors"))]
mod origin;
#[cfg(all(test, any(feature = "catch-panic", feature = "trace")))]
mod recorded;
#[cfg(any(
    feature = "body-timeout",
    feature = "catch-panic",
    feature = "compression",
    feature = "limit",
    feature = "rate-limit"
))]
mod refusal;
#[cfg(any(feature = "access-log", feature = "otel", feature = "sentry", feature = "trace"))]
mod scrub;

#[cfg(feature = "access-log")]
pub mod access_log;
#[cfg(feature = "auth")]
pub mod auth;
#[cfg(feature = "body-timeout")]
pub mod body_timeout;
#[cfg(any(feature = "rate-limit", feature = "scope"))]
pub mod call_response;
#[cfg(feature = "call-timeout")]
pub mod call_timeout;
#[cfg(feature = "capabilities")]
pub mod capabilities;
#[cfg(feature = "catch-panic")]
pub mod catch_panic;
#[cfg(feature = "compression")]
pub mod compression;
#[cfg(feature = "concurrency-limit")]
pub mod concurrency;
#[cfg(feature = "cors")]
pub mod cors;
#[cfg(feature = "external")]
pub mod external;
#[cfg(feature = "health")]
pub mod health;
#[cfg(feature = "limit")]
pub mod limit;
#[cfg(feature = "local-storage")]
pub mod local_storage;
#[cfg(feature = "request-memory")]
pub mod memory;
#[cfg(feature = "mount")]
pub mod mount;
#[cfg(all(feature = "access-log", feature = "otel", feature = "prometheus", feature = "sentry", feature = "trace"))]
#[doc = include_str!("observability.md")]
pub mod observability {}
#[cfg(feature = "object-storage")]
pub mod object_storage;
#[cfg(feature = "observe")]
pub mod observe;
#[cfg(feature = "otel")]
pub mod otel;
#[cfg(feature = "pages")]
pub mod pages;
#[cfg(feature = "prometheus")]
pub mod prometheus;
#[cfg(feature = "rate-limit")]
pub mod rate_limit;
#[cfg(any(feature = "health", feature = "serve"))]
pub mod readiness;
#[cfg(feature = "request-id")]
pub mod request_id;
pub mod response;
#[cfg(feature = "scope")]
pub mod scope;
#[cfg(any(feature = "auth", feature = "sticky", feature = "token-introspection"))]
mod seconds;
#[cfg(feature = "sentry")]
pub mod sentry;
#[cfg(feature = "serve")]
pub mod serve;
#[cfg(feature = "stack")]
pub mod stack;
#[cfg(feature = "start-hook")]
pub mod start_hook;
#[cfg(feature = "sticky")]
pub mod sticky;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(feature = "token-introspection")]
pub mod token_introspection;
#[cfg(feature = "trace")]
pub mod trace;
#[cfg(feature = "upload-url")]
pub mod upload_url;

#[cfg(feature = "serve")]
pub use serve::serve;
#[cfg(feature = "stack")]
pub use stack::Stack;
