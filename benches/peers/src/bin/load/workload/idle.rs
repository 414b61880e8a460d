//! What a connection holds that has made a small call and waits for the next.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::json;

use super::unary;
use crate::client::{Connection, Style, UnaryCall};
use crate::measurement::{Measurement, Meter, Record};
use crate::process::Process;

/// How many of them.
const CONNECTIONS: usize = 1000;

/// After connections were opened or closed, until the server is looked at.
const SETTLING: Duration = Duration::from_millis(500);

pub(super) async fn run(process: &Process) -> Result<Record> {
    let (target, files) = (&process.target, &process.files);
    let call = UnaryCall::add(target)?;
    // What the first calls need once is not a connection's.
    for _ in 0..8 {
        unary::check(target, &call).await?;
    }
    tokio::time::sleep(SETTLING).await;
    let (before, descriptors) = (files.resident_mib()?, files.descriptors()?);
    let meter = Meter::start(process)?;
    let start = Instant::now();
    let mut open = Vec::with_capacity(CONNECTIONS);
    let mut measurement = Measurement::default();
    for index in 0..CONNECTIONS {
        let begin = Instant::now();
        let connect = async {
            let mut connection = Connection::open(target, Style::default()).await?;
            connection.unary(&call).await?;
            anyhow::Ok(connection)
        };
        let context = || format!("connection {index}; `ulimit -n` bounds how many a process may have");
        open.push(connect.await.with_context(context)?);
        measurement.latencies.push(begin.elapsed().as_nanos() as u64);
        measurement.operations += 1;
    }
    measurement.seconds = start.elapsed().as_secs_f64();
    let mut record = meter.finish(measurement)?;
    tokio::time::sleep(SETTLING).await;
    let kib = (files.resident_mib()? - before) * 1024.0 / CONNECTIONS as f64;
    record.insert("connection_kib".to_owned(), json!(kib));
    record.insert("descriptors".to_owned(), json!(files.descriptors()?.saturating_sub(descriptors)));
    Ok(record)
}
