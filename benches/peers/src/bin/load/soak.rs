//! The soak: every kind of work at once for long, with callers that leave in the middle, and a look every while at what
//! the server holds.

use std::cell::Cell;
use std::fs::File;
use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use peers::data::{self, ECHO_BYTES, PRODUCED_BATCHES, PRODUCED_ROWS};
use serde_json::json;
use tokio::time::timeout;

use crate::client::{Connection, Style, UnaryCall};
use crate::process::Process;
use crate::server::{Server, Target};
use crate::{Setup, runtime};

/// No single call of the soak takes longer.
const LONGEST: Duration = Duration::from_secs(60);

/// How long a server has to let go after the last connection was closed.
const AFTERWARDS: Duration = Duration::from_secs(3);

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    setup: Setup,
    /// For how many seconds each server is loaded.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let mut servers = options.setup.servers()?;
    if options.setup.only.is_empty() {
        servers.truncate(1);
    }
    let path = options.setup.out.join("soak.jsonl");
    let mut results = File::create(&path).with_context(|| format!("writing {}", path.display()))?;
    for server in &servers {
        println!("\n### {}\n", server.name);
        println!(
            "| after, s | small calls | echoes | producers | exchanges | left | memory, MiB | peak, MiB | descriptors | threads | CPU, cores |"
        );
        println!("|{}", "---:|".repeat(11));
        let process = Process::start(server, &options.setup.out)?;
        runtime()?.block_on(soak(server, &process, options.seconds, &mut results))?;
    }
    Ok(())
}

/// How many of each kind are done.
#[derive(Default)]
struct Done {
    calls: Cell<u64>,
    echoes: Cell<u64>,
    producers: Cell<u64>,
    exchanges: Cell<u64>,
    left: Cell<u64>,
}

fn count(done: &Cell<u64>) {
    done.set(done.get() + 1);
}

async fn soak(server: &Server, process: &Process, seconds: u64, results: &mut File) -> Result<()> {
    let done = Done::default();
    let (target, end) = (&process.target, Instant::now() + Duration::from_secs(seconds));
    let last = (Instant::now(), process.files.cpu_seconds()?);
    let mut watch = Watch { server, process, results, start: Instant::now(), last };
    watch.look(&done)?;
    let every = Duration::from_secs_f64((seconds as f64 / 20.0).max(0.5));
    let load = async {
        tokio::try_join!(
            calls(target, end, &done.calls),
            calls(target, end, &done.calls),
            calls(target, end, &done.calls),
            calls(target, end, &done.calls),
            echoes(target, end, &done.echoes),
            producers(target, end, &done.producers),
            exchanges(target, end, &done.exchanges),
            leavers(target, end, &done.left),
        )
    };
    let looks = async {
        loop {
            tokio::time::sleep(every).await;
            watch.look(&done)?;
        }
    };
    tokio::select! {
        loaded = load => loaded.map(drop)?,
        stopped = looks => return stopped,
    }
    // Every connection is closed by now.
    tokio::time::sleep(AFTERWARDS).await;
    watch.look(&done)
}

/// Small calls on a connection that is kept.
async fn calls(target: &Target, end: Instant, done: &Cell<u64>) -> Result<()> {
    let call = UnaryCall::add(target)?;
    let mut connection = Connection::open(target, Style::default()).await?;
    while Instant::now() < end {
        timeout(LONGEST, connection.unary(&call)).await??;
        count(done);
    }
    Ok(())
}

/// Echoes of every size on a connection that is kept.
async fn echoes(target: &Target, end: Instant, done: &Cell<u64>) -> Result<()> {
    let mut connection = Connection::open(target, Style::default()).await?;
    let echo = |bytes| UnaryCall::echo(target, Style::default(), &data::noise(bytes));
    let calls = ECHO_BYTES.into_iter().map(echo).collect::<Result<Vec<_>>>()?;
    for call in calls.iter().cycle().take_while(|_| Instant::now() < end) {
        timeout(LONGEST, connection.unary(call)).await??;
        count(done);
    }
    Ok(())
}

/// Producers, each on a new connection.
async fn producers(target: &Target, end: Instant, done: &Cell<u64>) -> Result<()> {
    let ways = [(false, target.offers.lock_step), (true, target.offers.streamed)];
    let offered = ways.iter().filter(|(_, offered)| *offered);
    for &(streamed, _) in offered.cycle().take_while(|_| Instant::now() < end) {
        let mut connection = Connection::open(target, Style { streamed, zstd: false }).await?;
        timeout(LONGEST, connection.produce(PRODUCED_BATCHES, PRODUCED_ROWS)).await??;
        count(done);
    }
    Ok(())
}

/// Exchanges of a few turns, each on a new connection.
async fn exchanges(target: &Target, end: Instant, done: &Cell<u64>) -> Result<()> {
    while Instant::now() < end {
        let mut connection = Connection::open(target, Style::default()).await?;
        let mut exchange = timeout(LONGEST, connection.exchange(1)).await??;
        for _ in 0..10 {
            timeout(LONGEST, exchange.turn()).await??;
        }
        count(done);
    }
    Ok(())
}

/// Callers that go away while a large answer is being made or sent.
async fn leavers(target: &Target, end: Instant, done: &Cell<u64>) -> Result<()> {
    let call = UnaryCall::echo(target, Style::default(), &data::noise(ECHO_BYTES[2]))?;
    let style = Style { streamed: target.offers.streamed, zstd: false };
    for wait in [1, 3, 10, 30].into_iter().cycle().take_while(|_| Instant::now() < end).map(Duration::from_millis) {
        // Whether it got its answer in that time makes no difference.
        let mut connection = Connection::open(target, style).await?;
        let _ = timeout(wait, connection.unary(&call)).await;
        drop(connection);
        let mut connection = Connection::open(target, style).await?;
        let _ = timeout(wait, connection.produce(PRODUCED_BATCHES, PRODUCED_ROWS)).await;
        drop(connection);
        count(done);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Looks at the server.
struct Watch<'a> {
    server: &'a Server,
    process: &'a Process,
    results: &'a mut File,
    start: Instant,
    /// When it looked, and how much time the server had used by then.
    last: (Instant, f64),
}

impl Watch<'_> {
    fn look(&mut self, done: &Done) -> Result<()> {
        let (files, now) = (&self.process.files, Instant::now());
        let cpu = files.cpu_seconds()?;
        let cores = (cpu - self.last.1) / (now - self.last.0).as_secs_f64().max(1e-3);
        self.last = (now, cpu);
        let elapsed = self.start.elapsed().as_secs_f64();
        let (memory, peak) = (files.resident_mib()?, files.peak_mib()?);
        let (descriptors, threads) = (files.descriptors()?, files.threads()?);
        ensure!(descriptors > 0, "the server has ended");
        let counts = [&done.calls, &done.echoes, &done.producers, &done.exchanges, &done.left].map(Cell::get);
        let [calls, echoes, producers, exchanges, left] = counts;
        println!(
            "| {elapsed:.1} | {calls} | {echoes} | {producers} | {exchanges} | {left} | {memory:.1} | {peak:.1} | {descriptors} | {threads} | {cores:.2} |"
        );
        let record = json!({
            "server": self.server.name, "seconds": elapsed, "calls": calls, "echoes": echoes, "producers": producers,
            "exchanges": exchanges, "left": left, "memory_mib": memory, "peak_mib": peak, "descriptors": descriptors,
            "threads": threads, "cores": cores,
        });
        Ok(writeln!(self.results, "{record}")?)
    }
}
