//! The comparison: each repetition takes the workloads in turn, and each workload the servers in turn, so that a slow
//! minute of the machine meets all of them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use serde_json::json;
use tokio::runtime::Runtime;

use crate::calm::{self, NOISY};
use crate::measurement::Record;
use crate::process::Process;
use crate::server::Server;
use crate::workload::Workload;
use crate::{Setup, runtime, table};

/// No measurement takes longer.
const LONGEST: Duration = Duration::from_secs(60);

/// A measurement that is disturbed or fails every time is tried so many times as often as one that is not.
const MOST_TRIES: u32 = 3;

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    setup: Setup,
    /// How often each server is measured with each workload.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    reps: u32,
    /// How many seconds a measurement takes; some do a part twice.
    #[arg(long, default_value_t = 1.5, value_parser = seconds)]
    secs: f64,
    /// After so many minutes, measurements that other processes disturbed are not repeated any more.
    #[arg(long, default_value_t = 15)]
    minutes: u64,
    /// Workloads, or the first words of their names, with commas between: `unary-16,echo`. Default: all.
    #[arg(long, value_delimiter = ',')]
    work: Vec<String>,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.05..=20.0).contains(&seconds) => Ok(seconds),
        _ => Err("a number from 0.05 to 20".to_owned()),
    }
}

impl Options {
    fn workloads(&self) -> Result<Vec<Workload>> {
        let wanted = |workload: &Workload, start: &String| {
            let name = workload.to_string();
            name.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        let mut workloads = Workload::all();
        if let Some(unknown) = self.work.iter().find(|start| !workloads.iter().any(|known| wanted(known, start))) {
            let names: Vec<String> = workloads.iter().map(Workload::to_string).collect();
            anyhow::bail!("--work {unknown}: there are {}", names.join(", "));
        }
        if !self.work.is_empty() {
            workloads.retain(|workload| self.work.iter().any(|start| wanted(workload, start)));
        }
        Ok(workloads)
    }
}

/// How often one server was measured with one workload.
#[derive(Clone, Copy, Default)]
struct Tries {
    all: u32,
    calm: u32,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let servers = options.setup.servers()?;
    let workloads = options.workloads()?;
    let path = options.setup.out.join("results.jsonl");
    let mut results = File::create(&path).with_context(|| format!("writing {}", path.display()))?;
    let runtime = runtime()?;
    let patience = Instant::now() + Duration::from_secs(options.minutes * 60);
    let mut tries = BTreeMap::<(usize, usize), Tries>::new();
    let mut failed = 0;
    for repetition in 0.. {
        let mut measured = false;
        for (row, workload) in workloads.iter().enumerate() {
            for (column, server) in servers.iter().enumerate().filter(|(_, server)| workload.is_offered_by(server)) {
                let tries = tries.entry((row, column)).or_default();
                let patient = Instant::now() < patience && tries.all < options.reps * MOST_TRIES;
                if tries.calm >= options.reps || (tries.all >= options.reps && !patient) {
                    continue;
                }
                if patient {
                    calm::wait()?;
                }
                measured = true;
                tries.all += 1;
                let mut record = match measure(&runtime, options, server, *workload) {
                    Ok(record) => record,
                    Err(error) => {
                        failed += 1;
                        Record::from_iter([("error".to_owned(), json!(format!("{error:#}")))])
                    }
                };
                tries.calm += u32::from(table::is_calm(&record));
                record.insert("repetition".to_owned(), json!(repetition));
                record.insert("workload".to_owned(), json!(workload.to_string()));
                record.insert("server".to_owned(), json!(server.name));
                report(&record);
                writeln!(results, "{}", serde_json::Value::Object(record))?;
            }
        }
        if !measured {
            break;
        }
    }
    table::print(&path)?;
    ensure!(failed == 0, "{failed} measurements failed; {} tells how", path.display());
    Ok(())
}

/// A fresh process for each measurement: none sees what another left.
fn measure(runtime: &Runtime, options: &Options, server: &Server, workload: Workload) -> Result<Record> {
    let process = Process::start(server, &options.setup.out)?;
    let run = async { tokio::time::timeout(LONGEST, workload.run(&process, options.secs)).await };
    runtime.block_on(run).with_context(|| format!("not done after {LONGEST:?}"))?
}

/// A line while one waits.
fn report(record: &Record) {
    let text = |key: &str| record.get(key).and_then(|value| value.as_str()).unwrap_or_default();
    let number = |key: &str| record.get(key).and_then(|value| value.as_f64()).unwrap_or(f64::NAN);
    let head = format!("{} {:16} {:12}", number("repetition"), text("workload"), text("server"));
    if record.contains_key("error") {
        eprintln!("{head} FAILED: {}", text("error"));
        return;
    }
    let disturbed = if number("other_cores") >= NOISY { "  (disturbed)" } else { "" };
    eprintln!(
        "{head} {:8.0}/s {:6.0} MB/s  p50 {:7.0} µs  p99 {:7.0} µs  CPU {:7.0} µs  peak {:5.1} MiB{disturbed}",
        number("per_second"),
        number("mb_per_second"),
        number("p50_us"),
        number("p99_us"),
        number("server_cpu_us"),
        number("peak_mib"),
    );
}
