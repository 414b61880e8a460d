//! A span and events of [tracing] for every request.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! use http::{Request, Response};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use tower_vgi::Body;
//! use tower_vgi_layers::request_id::RequestIdLayer;
//! use tower_vgi_layers::trace::TraceLayer;
//!
//! tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).init();
//!
//! let service = ServiceBuilder::new().layer(RequestIdLayer::new()).layer(TraceLayer::new()).service(service_fn(
//!     |_request: Request<Body>| async {
//!         // request{method=POST path="/add" version=HTTP/1.1 request_id="…"}: tower_vgi: adding
//!         tracing::info!("adding");
//!         Ok::<_, std::convert::Infallible>(Response::new(Body::empty()))
//!     },
//! ));
//! let response = service.oneshot(Request::post("/add").body(Body::empty())?).await?;
//! assert_eq!(response.status(), 200);
//! # Ok(())
//! # }
//! ```
//!
//! All have the target `tower_vgi::request`, and these names:
//!
//! | what | level | fields |
//! |---|---|---|
//! | span `request` | `INFO` | `method`, `path` (without the query), `version`, `request_id` |
//! | event `response` | `INFO` | `status`, `latency_ms` |
//! | event `failure` | `WARN` or `ERROR` | `kind`, and of `status`, `error` and `latency_ms` what is known |
//! | event `end of body` | `DEBUG` | `duration_ms` since the response |
//!
//! A failure of the kind `rpc` (`WARN`) is an error of a method, which travels with the status 200 and
//! `X-VGI-RPC-Error`. The other kinds (`ERROR`) are `status`, which is 500 or more, `service` for one that failed
//! without a response, and `body` for a response that broke off. Errors inside of a streamed body, after its first
//! turn, are not seen here. Neither are a caller's headers and queries, in which secrets travel.
//!
//! The layer is tower-http's `TraceLayer`, set up for the protocol. Where no subscriber is set, not even a clock is
//! read. Put it inside [`request_id`](crate::request_id) and outside of everything that may answer.
//!
//! [tracing]: https://docs.rs/tracing

mod body;
mod classify;
mod events;
mod service;

#[cfg(test)]
mod tests;

use tower_http::classify::SharedClassifier;
use tower_layer::Layer;
use tower_vgi::{Advertise, Capabilities};

use classify::Classify;
use events::{MakeSpan, OnEos, OnFailure, OnResponse};

pub use body::ResponseBody;
pub use service::{ResponseFuture, Trace};

/// The target of the span and of the events.
pub const TARGET: &str = "tower_vgi::request";

/// Makes a span and events for every request. See the [module](self).
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct TraceLayer;

impl TraceLayer {
    /// Spans and events as the module's table has them. Which are wanted, the subscriber decides.
    pub fn new() -> Self {
        Self
    }
}

impl<S> Layer<S> for TraceLayer {
    type Service = Trace<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Trace::new(
            tower_http::trace::TraceLayer::new(SharedClassifier::new(Classify))
                .make_span_with(MakeSpan)
                .on_request(())
                .on_response(OnResponse)
                .on_body_chunk(())
                .on_eos(OnEos)
                .on_failure(OnFailure)
                .layer(inner),
        )
    }
}

impl Advertise for TraceLayer {
    fn advertise(&self, _capabilities: &mut Capabilities) {}
}
