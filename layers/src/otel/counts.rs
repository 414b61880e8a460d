//! Counters that are added up here, and told to their instruments when metrics are collected: each time an instrument is
//! told something, it looks for the place of the attributes, which costs more than all else that is measured of a call.

use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;

use super::conventions as names;
use crate::observe::Outcome;

/// The instruments. All count both directions.
pub(super) struct Counters {
    pub(super) bytes: Counter<u64>,
    pub(super) rows: Counter<u64>,
    pub(super) externalized: Counter<u64>,
}

/// What has been counted of one method, and was not told yet.
pub(super) struct Counts {
    received: OneWay,
    sent: OneWay,
}

struct OneWay {
    attributes: Vec<KeyValue>,
    bytes: AtomicU64,
    rows: AtomicU64,
    externalized: AtomicU64,
}

impl Counts {
    pub(super) fn new(attributes: &[KeyValue]) -> Self {
        Self { received: OneWay::new(attributes, "receive"), sent: OneWay::new(attributes, "transmit") }
    }

    pub(super) fn count(&self, outcome: &Outcome<'_>) {
        let call = outcome.call;
        self.received.count(outcome.request_bytes, call.input.rows, call.externalized_input_bytes);
        self.sent.count(outcome.response_bytes, call.output.rows, call.externalized_output_bytes);
    }

    pub(super) fn tell(&self, counters: &Counters) {
        self.received.tell(counters);
        self.sent.tell(counters);
    }
}

impl OneWay {
    fn new(attributes: &[KeyValue], direction: &'static str) -> Self {
        let mut attributes = attributes.to_vec();
        attributes.push(KeyValue::new(names::NETWORK_IO_DIRECTION, direction));
        Self { attributes, bytes: AtomicU64::new(0), rows: AtomicU64::new(0), externalized: AtomicU64::new(0) }
    }

    fn count(&self, bytes: u64, rows: u64, externalized: u64) {
        for (sum, count) in [(&self.bytes, bytes), (&self.rows, rows), (&self.externalized, externalized)] {
            if count > 0 {
                sum.fetch_add(count, Ordering::Relaxed);
            }
        }
    }

    fn tell(&self, counters: &Counters) {
        let Counters { bytes, rows, externalized } = counters;
        for (sum, counter) in [(&self.bytes, bytes), (&self.rows, rows), (&self.externalized, externalized)] {
            // Where several collect at the same time, each has what the others have not.
            let count = sum.swap(0, Ordering::Relaxed);
            if count > 0 {
                counter.add(count, &self.attributes);
            }
        }
    }
}
