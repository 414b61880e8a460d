//! Metrics for Prometheus, and the page where it reads them.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! use http::{Request, Response};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use tower_vgi::Body;
//! use tower_vgi_layers::observe::RequestBody;
//! use tower_vgi_layers::prometheus::PrometheusLayer;
//!
//! let metrics = PrometheusLayer::new();
//! let service = ServiceBuilder::new().layer(metrics.clone()).service(service_fn(
//!     |_request: Request<RequestBody<Body>>| async { Ok::<_, std::convert::Infallible>(Response::new(Body::empty())) },
//! ));
//! let response = service.oneshot(Request::get("/metrics").body(Body::empty())?).await?;
//! assert_eq!(response.status(), 200);
//! // For a port of its own, the same text:
//! assert!(metrics.render().ends_with("# EOF\n"));
//! # Ok(())
//! # }
//! ```
//!
//! | name | what |
//! |---|---|
//! | `vgi_rpc_server_call_duration_seconds` | histogram; its count is that of the calls |
//! | `vgi_rpc_server_errors_total` | by `code` |
//! | `vgi_rpc_server_request_bytes_total`, `vgi_rpc_server_response_bytes_total` | as sent |
//! | `vgi_rpc_server_rows_total` | by `direction` |
//! | `vgi_rpc_server_externalized_bytes_total` | by `direction`: stored elsewhere, or fetched from there |
//! | `vgi_rpc_server_refused_tokens_total` | by `token` |
//! | `vgi_rpc_server_requests_in_flight` | gauge |
//! | `vgi_rpc_server_active_sessions` | gauge, where it is [told](PrometheusLayer::active_sessions) |
//!
//! By `protocol` and `method`, where there is one. Metrics of your own go into [the same registry](PrometheusLayer::register).
//! Everybody who can call the server can read the page: where that is too much, [leave it
//! out](PrometheusLayer::without_page) and show [the text](PrometheusLayer::render) on a port of its own.

mod metrics;
mod service;
mod sessions;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tower_layer::Layer;
use tower_vgi::{Advertise, Capabilities};

use crate::observe::Observed;
use metrics::Metrics;

pub use metrics::{Counting, InFlight};
pub use prometheus_client;
pub use service::Prometheus;

/// Measures calls, and shows the measures at `/metrics`. See the [module](self).
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct PrometheusLayer {
    registry: Arc<Mutex<Registry>>,
    metrics: Metrics,
    page: Option<Arc<str>>,
}

impl PrometheusLayer {
    /// Metrics in a registry of their own.
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let metrics = Metrics::new(&mut registry);
        Self { registry: Arc::new(Mutex::new(registry)), metrics, page: Some("/metrics".into()) }
    }

    /// Shows the metrics at this path instead of `/metrics`.
    pub fn page(mut self, path: &str) -> Self {
        self.page = Some(path.into());
        self
    }

    /// Shows them nowhere.
    pub fn without_page(mut self) -> Self {
        self.page = None;
        self
    }

    /// Tells how many sessions there are, whenever the page is read; whoever tells it first is asked. A `Stack` tells it of
    /// the core's, unless it was told before.
    pub fn active_sessions(self, count: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        self.metrics.sessions.count_by(count);
        self
    }

    /// Adds metrics of your own, such as how large a queue is.
    pub fn register(self, add: impl FnOnce(&mut Registry)) -> Self {
        add(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner));
        self
    }

    /// The metrics in OpenMetrics' text form.
    pub fn render(&self) -> String {
        render(&self.registry)
    }
}

fn render(registry: &Mutex<Registry>) -> String {
    let mut text = String::new();
    // A string takes everything.
    let _ = encode(&mut text, &registry.lock().unwrap_or_else(PoisonError::into_inner));
    text
}

impl Default for PrometheusLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for PrometheusLayer {
    type Service = Prometheus<S>;

    fn layer(&self, inner: S) -> Self::Service {
        let observed = Observed::new(inner, Counting::new(self.metrics.clone()));
        Prometheus::new(observed, self.registry.clone(), self.page.clone())
    }
}

impl Advertise for PrometheusLayer {
    fn advertise(&self, _capabilities: &mut Capabilities) {}
}
