//! What is measured.

use std::sync::Arc;

use http::{Method, Request};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tower_vgi::call_record::CalledMethod;

use super::sessions::Sessions;
use crate::observe::{Observe, Outcome, PerMethod};

/// Seconds.
const BUCKETS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfMethod {
    protocol: String,
    method: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfError {
    protocol: String,
    method: String,
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfDirection {
    protocol: String,
    method: String,
    direction: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfToken {
    token: &'static str,
}

type Durations = Family<OfMethod, Histogram, fn() -> Histogram>;

/// All families. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Metrics {
    durations: Durations,
    errors: Family<OfError, Counter>,
    request_bytes: Family<OfMethod, Counter>,
    response_bytes: Family<OfMethod, Counter>,
    rows: Family<OfDirection, Counter>,
    externalized: Family<OfDirection, Counter>,
    refused_tokens: Family<OfToken, Counter>,
    in_flight: Gauge,
    pub(super) sessions: Sessions,
    methods: PerMethod<MethodMetrics>,
}

/// Those of one method, found once.
#[derive(Debug)]
struct MethodMetrics {
    labels: OfMethod,
    duration: Histogram,
    request_bytes: Counter,
    response_bytes: Counter,
    rows_received: Counter,
    rows_sent: Counter,
    fetched: Counter,
    stored: Counter,
}

impl Metrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            durations: Durations::new_with_constructor(|| Histogram::new(BUCKETS)),
            errors: Family::default(),
            request_bytes: Family::default(),
            response_bytes: Family::default(),
            rows: Family::default(),
            externalized: Family::default(),
            refused_tokens: Family::default(),
            in_flight: Gauge::default(),
            sessions: Sessions::default(),
            methods: PerMethod::default(),
        };
        let all = registry.sub_registry_with_prefix("vgi_rpc_server");
        all.register("call_duration_seconds", "How long calls take", metrics.durations.clone());
        all.register("errors", "Calls that failed", metrics.errors.clone());
        all.register("request_bytes", "Bytes of requests, as sent", metrics.request_bytes.clone());
        all.register("response_bytes", "Bytes of responses, as sent", metrics.response_bytes.clone());
        all.register("rows", "Rows that came and went", metrics.rows.clone());
        all.register(
            "externalized_bytes",
            "Bytes stored elsewhere or fetched from there",
            metrics.externalized.clone(),
        );
        all.register("refused_tokens", "Tokens that were not believed", metrics.refused_tokens.clone());
        all.register("requests_in_flight", "Requests that are being answered", metrics.in_flight.clone());
        all.register_collector(Box::new(metrics.sessions.clone()));
        metrics
    }

    fn of(&self, method: &CalledMethod) -> MethodMetrics {
        let labels = OfMethod { protocol: method.protocol.to_string(), method: method.description.name.clone() };
        let towards =
            |direction| OfDirection { protocol: labels.protocol.clone(), method: labels.method.clone(), direction };
        MethodMetrics {
            duration: self.durations.get_or_create_owned(&labels),
            request_bytes: self.request_bytes.get_or_create_owned(&labels),
            response_bytes: self.response_bytes.get_or_create_owned(&labels),
            rows_received: self.rows.get_or_create_owned(&towards("receive")),
            rows_sent: self.rows.get_or_create_owned(&towards("transmit")),
            fetched: self.externalized.get_or_create_owned(&towards("receive")),
            stored: self.externalized.get_or_create_owned(&towards("transmit")),
            labels,
        }
    }

    fn record(&self, outcome: &Outcome<'_>) {
        let call = outcome.call;
        if let Some(token) = call.refused_token {
            self.refused_tokens.get_or_create(&OfToken { token: token.as_str() }).inc();
        }
        let Some(dispatched) = &call.dispatched else { return };
        let method = self.methods.of(&dispatched.method, |method| self.of(method));
        method.duration.observe(outcome.duration.as_secs_f64());
        method.request_bytes.inc_by(outcome.request_bytes);
        method.response_bytes.inc_by(outcome.response_bytes);
        method.rows_received.inc_by(call.input.rows);
        method.rows_sent.inc_by(call.output.rows);
        method.fetched.inc_by(call.externalized_input_bytes);
        method.stored.inc_by(call.externalized_output_bytes);
        let Some(code) = outcome.code() else { return };
        let OfMethod { protocol, method } = method.labels.clone();
        self.errors.get_or_create(&OfError { protocol, method, code: code.as_str().to_owned() }).inc();
    }
}

/// What [`PrometheusLayer`](super::PrometheusLayer) observes with.
#[derive(Clone, Debug)]
pub struct Counting {
    metrics: Arc<Metrics>,
}

impl Counting {
    pub(super) fn new(metrics: Metrics) -> Self {
        Self { metrics: Arc::new(metrics) }
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub struct InFlight(Option<Gauge>);

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some(gauge) = &self.0 {
            gauge.dec();
        }
    }
}

impl Observe for Counting {
    type Seen = InFlight;

    fn begin<B>(&self, request: &mut Request<B>) -> InFlight {
        let counts = *request.method() == Method::POST;
        InFlight(counts.then(|| {
            self.metrics.in_flight.inc();
            self.metrics.in_flight.clone()
        }))
    }

    fn end(&self, _seen: InFlight, outcome: Outcome<'_>) {
        self.metrics.record(&outcome);
    }
}
