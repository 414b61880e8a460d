//! [`Progress`]: how far a stream is, on a terminal.

use std::time::{Duration, Instant};

use arrow_array::{Array as _, RecordBatch};

use crate::status::Status;

/// Counts what has come, and shows it a few times a second.
pub(crate) struct Progress {
    status: Option<Status>,
    counts: Counts,
    begun: Instant,
    shown: Option<Instant>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    batches: u64,
    rows: u64,
    bytes: u64,
}

const EVERY: Duration = Duration::from_millis(100);

impl Progress {
    /// Shows itself where somebody watches, unless `silent`.
    pub(crate) fn new(status: &Status, silent: bool) -> Self {
        let status = (!silent && Status::is_watched()).then(|| status.clone());
        Self { status, counts: Counts::default(), begun: Instant::now(), shown: None }
    }

    /// One more batch.
    pub(crate) fn count(&mut self, batch: &RecordBatch) {
        let Some(status) = &self.status else { return };
        // Columns are slices of what came: only what they show counts.
        let sizes = batch.columns().iter().map(|column| column.to_data().get_slice_memory_size().unwrap_or(0));
        self.counts.batches += 1;
        self.counts.rows += batch.num_rows() as u64;
        self.counts.bytes += sizes.sum::<usize>() as u64;
        if self.shown.is_none_or(|shown| shown.elapsed() >= EVERY) {
            status.fleeting(&self.counts.line(self.begun.elapsed()));
            self.shown = Some(Instant::now());
        }
    }

    /// The sum stays.
    pub(crate) fn end(&self) {
        if let Some(status) = &self.status {
            status.say(&self.counts.line(self.begun.elapsed()));
        }
    }
}

impl Counts {
    fn line(&self, elapsed: Duration) -> String {
        let Self { batches, rows, bytes } = *self;
        let rate = bytes as f64 / elapsed.as_secs_f64().max(0.001);
        let plural = |count| if count == 1 { "" } else { "s" };
        let (batch, row) = (if batches == 1 { "batch" } else { "batches" }, plural(rows));
        format!("{batches} {batch}, {rows} row{row}, {}, {}/s", size(bytes as f64), size(rate))
    }
}

fn size(bytes: f64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024.0 {
        return format!("{bytes:.0} B");
    }
    let (mut value, mut unit) = (bytes / 1024.0, 0);
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS.get(unit).unwrap_or(&"TiB"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_for_people() {
        let counts = Counts { batches: 1, rows: 3, bytes: 1536 };
        assert_eq!(counts.line(Duration::from_secs(3)), "1 batch, 3 rows, 1.5 KiB, 512 B/s");
        let counts = Counts { batches: 2, rows: 1, bytes: 5 << 40 };
        assert_eq!(counts.line(Duration::from_secs(1)), "2 batches, 1 row, 5.0 TiB, 5.0 TiB/s");
    }
}
