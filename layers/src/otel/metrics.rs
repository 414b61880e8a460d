//! The instruments.

use std::fmt;
use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter};
use tower_vgi::call_record::CalledMethod;

use super::conventions::{self as names, legacy};
use super::span;
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
pub(super) struct Metrics {
    duration: Histogram<f64>,
    request_size: Histogram<u64>,
    response_size: Histogram<u64>,
    rows: Counter<u64>,
    externalized: Counter<u64>,
    refused_tokens: Counter<u64>,
    legacy: Option<Legacy>,
    attributes: Vec<KeyValue>,
    methods: PerMethod<MethodAttributes>,
    /// Those of requests that lead to no method.
    other: Arc<MethodAttributes>,
}

/// The reference's.
#[derive(Clone)]
struct Legacy {
    requests: Counter<u64>,
    duration: Histogram<f64>,
}

/// What is the same for all calls of a method.
struct MethodAttributes {
    call: Vec<KeyValue>,
    received: Vec<KeyValue>,
    sent: Vec<KeyValue>,
}

impl MethodAttributes {
    fn new(own: &[KeyValue], name: String) -> Self {
        let mut call = own.to_vec();
        call.push(KeyValue::new(names::RPC_SYSTEM_NAME, names::VGI_RPC));
        call.push(KeyValue::new(names::RPC_METHOD, Arc::<str>::from(name)));
        let with = |direction: &'static str| {
            let mut attributes = call.clone();
            attributes.push(KeyValue::new(names::NETWORK_IO_DIRECTION, direction));
            attributes
        };
        Self { received: with("receive"), sent: with("transmit"), call }
    }
}

impl Metrics {
    pub(super) fn new(
        meter: &Meter,
        with_legacy: bool,
        attributes: Vec<KeyValue>,
        active_sessions: Option<Arc<dyn Fn() -> u64 + Send + Sync>>,
    ) -> Self {
        let size =
            |name: &'static str| meter.u64_histogram(name).with_unit("By").with_boundaries(BYTES.to_vec()).build();
        let counter = |name: &'static str, unit: &'static str| meter.u64_counter(name).with_unit(unit).build();
        if let Some(count) = active_sessions {
            // The meter keeps it, not the handle.
            let _ = meter
                .u64_observable_gauge("rpc.vgi_rpc.server.active_sessions")
                .with_unit("{session}")
                .with_callback(move |observer| observer.observe(count(), &[]))
                .build();
        }
        let seconds =
            |name: &'static str| meter.f64_histogram(name).with_unit("s").with_boundaries(SECONDS.to_vec()).build();
        Self {
            duration: seconds("rpc.server.call.duration"),
            request_size: size("rpc.server.request.size"),
            response_size: size("rpc.server.response.size"),
            rows: counter("rpc.vgi_rpc.server.rows", "{row}"),
            externalized: counter("rpc.vgi_rpc.server.externalized", "By"),
            refused_tokens: counter("rpc.vgi_rpc.server.refused_tokens", "{token}"),
            legacy: with_legacy.then(|| Legacy {
                requests: counter("rpc.server.requests", "{request}"),
                duration: seconds("rpc.server.duration"),
            }),
            other: Arc::new(MethodAttributes::new(&attributes, names::OTHER.to_owned())),
            attributes,
            methods: PerMethod::default(),
        }
    }

    pub(super) fn record(&self, outcome: &Outcome<'_>) {
        let call = outcome.call;
        let method = match &call.dispatched {
            Some(dispatched) => self.methods.of(&dispatched.method, |method: &CalledMethod| {
                MethodAttributes::new(&self.attributes, format!("{}/{}", method.protocol, method.description.name))
            }),
            None => self.other.clone(),
        };
        let seconds = outcome.duration.as_secs_f64();
        match span::code(outcome) {
            None => self.duration.record(seconds, &method.call),
            Some(code) => {
                let mut attributes = method.call.clone();
                attributes.push(KeyValue::new(names::ERROR_TYPE, code.as_str()));
                attributes.push(KeyValue::new(names::RPC_STATUS_CODE, code.as_str()));
                self.duration.record(seconds, &attributes);
            }
        }
        self.request_size.record(outcome.request_bytes, &method.call);
        self.response_size.record(outcome.response_bytes, &method.call);
        let count = |counter: &Counter<u64>, value: u64, attributes: &[KeyValue]| {
            if value > 0 {
                counter.add(value, attributes);
            }
        };
        count(&self.rows, call.input.rows, &method.received);
        count(&self.rows, call.output.rows, &method.sent);
        count(&self.externalized, call.externalized_input_bytes, &method.received);
        count(&self.externalized, call.externalized_output_bytes, &method.sent);
        if let Some(token) = call.refused_token {
            let mut attributes = self.attributes.clone();
            attributes.push(KeyValue::new(names::TOKEN, token.as_str()));
            self.refused_tokens.add(1, &attributes);
        }
        if let Some(legacy) = &self.legacy {
            legacy.record(outcome, &self.attributes, seconds);
        }
    }
}

impl Legacy {
    fn record(&self, outcome: &Outcome<'_>, own: &[KeyValue], seconds: f64) {
        let Some(dispatched) = &outcome.call.dispatched else { return };
        let mut attributes = own.to_vec();
        attributes.push(KeyValue::new(legacy::RPC_SYSTEM, names::VGI_RPC));
        attributes.push(KeyValue::new(legacy::RPC_SERVICE, dispatched.method.protocol.clone()));
        attributes.push(KeyValue::new(names::RPC_METHOD, dispatched.method.description.name.clone()));
        let status = if span::code(outcome).is_some() { "error" } else { "ok" };
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
