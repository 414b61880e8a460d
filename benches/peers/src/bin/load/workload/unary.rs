//! Small unary calls on any number of connections; also the loop that other workloads call through.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use arrow_array::cast::AsArray as _;
use arrow_array::types::Float64Type;
use serde_json::json;

use crate::client::{Connection, Style, UnaryCall};
use crate::measurement::{Measurement, Meter, Record};
use crate::process::Process;
use crate::server::Target;

/// A connection makes no more calls in one measurement.
const MAX_CALLS: usize = 2_000_000;

pub(super) async fn run(process: &Process, connections: usize, seconds: f64) -> Result<Record> {
    let target = &process.target;
    let call = UnaryCall::add(target)?;
    let response_bytes = check(target, &call).await?;
    let mut open = open(target, Style::default(), connections).await?;
    repeat(&mut open, &call, seconds * 0.25, Duration::ZERO).await?;
    let meter = Meter::start(process)?;
    let measurement = repeat(&mut open, &call, seconds, Duration::ZERO).await?;
    let mut record = meter.finish(measurement)?;
    record.insert("request_bytes".to_owned(), json!(call.body.len()));
    record.insert("response_bytes".to_owned(), json!(response_bytes));
    Ok(record)
}

/// The sum has to be right; gives the size of the answer where it can be seen.
pub(super) async fn check(target: &Target, call: &UnaryCall) -> Result<Option<usize>> {
    let mut connection = Connection::open(target, Style::default()).await?;
    let (column, bytes) = connection.unary_decoded(call).await?;
    let sum = column.as_primitive_opt::<Float64Type>().map(|column| column.values()[..].to_vec());
    ensure!(sum.as_deref() == Some(&[3.75]), "1.5 and 2.25 add up to {sum:?}");
    Ok(bytes)
}

pub(super) async fn open(target: &Target, style: Style, connections: usize) -> Result<Vec<Connection>> {
    let mut open = Vec::with_capacity(connections);
    for _ in 0..connections {
        open.push(Connection::open(target, style).await?);
    }
    Ok(open)
}

/// Calls on all connections at once, on each one call after the other with a pause between. With a pause, they do not
/// begin together.
pub(super) async fn repeat(
    connections: &mut Vec<Connection>,
    call: &UnaryCall,
    seconds: f64,
    pause: Duration,
) -> Result<Measurement> {
    let start = Instant::now();
    let end = start + Duration::from_secs_f64(seconds);
    let apart = pause / u32::try_from(connections.len().max(1))?;
    let tasks: Vec<_> = connections
        .drain(..)
        .zip(0_u32..)
        .map(|(mut connection, index)| {
            let call = call.clone();
            tokio::spawn(async move {
                let mut latencies = Vec::with_capacity(1 << 16);
                if !pause.is_zero() {
                    tokio::time::sleep(apart * index).await;
                }
                while latencies.len() < 3 || (Instant::now() < end && latencies.len() < MAX_CALLS) {
                    let begin = Instant::now();
                    connection.unary(&call).await?;
                    latencies.push(begin.elapsed().as_nanos() as u64);
                    if !pause.is_zero() {
                        tokio::time::sleep(pause).await;
                    }
                }
                anyhow::Ok((connection, latencies))
            })
        })
        .collect();
    let mut measurement = Measurement::default();
    for task in tasks {
        let (connection, latencies) = task.await??;
        connections.push(connection);
        measurement.latencies.extend(latencies);
    }
    measurement.seconds = start.elapsed().as_secs_f64();
    measurement.operations = measurement.latencies.len() as u64;
    Ok(measurement)
}
