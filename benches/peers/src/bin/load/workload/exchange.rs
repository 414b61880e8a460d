//! Turns of an exchange; the opening is not measured.

use std::time::Instant;

use anyhow::{Result, ensure};
use peers::data::FACTOR;

use crate::client::{Connection, Style};
use crate::measurement::{Measurement, Meter, Record};
use crate::process::Process;

pub(super) async fn run(process: &Process, rows: usize, seconds: f64) -> Result<Record> {
    // An exchange of few turns over and over, so that none grows old.
    let turns = if rows == 1 { 500 } else { 100 };
    let mut connection = Connection::open(&process.target, Style::default()).await?;
    let expected = (rows - 1) as f64 * FACTOR;
    let last = connection.exchange(rows).await?.turn_decoded().await?;
    ensure!(last == expected, "the last value is {last}, not {expected}");
    measure(&mut connection, rows, turns / 2, &mut Measurement::default()).await?;
    let meter = Meter::start(process)?;
    let mut measurement = Measurement::default();
    while measurement.seconds < seconds {
        measure(&mut connection, rows, turns, &mut measurement).await?;
    }
    meter.finish(measurement)
}

async fn measure(connection: &mut Connection, rows: usize, turns: u64, measurement: &mut Measurement) -> Result<()> {
    let mut exchange = connection.exchange(rows).await?;
    let start = Instant::now();
    for _ in 0..turns {
        let begin = Instant::now();
        exchange.turn().await?;
        measurement.latencies.push(begin.elapsed().as_nanos() as u64);
    }
    measurement.operations += turns;
    measurement.seconds += start.elapsed().as_secs_f64();
    Ok(())
}
