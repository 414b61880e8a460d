//! What compression costs, beside zstd itself in the same run: `cargo bench --bench compression`.
//!
//! 1. An echo through the layer against bare zstd with contexts that are used again, in CPU time.
//! 2. Levels 1 and 3 on Arrow bodies: size and time.
//! 3. Small calls beside a 64 MiB response that is being compressed, against alone.
//!
//! The figures are printed and not judged: only the ones of one run compare.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod bodies;
mod echo;
mod latency;
mod levels;

use std::time::Duration;

fn main() {
    echo::run();
    levels::run();
    latency::run();
}

/// CPU time of this thread.
fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// The middle one.
fn median<T: Ord + Copy>(values: &mut [T]) -> T {
    values.sort_unstable();
    values[values.len() / 2]
}
