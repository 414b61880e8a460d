//! Whether other processes leave the machine to the measurement.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::proc_files::machine_cpu_seconds;

/// So many cores taken by other processes, and a measurement is not trusted.
pub(crate) const NOISY: f64 = 0.2;

/// Waits, three seconds at most, for a moment in which nobody uses the machine.
pub(crate) fn wait() -> Result<()> {
    for _ in 0..12 {
        let (start, before) = (Instant::now(), machine_cpu_seconds()?);
        std::thread::sleep(Duration::from_millis(250));
        if (machine_cpu_seconds()? - before) / start.elapsed().as_secs_f64() < NOISY {
            break;
        }
    }
    Ok(())
}
