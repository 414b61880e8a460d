//! A payload there and back.

use std::time::Duration;

use anyhow::{Result, ensure};
use arrow_array::cast::AsArray as _;
use peers::data;
use serde_json::json;

use super::unary;
use crate::client::{Connection, Style, UnaryCall};
use crate::measurement::{Meter, Record};
use crate::process::Process;

pub(super) async fn run(process: &Process, bytes: usize, zstd: bool, seconds: f64) -> Result<Record> {
    let style = Style { zstd, streamed: false };
    let payload = if zstd { data::words(bytes) } else { data::noise(bytes) };
    let call = UnaryCall::echo(&process.target, style, &payload)?;
    let mut connection = Connection::open(&process.target, style).await?;
    let (column, response_bytes) = connection.unary_decoded(&call).await?;
    let same = column.as_binary_opt::<i32>().is_some_and(|column| column.iter().eq([Some(&payload[..])]));
    ensure!(same, "other bytes came back");
    drop(column);
    let mut open = vec![connection];
    unary::repeat(&mut open, &call, seconds * 0.15, Duration::ZERO).await?;
    let meter = Meter::start(process)?;
    let measurement = unary::repeat(&mut open, &call, seconds, Duration::ZERO).await?;
    let mut record = meter.finish(measurement.with_bytes(2 * bytes))?;
    record.insert("request_bytes".to_owned(), json!(call.body.len()));
    record.insert("request_plain_bytes".to_owned(), json!(call.plain_bytes));
    record.insert("response_bytes".to_owned(), json!(response_bytes));
    Ok(record)
}
