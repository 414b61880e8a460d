//! Spans and metrics of OpenTelemetry.
//!
//! Every request of the protocol is a server span, named after its method, and counts in the metrics. Where its caller
//! runs in a trace, the span is a part of that: the context comes in the HTTP headers, or else in the metadata of the
//! request's batch, where the clients of the reference put it. Spans that a method begins, with OpenTelemetry or with
//! `tracing-opentelemetry`, lie inside.
//!
//! The layer speaks to the providers and the propagator that the program has set up, for all of it or
//! [for this layer](OtelLayer::tracer_provider):
//!
//! ```
//! use tower_vgi_layers::Stack;
//! use tower_vgi_layers::otel::OtelLayer;
//! # fn serve(service: tower_vgi::rpc::RpcService) -> Result<(), tower_vgi::BoxError> {
//!
//! // opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
//! // opentelemetry::global::set_tracer_provider(…);
//! let stack = Stack::builder(service).otel(OtelLayer::new()).build()?;
//! # let _ = stack;
//! # Ok(())
//! # }
//! ```
//!
//! # Spans
//!
//! The attributes are those of the semantic conventions for RPC and HTTP (`rpc.system.name`, `rpc.method`,
//! `rpc.response.status_code`, `error.type`, `http.request.method`, `url.path`, …), and of this protocol:
//! `rpc.vgi_rpc.` with `method_type`, `auth.principal`, `auth.domain`, `auth.authenticated`, `request_id`, `stream_id`,
//! `session_id`, and rows and bytes both ways. [`OtelLayer::legacy_names`] adds the names of earlier conventions.
//!
//! A span is an error where the server is at fault, as with gRPC; what a caller did wrong has its code and no more. The
//! error is an event `exception`. Parameters and results are in no span.
//!
//! # Metrics
//!
//! | name | unit | what |
//! |---|---|---|
//! | `rpc.server.call.duration` | `s` | histogram; its count is that of the requests |
//! | `rpc.vgi_rpc.server.io` | `By` | counter of bodies as sent, by `network.io.direction` |
//! | `rpc.server.request.size`, `rpc.server.response.size` | `By` | histograms of the same, where [wanted](OtelLayer::size_histograms) |
//! | `rpc.vgi_rpc.server.rows` | `{row}` | counter, by `network.io.direction` |
//! | `rpc.vgi_rpc.server.externalized` | `By` | counter: stored elsewhere or fetched from there, by direction |
//! | `rpc.vgi_rpc.server.refused_tokens` | `{token}` | counter, by `rpc.vgi_rpc.token` |
//! | `rpc.vgi_rpc.server.active_sessions` | `{session}` | gauge, where it is [told](OtelLayer::active_sessions) |
//!
//! By `rpc.method`, and `error.type` where a call failed; never by what callers choose. Counters are told what has been
//! counted when metrics are collected, namely when the gauge is asked: a view that drops
//! `rpc.vgi_rpc.server.active_sessions` stops them. A layer that is not told of sessions has no points there.
//!
//! # When spans begin
//!
//! Whether the metadata has a context is known when the body has been read. So where the headers have none, the span
//! begins with the call, and what layers have begun before is outside of it: a trace of its own where the metadata has a
//! context, else what the span is a part of. The span of [`trace`](crate::trace) is such a one under
//! `tracing-opentelemetry`; callers that send headers, as those of this crate do, have all of it in one trace.
//!
//! A sampler is asked then, and goes by the parent and the ids: it sees `rpc.system.name` and the verb of HTTP, since the
//! method's name and all else is said in the end, and only of spans that are recorded.
//!
//! A method that has waited for something goes on within what is current then. With [`trace`](crate::trace) under
//! `tracing-opentelemetry` that is the span `request` of that layer: what is begun after the wait lies in it, and where
//! the context came in the metadata only, in its trace. Callers that send headers have all of it in one.
//!
//! A layer between this one and the core that hands the request over to another task has to hand over the context as
//! well, as with all spans (`opentelemetry::context::FutureExt`).
//!
//! # What it costs
//!
//! Of a request whose span is not recorded nothing is copied and nothing is described: what remains is what the tracer
//! needs to decide, and the context that says so to whatever is begun inside. Where the headers have a context, no more
//! than that is kept, but the propagator has to read it: the SDK's takes half as long for a `traceparent` as all the rest
//! for a call without one. A recorded span costs several times as much, most of it for its attributes; so a busy server
//! samples. The metrics still count every call. Of these the histogram costs the most, as the SDK looks for the place of
//! the attributes each time; counters are added up beside it.

mod attributes;
mod conventions;
mod counts;
mod head;
mod metrics;
mod observer;
mod propagation;
mod scope;
mod span;
mod spans;
mod status;
#[cfg(test)]
mod tests;
mod tracer;

use std::fmt;
use std::sync::{Arc, OnceLock};

use opentelemetry::global;
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry::trace::{Tracer, TracerProvider};
use opentelemetry::{InstrumentationScope, KeyValue};
use tower_layer::Layer;
use tower_vgi::{Advertise, Capabilities};

