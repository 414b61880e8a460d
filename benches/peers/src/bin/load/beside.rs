//! What something adds to a server: the server without it and the one with it run at the same time.
//!
//! A machine that others use, too, is at times a third slower than at others, which is more than most layers cost. What
//! two servers are asked at the same time is as slow for both.

use std::fs::File;
use std::io::Write as _;
use std::thread;

use anyhow::{Context as _, Result, anyhow, ensure};
use clap::Args;
use serde_json::json;

use crate::measurement::Record;
use crate::process::Process;
use crate::server::Server;
use crate::workload::Workload;
use crate::{Setup, runtime};

/// Enough to keep two cores busy.
const WORKLOAD: Workload = Workload::Unary { connections: 16 };

#[derive(Args)]
pub(crate) struct Options {
    /// The first server is what the others are measured beside.
    #[command(flatten)]
    setup: Setup,
    /// How often each server is measured.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=1000))]
    reps: u32,
    /// How many seconds a measurement takes. In short ones, how threads come to lie on cores counts for more.
    #[arg(long, default_value_t = 4.0)]
    secs: f64,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let servers = options.setup.servers()?;
    let (base, others) = servers.split_first().context("no servers")?;
    ensure!(!others.is_empty(), "there is nothing to measure beside {}", base.name);
    let path = options.setup.out.join("beside.jsonl");
    let mut results = File::create(&path).with_context(|| format!("writing {}", path.display()))?;
    let mut measured: Vec<Vec<Pair>> = vec![Vec::new(); others.len()];
    for repetition in 0..options.reps {
        for (server, pairs) in others.iter().zip(&mut measured) {
            let pair = Pair::measure(options, base, server)
                .with_context(|| format!("{} beside {}", server.name, base.name))?;
            eprintln!(
                "{repetition} {:12} {:6.2} µs beside {:6.2} µs: {:+.1} %",
                server.name,
                pair.with,
                pair.without,
                pair.more()
            );
            let line = json!({
                "repetition": repetition, "server": server.name, "server_cpu_us": pair.with, "beside_cpu_us": pair.without,
            });
            writeln!(results, "{line}")?;
            pairs.push(pair);
        }
    }
    println!("| {WORKLOAD}, server CPU | µs a call | {} beside it | more (the middle half) |", base.name);
    println!("|---|---:|---:|---:|");
    for (server, pairs) in others.iter().zip(&measured) {
        let [with, without] = [|pair: &Pair| pair.with, |pair: &Pair| pair.without].map(|of| quartiles(pairs, of)[1]);
        let [low, middle, high] = quartiles(pairs, Pair::more);
        println!("| {} | {with:.2} | {without:.2} | {middle:+.1} % ({low:+.1} to {high:+.1}) |", server.name);
    }
    Ok(())
}

/// Microseconds of a server's CPU a call, with what is measured and without it, at the same time.
#[derive(Clone, Copy)]
struct Pair {
    with: f64,
    without: f64,
}

impl Pair {
    /// Each has a process and a client of its own.
    fn measure(options: &Options, base: &Server, server: &Server) -> Result<Self> {
        let run = |server: &Server| {
            let process = Process::start(server, &options.setup.out)?;
            let record: Record = runtime()?.block_on(WORKLOAD.run(&process, options.secs))?;
            record.get("server_cpu_us").and_then(serde_json::Value::as_f64).context("no CPU was measured")
        };
        thread::scope(|scope| {
            let without = scope.spawn(|| run(base));
            let with = run(server)?;
            let without = without.join().map_err(|_| anyhow!("the client of {} has panicked", base.name))??;
            Ok(Self { with, without })
        })
    }

    /// Per cent.
    fn more(&self) -> f64 {
        (self.with / self.without - 1.0) * 100.0
    }
}

fn quartiles(pairs: &[Pair], of: impl Fn(&Pair) -> f64) -> [f64; 3] {
    let mut values: Vec<f64> = pairs.iter().map(of).collect();
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    [0.25, 0.5, 0.75].map(|share| values.get((last as f64 * share).round() as usize).copied().unwrap_or(f64::NAN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_values_that_occurred() {
        let pairs: Vec<Pair> = (0..=100).rev().map(|with| Pair { with: f64::from(with), without: 50.0 }).collect();
        assert_eq!(quartiles(&pairs, |pair| pair.with), [25.0, 50.0, 75.0]);
        assert_eq!(quartiles(&pairs, Pair::more)[1], 0.0);
    }
}
