//! The client beside a bare hyper client that posts the same bytes to the same server, and beside the Python reference:
//! its client against its own server.
//!
//! ```sh
//! cargo bench --all-features --bench client                    # half a minute, three repetitions
//! cargo bench --all-features --bench client -- --reps 5 --secs 2
//! ```
//!
//! Each server is a process of its own, over loopback. What is compared takes turns inside each repetition; the table
//! shows medians. The reference is the one that the interop tests install (`target/interop`), or that of the interpreter
//! named by `TOWER_VGI_BENCH_PYTHON`, which needs `vgi-rpc[http]`; without either it is left out.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod bare;
mod memory;
mod ours;
mod reference;
mod server;
#[path = "../../examples/bench_server/service.rs"]
mod service;

use std::time::{Duration, Instant};

use clap::Parser;
use tower_vgi::BoxError;

/// Callers at the same time in the measurements that have several.
const CALLERS: usize = 16;

/// What a producer sends: 64 MiB.
const BATCHES: i64 = 64;
const ROWS: i64 = 65_536;

#[derive(Parser)]
struct Options {
    /// Repetitions.
    #[arg(long, default_value_t = 3)]
    reps: usize,
    /// Seconds of a measurement.
    #[arg(long, default_value_t = 1.0)]
    secs: f64,
    /// Serves instead, until it is killed.
    #[arg(long, hide = true)]
    serve: bool,
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<(), BoxError> {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if options.serve {
        return runtime.block_on(server::serve());
    }
    let server = server::Child::of_ours()?;
    let reference = reference::Reference::start();
    let time = Duration::from_secs_f64(options.secs);
    let url = server.url();

    let mut table = Table::default();
    for repetition in 1..=options.reps.max(1) {
        eprintln!("repetition {repetition} of {}", options.reps.max(1));
        for callers in [1, CALLERS] {
            let unit = format!("add, {callers} caller(s): calls/s");
            table.add(&unit, "bare hyper", runtime.block_on(bare::calls(server.port, callers, time))?);
            table.add(&unit, "ours", runtime.block_on(ours::calls(&url, callers, time))?);
            if let Some(reference) = &reference {
                table.add(&unit, "Python", reference.calls(callers, time)?);
            }
        }
        let unit = format!("producer, {} MiB: MB/s", (BATCHES * ROWS * 16) >> 20);
        table.add(&unit, "bare hyper", rate(time, || runtime.block_on(bare::produce(server.port)))?);
        table.add(&unit, "ours", rate(time, || runtime.block_on(ours::produce(&url, false)))?);
        // Clients of the protocol ask for compression unless they are told otherwise, and bare hyper cannot read it.
        let unit = format!("{unit}, compressed");
        table.add(&unit, "ours", rate(time, || runtime.block_on(ours::produce(&url, true)))?);
        if let Some(reference) = &reference {
            table.add(&unit, "Python", reference.produce(time)?);
        }
    }
    table.print();
    let before = memory::peak_after_reset();
    let bytes = runtime.block_on(ours::produce_much(&url, false, 16))?;
    println!(
        "\nMemory of this process while it reads one stream of {} MiB: {before} KiB at its begin, {} KiB at most.",
        bytes >> 20,
        memory::peak()
    );
    Ok(())
}

/// MB/s of something that says how many bytes it has moved, repeated until the time is over.
fn rate(time: Duration, mut run: impl FnMut() -> Result<u64, BoxError>) -> Result<f64, BoxError> {
    run()?;
    let start = Instant::now();
    let mut bytes = 0;
    while start.elapsed() < time {
        bytes += run()?;
    }
    Ok(bytes as f64 / 1e6 / start.elapsed().as_secs_f64())
}

/// Medians of what was measured.
#[derive(Default)]
struct Table {
    rows: Vec<(String, Columns)>,
}

/// The values of each that is compared.
type Columns = Vec<(&'static str, Vec<f64>)>;

impl Table {
    fn add(&mut self, row: &str, column: &'static str, value: f64) {
        let index = self.rows.iter().position(|(name, _)| name == row).unwrap_or_else(|| {
            self.rows.push((row.to_owned(), Vec::new()));
            self.rows.len() - 1
        });
        let columns = &mut self.rows[index].1;
        match columns.iter_mut().find(|(name, _)| *name == column) {
            Some((_, values)) => values.push(value),
            None => columns.push((column, vec![value])),
        }
    }

    fn print(&self) {
        println!("| | bare hyper | ours | of bare hyper | Python | times Python |\n|---|---:|---:|---:|---:|---:|");
        for (row, columns) in &self.rows {
            let median = |column: &str| {
                let mut values = columns.iter().find(|(name, _)| *name == column)?.1.clone();
                values.sort_by(f64::total_cmp);
                Some(values[values.len() / 2])
            };
            let ours = median("ours").unwrap_or(f64::NAN);
            let none = || ("–".to_owned(), "–".to_owned());
            let (bare, share) = median("bare hyper")
                .map_or_else(none, |bare| (format!("{bare:.0}"), format!("{:.0} %", 100.0 * ours / bare)));
            let (python, times) =
                median("Python").map_or_else(none, |python| (format!("{python:.0}"), format!("{:.1}", ours / python)));
            println!("| {row} | {bare} | {ours:.0} | {share} | {python} | {times} |");
        }
    }
}
