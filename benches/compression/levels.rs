//! What a higher level saves, and takes.

use std::hint::black_box;
use std::time::Duration;

use zstd::zstd_safe::{CCtx, CParameter};

use crate::{bodies, cpu, median};

pub(crate) fn run() {
    println!("\nlevels 1 and 3 on Arrow bodies: size, CPU time of compression");
    println!("{:>24} {:>10} {:>10} {:>12} {:>10} {:>12}", "body", "plain", "level 1", "", "level 3", "");
    let bodies = [
        ("table, 64 KiB", bodies::table(64 << 10)),
        ("table, 1 MiB", bodies::table(1 << 20)),
        ("names, 1 MiB", bodies::names(1 << 20)),
        ("measured values, 1 MiB", bodies::measured(1 << 20)),
    ];
    for (name, batch) in bodies {
        let plain = bodies::frames(&batch).concat();
        let [(small, short), (smaller, longer)] = [1, 3].map(|level| compress(&plain, level));
        println!("{name:>24} {:>10} {small:>10} {short:>12?} {smaller:>10} {longer:>12?}", plain.len());
    }
}

fn compress(plain: &[u8], level: i32) -> (usize, Duration) {
    let mut context = CCtx::create();
    context.set_parameter(CParameter::CompressionLevel(level)).unwrap();
    let mut output = Vec::with_capacity(zstd::zstd_safe::compress_bound(plain.len()));
    let mut times: Vec<_> = (0..31)
        .map(|_| {
            output.clear();
            let start = cpu();
            context.compress2(&mut output, plain).unwrap();
            black_box(&output);
            cpu() - start
        })
        .collect();
    (output.len(), median(&mut times))
}
