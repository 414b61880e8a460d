//! The table: medians of each server's measurements.

mod lines;

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::calm::NOISY;
use crate::measurement::Record;

/// Prints the table of the results in a file.
pub(crate) fn print(path: &Path) -> Result<()> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let records: Vec<Record> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    print!("{}", Table::new(records));
    Ok(())
}

/// Whether other processes left the machine to this measurement.
pub(crate) fn is_calm(record: &Record) -> bool {
    number(record, "other_cores").is_some_and(|cores| cores < NOISY)
}

fn number(record: &Record, key: &str) -> Option<f64> {
    record.get(key)?.as_f64()
}

fn text<'a>(record: &'a Record, key: &str) -> &'a str {
    record.get(key).and_then(|value| value.as_str()).unwrap_or_default()
}

struct Table {
    records: Vec<Record>,
    /// In the order of the results.
    servers: Vec<String>,
}

/// The median, the least and the greatest of some measurements.
#[derive(Debug, PartialEq)]
struct Summary {
    median: f64,
    least: f64,
    greatest: f64,
    /// Whether there was no calm measurement.
    disturbed: bool,
}

impl Table {
    fn new(records: Vec<Record>) -> Self {
        let mut servers: Vec<String> = Vec::new();
        for record in &records {
            let server = text(record, "server");
            if !servers.iter().any(|known| known == server) {
                servers.push(server.to_owned());
            }
        }
        Self { records, servers }
    }

    /// Of the calm measurements; of all where there are none.
    fn summary(&self, server: &str, workload: &str, key: &str) -> Option<Summary> {
        let of = |only_calm: bool| {
            let mut values: Vec<f64> = self
                .records
                .iter()
                .filter(|record| text(record, "server") == server && text(record, "workload") == workload)
                .filter(|record| !only_calm || is_calm(record))
                .filter_map(|record| number(record, key))
                .collect();
            values.sort_by(f64::total_cmp);
            values
        };
        let calm = of(true);
        let disturbed = calm.is_empty();
        let values = if disturbed { of(false) } else { calm };
        let (least, greatest) = (*values.first()?, *values.last()?);
        Some(Summary { median: *values.get(values.len() / 2)?, least, greatest, disturbed })
    }

    fn cell(&self, server: &str, line: &lines::Line) -> String {
        let Some(summary) = self.summary(server, &line.workload, line.key) else { return "–".to_owned() };
        let mark = if summary.disturbed { "~" } else { "" };
        let digits = |value: f64| digits(value * line.scale);
        let median = digits(summary.median);
        if line.is_detail {
            return format!("{mark}{median}");
        }
        format!("**{mark}{median}** ({}–{})", digits(summary.least), digits(summary.greatest))
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for section in lines::sections() {
            let measured = |line: &&lines::Line| self.records.iter().any(|r| text(r, "workload") == line.workload);
            let lines: Vec<&lines::Line> = section.lines.iter().filter(measured).collect();
            if lines.is_empty() {
                continue;
            }
            writeln!(formatter, "\n| {} | {} |", section.title, self.servers.join(" | "))?;
            writeln!(formatter, "|---|{}", "---:|".repeat(self.servers.len()))?;
            for line in lines {
                let cells: Vec<String> = self.servers.iter().map(|server| self.cell(server, line)).collect();
                let indent = if line.is_detail { "&nbsp;&nbsp;" } else { "" };
                writeln!(formatter, "| {indent}{} | {} |", line.label, cells.join(" | "))?;
            }
        }
        let failed = self.records.iter().filter(|record| record.contains_key("error")).count();
        let disturbed = self.records.iter().filter(|record| !is_calm(record)).count() - failed;
        writeln!(
            formatter,
            "\n{} measurements; during {disturbed} of them other processes took {NOISY} cores or more; {failed} failed.",
            self.records.len()
        )
    }
}

/// Three digits, or more where there are more before the point.
fn digits(value: f64) -> String {
    match value {
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn table(values: &[(f64, f64)]) -> Table {
        let record = |(value, others): &(f64, f64)| match json!({
            "server": "ours", "workload": "unary-1", "per_second": value, "other_cores": others,
        }) {
            serde_json::Value::Object(record) => record,
            _ => unreachable!(),
        };
        Table::new(values.iter().map(record).collect())
    }

    #[test]
    fn disturbed_measurements_count_only_when_there_are_no_others() {
        let summary = |values: &[(f64, f64)]| table(values).summary("ours", "unary-1", "per_second").unwrap();
        let calm = summary(&[(10.0, 0.0), (99.0, 1.0), (30.0, 0.1), (20.0, -0.1)]);
        assert_eq!(calm, Summary { median: 20.0, least: 10.0, greatest: 30.0, disturbed: false });
        let disturbed = summary(&[(99.0, 1.0)]);
        assert_eq!(disturbed, Summary { median: 99.0, least: 99.0, greatest: 99.0, disturbed: true });
        assert_eq!(table(&[]).summary("ours", "unary-1", "per_second"), None);
    }

    #[test]
    fn a_line_has_the_median_and_the_spread() {
        let shown = table(&[(1234.5, 0.0), (20.25, 0.0), (3.5, 0.0)]).to_string();
        assert!(shown.contains("**20.2** (3.50–1234)"), "{shown}");
        assert!(!shown.contains("echo"), "{shown}");
        assert!(
            shown.ends_with("3 measurements; during 0 of them other processes took 0.2 cores or more; 0 failed.\n")
        );
    }

    #[test]
    fn every_line_belongs_to_a_workload() {
        let workloads: Vec<String> = crate::workload::Workload::all().iter().map(ToString::to_string).collect();
        for line in lines::sections().iter().flat_map(|section| &section.lines) {
            assert!(workloads.contains(&line.workload), "{}", line.workload);
        }
    }
}
