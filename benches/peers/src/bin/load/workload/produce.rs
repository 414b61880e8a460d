//! A long producer, again and again.

use anyhow::Result;
use peers::data::{PRODUCED_BATCHES, PRODUCED_ROWS};
use serde_json::json;

use crate::client::{Connection, Style};
use crate::measurement::{Measurement, Meter, Record, quantile};
use crate::process::Process;

/// Bytes of payload of one producer.
pub(super) const BYTES: usize = (PRODUCED_BATCHES * PRODUCED_ROWS * 16) as usize;

pub(super) async fn run(process: &Process, streamed: bool, seconds: f64) -> Result<Record> {
    let mut connection = Connection::open(&process.target, Style { streamed, zstd: false }).await?;
    let requests = connection.produce(PRODUCED_BATCHES, PRODUCED_ROWS).await?.requests;
    let meter = Meter::start(process)?;
    let mut measurement = Measurement::default();
    let mut first_batches = Vec::new();
    while measurement.operations < 3 || measurement.seconds < seconds {
        let produced = connection.produce(PRODUCED_BATCHES, PRODUCED_ROWS).await?;
        measurement.operations += 1;
        measurement.seconds += produced.elapsed.as_secs_f64();
        measurement.latencies.push(produced.elapsed.as_nanos() as u64);
        first_batches.push(produced.first_batch.as_nanos() as u64);
    }
    first_batches.sort_unstable();
    let mut record = meter.finish(measurement.with_bytes(BYTES))?;
    record.insert("first_batch_us".to_owned(), json!(quantile(&first_batches, 0.5)));
    record.insert("requests".to_owned(), json!(requests));
    Ok(record)
}
