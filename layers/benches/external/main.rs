//! A large batch by reference, through a server that speaks S3, beside the crate `object_store` alone: it puts the same
//! bytes there and gets them.
//!
//! ```sh
//! cargo bench -p tower-vgi-layers --all-features --bench external
//! cargo bench -p tower-vgi-layers --all-features --bench external -- --mib 64 --reps 9
//! ```
//!
//! Everybody is a process of its own, over loopback, and new for each repetition. `s3s-fs` is looked for on the path;
//! `TOWER_VGI_S3S_FS` names another. The table shows what each repetition took, and for ours how much more memory than the
//! batch itself server and client had at most (Linux).
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[path = "../../../benches/client/memory.rs"]
#[allow(dead_code)]
mod memory;
mod roles;
#[path = "../../tests/object_storage/server.rs"]
#[allow(dead_code)]
mod server;

use std::process::{Command, Stdio};

/// What the words on the command line say.
struct Options {
    mib: usize,
    reps: usize,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let after = |name: &str| words.iter().position(|word| word == name).and_then(|at| words.get(at + 1));
    let number = |name: &str, default: usize| after(name).map_or(default, |word| word.parse().unwrap());
    let options = Options { mib: number("--mib", 256), reps: number("--reps", 5) };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    match after("--role").map(String::as_str) {
        None => runtime.block_on(compare(&options)),
        Some("serve") => runtime.block_on(roles::serve(after("--store").unwrap(), number("--port", 0), options.mib)),
        Some("call") => runtime.block_on(roles::call(after("--store").unwrap(), number("--port", 0), options.mib)),
        Some(_) => runtime.block_on(roles::alone(after("--store").unwrap(), options.mib)),
    }
}

async fn compare(options: &Options) {
    let Some(store) = server::s3().await else { return };
    println!("{} MiB\tobject_store s\tours s\tshare\tserver +MiB\tclient +MiB", options.mib);
    let mut shares = Vec::new();
    let mut most: [f64; 2] = [0.0; 2];
    for _ in 0..options.reps {
        let alone = numbers(role("alone", &store.origin, 0, options.mib))[0];
        let port = server::free_port();
        let mut serving = role("serve", &store.origin, port, options.mib).stdout(Stdio::null()).spawn().unwrap();
        server::wait_for(port).await;
        let [seconds, serves, calls] = numbers(role("call", &store.origin, port, options.mib))[..] else {
            panic!("the caller says something else");
        };
        let _ = serving.kill();
        let _ = serving.wait();
        println!("\t{alone:.3}\t{seconds:.3}\t{:.0} %\t{serves:.0}\t{calls:.0}", 100.0 * alone / seconds);
        shares.push(alone / seconds);
        most = [most[0].max(serves), most[1].max(calls)];
    }
    shares.sort_by(f64::total_cmp);
    println!(
        "median: {:.0} % of the throughput of object_store alone; memory beyond the batch: server {:.0} MiB, client {:.0} MiB \
         at most",
        100.0 * shares[shares.len() / 2],
        most[0],
        most[1]
    );
}

fn role(role: &str, store: &str, port: u16, mib: usize) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let (port, mib) = (port.to_string(), mib.to_string());
    command.args(["--role", role, "--store", store, "--port", &port, "--mib", &mib]).stderr(Stdio::inherit());
    command
}

/// What a process writes, as numbers.
fn numbers(mut command: Command) -> Vec<f64> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().map(|word| word.parse().unwrap()).collect()
}
