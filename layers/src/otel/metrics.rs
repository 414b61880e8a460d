//! The instruments.

use std::fmt;
use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter};

use super::conventions::{self as names, legacy};
use super::counts::{Counters, Counts};
use crate::observe::{Outcome, PerMethod};

/// The boundaries that the conventions recommend, in seconds.
const SECONDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Powers of four from 64 bytes to a gibibyte.
const BYTES: [f64; 13] = [
    64.0,
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
    268_435_456.0,
    1_073_741_824.0,
];

#[derive(Clone)]
pub(super) struct Metrics(Arc<Shared>);

struct Shared {
    duration: Histogram<f64>,
    sizes: Option<Sizes>,
    counters: Counters,
    refused_tokens: Counter<u64>,
    legacy: Option<Legacy>,
    attributes: Vec<KeyValue>,
    methods: PerMethod<MethodMetrics>,
    /// Those of requests that lead to no method.
    other: MethodMetrics,
}

/// How sizes are distributed.
struct Sizes {
    request: Histogram<u64>,
    response: Histogram<u64>,
}

/// The reference's.
struct Legacy {
    requests: Counter<u64>,
    duration: Histogram<f64>,
}

/// What there is of a method.
struct MethodMetrics {
    attributes: Vec<KeyValue>,
    counts: Counts,
}

impl MethodMetrics {
    fn new(own: &[KeyValue], name: Arc<str>) -> Self {
        let mut attributes = own.to_vec();
        attributes.push(KeyValue::new(names::RPC_SYSTEM_NAME, names::VGI_RPC));
        attributes.push(KeyValue::new(names::RPC_METHOD, name));
        Self { counts: Counts::new(&attributes), attributes }
    }
}

/// What is measured besides durations.
pub(super) struct Wanted {
    pub(super) legacy: bool,
    pub(super) size_histograms: bool,
    pub(super) active_sessions: Option<Arc<dyn Fn() -> u64 + Send + Sync>>,
}

impl Metrics {
    pub(super) fn new(meter: &Meter, attributes: Vec<KeyValue>, wanted: Wanted) -> Self {
        let counter = |name: &'static str, unit: &'static str| meter.u64_counter(name).with_unit(unit).build();
        let size =
            |name: &'static str| meter.u64_histogram(name).with_unit("By").with_boundaries(BYTES.to_vec()).build();
        let seconds =
            |name: &'static str| meter.f64_histogram(name).with_unit("s").with_boundaries(SECONDS.to_vec()).build();
        let shared = Arc::new(Shared {
            duration: seconds("rpc.server.call.duration"),
            sizes: wanted.size_histograms.then(|| Sizes {
                request: size("rpc.server.request.size"),
                response: size("rpc.server.response.size"),
            }),
            counters: Counters {
                bytes: counter("rpc.vgi_rpc.server.io", "By"),
                rows: counter("rpc.vgi_rpc.server.rows", "{row}"),
                externalized: counter("rpc.vgi_rpc.server.externalized", "By"),
            },
            refused_tokens: counter("rpc.vgi_rpc.server.refused_tokens", "{token}"),
            legacy: wanted.legacy.then(|| Legacy {
                requests: counter("rpc.server.requests", "{request}"),
                duration: seconds("rpc.server.duration"),
            }),
            other: MethodMetrics::new(&attributes, names::OTHER.into()),
            attributes,
            methods: PerMethod::default(),
        });
        let collected = shared.clone();
        // Asked whenever metrics are collected. The meter keeps it, not the handle.
        let _ = meter
            .u64_observable_gauge("rpc.vgi_rpc.server.active_sessions")
            .with_unit("{session}")
            .with_callback(move |observer| {
                collected.tell();
                if let Some(count) = &wanted.active_sessions {
                    observer.observe(count(), &[]);
                }
            })
            .build();
        Self(shared)
    }

    pub(super) fn record(&self, outcome: &Outcome<'_>) {
        let shared = &*self.0;
        match &outcome.call.dispatched {
            Some(dispatched) => {
                let method = shared
                    .methods
                    .of(&dispatched.method, |method| MethodMetrics::new(&shared.attributes, names::full_name(method)));
                shared.record(method, outcome);
            }
            None => shared.record(&shared.other, outcome),
        }
    }
}

impl Shared {
    fn record(&self, method: &MethodMetrics, outcome: &Outcome<'_>) {
        let call = outcome.call;
        let seconds = outcome.duration.as_secs_f64();
        match outcome.code() {
            None => self.duration.record(seconds, &method.attributes),
            Some(code) => {
                let mut attributes = method.attributes.clone();
                attributes.push(KeyValue::new(names::ERROR_TYPE, code.as_str()));
                attributes.push(KeyValue::new(names::RPC_STATUS_CODE, code.as_str()));
                self.duration.record(seconds, &attributes);
            }
        }
        if let Some(sizes) = &self.sizes {
            sizes.request.record(outcome.request_bytes, &method.attributes);
            sizes.response.record(outcome.response_bytes, &method.attributes);
        }
        method.counts.count(outcome);
        if let Some(token) = call.refused_token {
            let mut attributes = self.attributes.clone();
            attributes.push(KeyValue::new(names::TOKEN, token.as_str()));
            self.refused_tokens.add(1, &attributes);
        }
        if let Some(legacy) = &self.legacy {
            legacy.record(outcome, &self.attributes, seconds);
        }
    }

    /// Tells the counters what has been counted since.
    fn tell(&self) {
        self.other.counts.tell(&self.counters);
        self.methods.for_each(|method| method.counts.tell(&self.counters));
    }
}

impl Legacy {
    fn record(&self, outcome: &Outcome<'_>, own: &[KeyValue], seconds: f64) {
        let Some(dispatched) = &outcome.call.dispatched else { return };
        let mut attributes = own.to_vec();
        attributes.push(KeyValue::new(legacy::RPC_SYSTEM, names::VGI_RPC));
        attributes.push(KeyValue::new(legacy::RPC_SERVICE, dispatched.method.protocol.clone()));
        attributes.push(KeyValue::new(names::RPC_METHOD, dispatched.method.description.name.clone()));
        let status = if outcome.code().is_some() { "error" } else { "ok" };
        attributes.push(KeyValue::new(legacy::STATUS, status));
        self.requests.add(1, &attributes);
        self.duration.record(seconds, &attributes);
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Metrics")
    }
}
