//! What `/proc` tells about a process and about the machine.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The folder of one process in `/proc`.
pub(crate) struct ProcFiles(PathBuf);

impl ProcFiles {
    pub(crate) fn of(id: u32) -> Self {
        Self(PathBuf::from(format!("/proc/{id}")))
    }

    /// This process.
    pub(crate) fn own() -> Self {
        Self(PathBuf::from("/proc/self"))
    }

    /// User and system time so far. The kernel counts in ticks, of 10 ms as a rule.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        let text = self.read("stat")?;
        // The second field is a name in parentheses, which may hold spaces; the 14th and 15th are the times.
        let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
        let ticks: Vec<f64> = fields.skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
        Ok(ticks.iter().sum::<f64>() / ticks_per_second())
    }

    /// Context switches of the threads that are there now.
    pub(crate) fn context_switches(&self) -> Result<u64> {
        let mut switches = 0;
        for thread in fs::read_dir(self.0.join("task"))? {
            // A thread may have ended meanwhile.
            let status = fs::read_to_string(thread?.path().join("status")).unwrap_or_default();
            let lines = status.lines().filter(|line| line.contains("ctxt_switches"));
            switches += lines.filter_map(number).sum::<u64>();
        }
        Ok(switches)
    }

    /// Resident memory, MiB.
    pub(crate) fn resident_mib(&self) -> Result<f64> {
        Ok(self.status("VmRSS:")? as f64 / 1024.0)
    }

    /// The most resident memory since the start or since [`reset_peak`](Self::reset_peak), MiB.
    pub(crate) fn peak_mib(&self) -> Result<f64> {
        Ok(self.status("VmHWM:")? as f64 / 1024.0)
    }

    pub(crate) fn reset_peak(&self) -> Result<()> {
        fs::write(self.0.join("clear_refs"), "5").context("resetting the peak of resident memory")
    }

    pub(crate) fn threads(&self) -> Result<u64> {
        self.status("Threads:")
    }

    pub(crate) fn descriptors(&self) -> Result<usize> {
        Ok(fs::read_dir(self.0.join("fd"))?.count())
    }

    fn status(&self, key: &str) -> Result<u64> {
        let text = self.read("status")?;
        text.lines().find(|line| line.starts_with(key)).and_then(number).with_context(|| format!("no {key}"))
    }

    fn read(&self, file: &str) -> Result<String> {
        let path = self.0.join(file);
        fs::read_to_string(&path).with_context(|| format!("reading {}: has the process ended?", path.display()))
    }
}

/// Seconds that all cores together were busy so far.
pub(crate) fn machine_cpu_seconds() -> Result<f64> {
    let text = fs::read_to_string(Path::new("/proc/stat"))?;
    let fields: Vec<f64> = text.lines().next().unwrap_or_default().split_whitespace().flat_map(str::parse).collect();
    // Not the idle time and the waiting for disks, which are the fourth and the fifth.
    let busy = fields.iter().enumerate().filter(|(index, _)| matches!(index, 0..=2 | 5..=7));
    Ok(busy.map(|(_, ticks)| ticks).sum::<f64>() / ticks_per_second())
}

fn ticks_per_second() -> f64 {
    rustix::param::clock_ticks_per_second() as f64
}

/// The number of a line `name: number unit`.
fn number(line: &str) -> Option<u64> {
    line.split_whitespace().nth(1)?.parse().ok()
}
