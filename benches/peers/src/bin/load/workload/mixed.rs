//! What small calls see of large ones: their latency alone, and beside an echo of 16 MiB and a long producer that never
//! pause.
//!
//! The large calls have a client thread of their own, so that a small call waits for the server and for a core, but not
//! for the client to have read a large answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use peers::data::{self, ECHO_BYTES, PRODUCED_BATCHES, PRODUCED_ROWS};
use serde_json::json;

use super::{produce, unary};
use crate::client::{Connection, Style, UnaryCall};
use crate::measurement::{Meter, Record, quantile};
use crate::process::Process;
use crate::server::Target;

/// Small calls come from so many connections.
const CONNECTIONS: usize = 8;

/// Each of them rests for so long after a call: they look at the server and do not load it.
const PAUSE: Duration = Duration::from_millis(8);

/// However slow the server is, the large calls end after so long.
const LONGEST: Duration = Duration::from_secs(50);

pub(super) async fn run(process: &Process, seconds: f64) -> Result<Record> {
    let target = &process.target;
    let call = UnaryCall::add(target)?;
    unary::check(target, &call).await?;
    let mut open = unary::open(target, Style::default(), CONNECTIONS).await?;
    unary::repeat(&mut open, &call, seconds * 0.25, PAUSE).await?;
    let mut alone = unary::repeat(&mut open, &call, seconds, PAUSE).await?.latencies;
    alone.sort_unstable();

    let large = Large::start(target.clone());
    unary::repeat(&mut open, &call, seconds * 0.25, PAUSE).await?;
    let meter = Meter::start(process)?;
    let beside = unary::repeat(&mut open, &call, seconds, PAUSE).await?;
    let mut record = meter.finish(beside)?;
    record.insert("unloaded_p50_us".to_owned(), json!(quantile(&alone, 0.5)));
    record.insert("unloaded_p99_us".to_owned(), json!(quantile(&alone, 0.99)));
    record.insert("large_mb_per_second".to_owned(), json!(large.stop().await? / 1e6));
    Ok(record)
}

/// The large calls, which go on until it is dropped or stopped.
struct Large {
    stopped: Arc<AtomicBool>,
    thread: Option<tokio::task::JoinHandle<Result<f64>>>,
}

impl Large {
    fn start(target: Target) -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let seen = stopped.clone();
        let thread = tokio::task::spawn_blocking(move || {
            crate::runtime()?.block_on(async {
                let start = Instant::now();
                let work = async { tokio::try_join!(echoes(&target, &seen), producers(&target, &seen)) };
                let (echoed, produced) = tokio::time::timeout(LONGEST, work).await??;
                Ok((echoed + produced) as f64 / start.elapsed().as_secs_f64())
            })
        });
        Self { stopped, thread: Some(thread) }
    }

    /// Bytes of payload a second.
    async fn stop(mut self) -> Result<f64> {
        self.stopped.store(true, Ordering::Relaxed);
        match self.thread.take() {
            Some(thread) => thread.await?,
            None => Ok(0.0),
        }
    }
}

impl Drop for Large {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

async fn echoes(target: &Target, stopped: &AtomicBool) -> Result<usize> {
    let call = UnaryCall::echo(target, Style::default(), &data::noise(ECHO_BYTES[2]))?;
    let mut connection = Connection::open(target, Style::default()).await?;
    let mut bytes = 0;
    while !stopped.load(Ordering::Relaxed) {
        connection.unary(&call).await?;
        bytes += 2 * ECHO_BYTES[2];
    }
    Ok(bytes)
}

async fn producers(target: &Target, stopped: &AtomicBool) -> Result<usize> {
    let style = Style { streamed: !target.offers.lock_step, zstd: false };
    let mut connection = Connection::open(target, style).await?;
    let mut bytes = 0;
    while !stopped.load(Ordering::Relaxed) {
        connection.produce(PRODUCED_BATCHES, PRODUCED_ROWS).await?;
        bytes += produce::BYTES;
    }
    Ok(bytes)
}
