//! Which figures the table shows, and in which order.

use crate::workload::{CONNECTIONS, Workload};

/// A table of its own.
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) lines: Vec<Line>,
}

pub(super) struct Line {
    pub(super) label: String,
    pub(super) workload: String,
    /// The figure's name in the results.
    pub(super) key: &'static str,
    /// From the unit of the results to the one that is shown.
    pub(super) scale: f64,
    /// Shown below its headline, without the spread.
    pub(super) is_detail: bool,
}

pub(super) fn sections() -> Vec<Section> {
    vec![comparison(), scaling(), mixed(), idle()]
}

fn comparison() -> Section {
    let mut lines = Vec::new();
    for (label, connections) in [("1 connection", 1), ("16 connections", 16)] {
        let mut add = lines_of(&mut lines, Workload::Unary { connections });
        add.headline(format!("small unary, {label}: calls/s"), "per_second", 1.0);
        add.detail("p50, µs", "p50_us", 1.0);
        add.detail("p99, µs", "p99_us", 1.0);
        add.detail("server CPU, µs a call", "server_cpu_us", 1.0);
        add.detail("server context switches a call", "switches", 1.0);
        add.detail("peak memory, MiB", "peak_mib", 1.0);
    }
    for (label, bytes) in [("64 KiB", 64 << 10), ("1 MiB", 1 << 20), ("16 MiB", 16 << 20)] {
        let mut add = lines_of(&mut lines, Workload::Echo { bytes, zstd: false });
        add.headline(format!("echo {label}: MB/s"), "mb_per_second", 1.0);
        add.detail("server CPU, ms a call", "server_cpu_us", 1e-3);
        add.detail("server context switches a call", "switches", 1.0);
        add.detail("peak memory, MiB", "peak_mib", 1.0);
    }
    for (label, streamed) in [("a batch at a time", false), ("streamed", true)] {
        let mut add = lines_of(&mut lines, Workload::Produce { streamed });
        add.headline(format!("producer of 64 MiB, {label}: MB/s"), "mb_per_second", 1.0);
        add.detail("time to first batch, ms", "first_batch_us", 1e-3);
        add.detail("requests", "requests", 1.0);
        add.detail("server CPU, ms a producer", "server_cpu_us", 1e-3);
        add.detail("server context switches a producer", "switches", 1.0);
        add.detail("peak memory, MiB", "peak_mib", 1.0);
    }
    for (label, rows) in [("1 row", 1), ("8,192 rows", 8192)] {
        let mut add = lines_of(&mut lines, Workload::Exchange { rows });
        add.headline(format!("exchange of {label}: turns/s"), "per_second", 1.0);
        add.detail("p50, µs", "p50_us", 1.0);
        add.detail("p99, µs", "p99_us", 1.0);
        add.detail("server CPU, µs a turn", "server_cpu_us", 1.0);
        add.detail("server context switches a turn", "switches", 1.0);
        add.detail("peak memory, MiB", "peak_mib", 1.0);
    }
    let mut add = lines_of(&mut lines, Workload::Echo { bytes: 1 << 20, zstd: true });
    add.headline("echo 1 MiB, zstd both ways: MB/s before compression".to_owned(), "mb_per_second", 1.0);
    add.detail("server CPU, ms a call", "server_cpu_us", 1e-3);
    add.detail("answer on the wire, KiB", "response_bytes", 1.0 / 1024.0);
    add.detail("peak memory, MiB", "peak_mib", 1.0);
    Section { title: "work", lines }
}

fn scaling() -> Section {
    let mut lines = Vec::new();
    for connections in CONNECTIONS {
        let mut add = lines_of(&mut lines, Workload::Unary { connections });
        add.headline(format!("{connections}: calls/s"), "per_second", 1.0);
        add.detail("p99, µs", "p99_us", 1.0);
    }
    Section { title: "connections, small unary", lines }
}

fn mixed() -> Section {
    let mut lines = Vec::new();
    let mut add = lines_of(&mut lines, Workload::Mixed);
    add.headline("alone: p50, µs".to_owned(), "unloaded_p50_us", 1.0);
    add.headline("alone: p99, µs".to_owned(), "unloaded_p99_us", 1.0);
    add.headline("beside large calls: p50, µs".to_owned(), "p50_us", 1.0);
    add.headline("beside large calls: p99, µs".to_owned(), "p99_us", 1.0);
    add.detail("the large calls meanwhile, MB/s", "large_mb_per_second", 1.0);
    add.detail("peak memory, MiB", "peak_mib", 1.0);
    Section { title: "small unary in mixed load", lines }
}

fn idle() -> Section {
    let mut lines = Vec::new();
    let mut add = lines_of(&mut lines, Workload::Idle);
    add.headline("memory of a connection, KiB".to_owned(), "connection_kib", 1.0);
    add.detail("descriptors of all", "descriptors", 1.0);
    add.detail("threads", "threads", 1.0);
    add.detail("peak memory, MiB", "peak_mib", 1.0);
    Section { title: "1,000 idle connections", lines }
}

/// Adds lines of one workload.
struct LinesOf<'a> {
    lines: &'a mut Vec<Line>,
    workload: String,
}

fn lines_of(lines: &mut Vec<Line>, workload: Workload) -> LinesOf<'_> {
    LinesOf { lines, workload: workload.to_string() }
}

impl LinesOf<'_> {
    fn headline(&mut self, label: String, key: &'static str, scale: f64) {
        self.lines.push(Line { label, workload: self.workload.clone(), key, scale, is_detail: false });
    }

    fn detail(&mut self, label: &str, key: &'static str, scale: f64) {
        self.lines.push(Line { label: label.to_owned(), workload: self.workload.clone(), key, scale, is_detail: true });
    }
}