use crate::observe::{Observed, PerMethod};
use metrics::{Metrics, Wanted};
use spans::Spans;
use tracer::BeginSpan;

pub use observer::{Otel, Seen};

/// Makes spans and metrics. See the [module](self).
#[derive(Clone, Default)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct OtelLayer {
    settings: Settings,
    /// Made once, however many services are wrapped: a meter keeps what it asks for ever.
    observer: Arc<OnceLock<Otel>>,
}

#[derive(Clone, Default)]
struct Settings {
    tracer: Option<Arc<dyn BeginSpan>>,
    meter: Option<Meter>,
    no_spans: bool,
    no_metrics: bool,
    size_histograms: bool,
    legacy: bool,
    attributes: Vec<KeyValue>,
    claims: Vec<(String, String)>,
    active_sessions: Option<Arc<dyn Fn() -> u64 + Send + Sync>>,
}

impl OtelLayer {
    /// Spans and metrics, with what the program has set up for all of it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes spans with these providers instead of the program's.
    pub fn tracer_provider<P>(self, provider: &P) -> Self
    where
        P: TracerProvider<Tracer: Tracer<Span: Send + Sync + 'static> + Send + Sync + 'static>,
    {
        self.set(|settings| settings.tracer = Some(Arc::new(provider.tracer_with_scope(scope()))))
    }

    /// Records metrics with this provider instead of the program's.
    pub fn meter_provider(self, provider: &dyn MeterProvider) -> Self {
        self.set(|settings| settings.meter = Some(provider.meter_with_scope(scope())))
    }

    /// Makes no spans.
    pub fn without_spans(self) -> Self {
        self.set(|settings| settings.no_spans = true)
    }

    /// Records no metrics.
    pub fn without_metrics(self) -> Self {
        self.set(|settings| settings.no_metrics = true)
    }

    /// Records besides how sizes are distributed, for each request: `rpc.server.request.size` and
    /// `rpc.server.response.size`. Their sums are always there (`rpc.vgi_rpc.server.io`).
    pub fn size_histograms(self) -> Self {
        self.set(|settings| settings.size_histograms = true)
    }

    /// Adds the names of earlier conventions, and the reference's metrics: `rpc.system`, `rpc.service`, `http.method`,
    /// `http.status_code`, `rpc.server.requests`, `rpc.server.duration`.
    pub fn legacy_names(self) -> Self {
        self.set(|settings| settings.legacy = true)
    }

    /// Puts an attribute of your own on every span and metric.
    pub fn attribute(self, attribute: KeyValue) -> Self {
        self.set(|settings| settings.attributes.push(attribute))
    }

    /// Puts a claim of the caller's on spans, as this attribute. It is on no metric: callers may be many.
    pub fn claim_attribute(self, claim: impl Into<String>, attribute: impl Into<String>) -> Self {
        self.set(|settings| settings.claims.push((claim.into(), attribute.into())))
    }

    /// Tells how many sessions there are, whenever that is asked for. A `Stack` tells it of the core's.
    pub fn active_sessions(self, count: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        self.set(|settings| settings.active_sessions = Some(Arc::new(count)))
    }

    /// Counts these sessions, unless it was told otherwise.
    #[cfg(feature = "stack")]
    pub(crate) fn counting_sessions(self, count: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        if self.settings.active_sessions.is_some() { self } else { self.active_sessions(count) }
    }

    /// What was made with other settings is not that of this layer.
    fn set(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self.observer = Arc::default();
        self
    }
}

impl Settings {
    fn observer(&self) -> Otel {
        let spans = (!self.no_spans).then(|| Spans {
            tracer: self.tracer.clone().unwrap_or_else(|| Arc::new(global::tracer_with_scope(scope()))),
            legacy: self.legacy,
            attributes: self.attributes.clone(),
            claims: self.claims.clone(),
            methods: PerMethod::default(),
        });
        let metrics = (!self.no_metrics).then(|| {
            let meter = self.meter.clone().unwrap_or_else(|| global::meter_with_scope(scope()));
            let wanted = Wanted {
                legacy: self.legacy,
                size_histograms: self.size_histograms,
                active_sessions: self.active_sessions.clone(),
            };
            Metrics::new(&meter, self.attributes.clone(), wanted)
        });
        Otel::new(spans, metrics)
    }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope::builder("tower-vgi").with_version(env!("CARGO_PKG_VERSION")).build()
}

impl fmt::Debug for OtelLayer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("OtelLayer")
            .field("spans", &!self.settings.no_spans)
            .field("metrics", &!self.settings.no_metrics)
            .field("legacy_names", &self.settings.legacy)
            .finish_non_exhaustive()
    }
}

impl<S> Layer<S> for OtelLayer {
    type Service = Observed<S, Otel>;

    fn layer(&self, inner: S) -> Self::Service {
        Observed::new(inner, self.observer.get_or_init(|| self.settings.observer()).clone())
    }
}

impl Advertise for OtelLayer {
    fn advertise(&self, _capabilities: &mut Capabilities) {}
}
