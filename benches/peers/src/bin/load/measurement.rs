//! [`Measurement`]: what a workload counted, and [`Meter`]: what it cost meanwhile.

use std::time::Instant;

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::proc_files::{ProcFiles, machine_cpu_seconds};
use crate::process::Process;

/// A line of the results.
pub(crate) type Record = Map<String, Value>;

/// What a workload counted.
#[derive(Debug, Default)]
pub(crate) struct Measurement {
    pub(crate) operations: u64,
    pub(crate) seconds: f64,
    /// Bytes of payload, both ways.
    pub(crate) bytes: f64,
    /// Nanoseconds of each operation.
    pub(crate) latencies: Vec<u64>,
}

impl Measurement {
    /// A number of bytes in each operation.
    pub(crate) fn with_bytes(mut self, each: usize) -> Self {
        self.bytes = each as f64 * self.operations as f64;
        self
    }
}

/// Reads the clocks when the measured part begins.
pub(crate) struct Meter<'a> {
    process: &'a Process,
    start: Instant,
    machine: f64,
    server: f64,
    client: f64,
    switches: u64,
}

impl<'a> Meter<'a> {
    pub(crate) fn start(process: &'a Process) -> Result<Self> {
        Ok(Self {
            process,
            machine: machine_cpu_seconds()?,
            server: process.files.cpu_seconds()?,
            client: ProcFiles::own().cpu_seconds()?,
            switches: process.files.context_switches()?,
            start: Instant::now(),
        })
    }

    /// Reads them again, for the measurement.
    pub(crate) fn finish(self, mut measurement: Measurement) -> Result<Record> {
        let wall = self.start.elapsed().as_secs_f64();
        let files = &self.process.files;
        let server = files.cpu_seconds()? - self.server;
        let client = ProcFiles::own().cpu_seconds()? - self.client;
        let others = machine_cpu_seconds()? - self.machine - server - client;
        // A thread that ended takes its count with it.
        let switches = files.context_switches()?.saturating_sub(self.switches);
        let operations = measurement.operations as f64;
        measurement.latencies.sort_unstable();
        let mut record = Record::new();
        let mut set = |key: &str, value: Value| record.insert(key.to_owned(), value);
        set("operations", json!(measurement.operations));
        set("seconds", json!(measurement.seconds));
        set("per_second", json!(operations / measurement.seconds));
        set("mb_per_second", json!(measurement.bytes / measurement.seconds / 1e6));
        set("p50_us", json!(quantile(&measurement.latencies, 0.5)));
        set("p99_us", json!(quantile(&measurement.latencies, 0.99)));
        set("max_us", json!(quantile(&measurement.latencies, 1.0)));
        set("server_cpu_us", json!(server * 1e6 / operations));
        set("client_cpu_us", json!(client * 1e6 / operations));
        set("switches", json!(switches as f64 / operations));
        set("start_mib", json!(self.process.start_mib));
        set("peak_mib", json!(files.peak_mib()?));
        set("threads", json!(files.threads()?));
        set("other_cores", json!(others / wall));
        Ok(record)
    }
}

/// Microseconds out of sorted nanoseconds.
pub(crate) fn quantile(sorted: &[u64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((last as f64 * share).round() as usize).map(|nanoseconds| *nanoseconds as f64 / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occurred() {
        let sorted: Vec<u64> = (1..=101).map(|value| value * 1000).collect();
        assert_eq!(quantile(&sorted, 0.0), Some(1.0));
        assert_eq!(quantile(&sorted, 0.5), Some(51.0));
        assert_eq!(quantile(&sorted, 0.99), Some(100.0));
        assert_eq!(quantile(&sorted, 1.0), Some(101.0));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
