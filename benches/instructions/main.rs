//! The hot paths, each to be run by itself under callgrind, which counts its instructions: `benches/instructions/run`.
//!
//! In process and without a socket. What a path needs is made ready beforehand, and it has run before, so that caches
//! are filled; only what is called by [`counted`] is counted.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod codec;
mod rpc;
#[path = "../../examples/bench_server/service.rs"]
mod service;
#[path = "../../tests/support/mod.rs"]
mod support;

/// How often a path is taken while it is counted, so that what an allocator does now and then is spread evenly.
const TIMES: usize = 200;

/// A path that is to be taken [`TIMES`] times.
type Run = Box<dyn FnOnce()>;

/// Makes such a run ready.
type HotPath = Box<dyn FnMut() -> Run>;

/// Makes what the runs of a path share, such as a service.
type Make = fn() -> HotPath;

fn hot_paths() -> [(&'static str, Make); 9] {
    [
        ("codec-decode-unary", codec::decode),
        ("codec-encode-unary", codec::encode),
        ("echo-1MiB", rpc::echo),
        ("exchange-turn", rpc::exchange_turn),
        ("produce-step", rpc::produce_step),
        ("unary-flat", rpc::unary_flat),
        ("unary-flat-layers", rpc::unary_flat_with_layers),
        ("unary-namespaced", rpc::unary_namespaced),
        ("unary-namespaced-layers", rpc::unary_namespaced_with_layers),
    ]
}

/// callgrind counts from the beginning of this function until its end.
#[inline(never)]
fn counted(run: Run) {
    run();
}

fn main() {
    let wanted = std::env::args().nth(1).filter(|argument| !argument.starts_with('-'));
    for (name, make) in hot_paths() {
        match &wanted {
            // Without a name, as `cargo bench` has it: the names, and what a count has to be divided by.
            None => println!("{name}\t{TIMES}"),
            Some(wanted) if wanted == name => {
                let mut path = make();
                path()();
                counted(path());
                return;
            }
            Some(_) => {}
        }
    }
    if let Some(name) = wanted {
        eprintln!("there is no hot path {name}");
        std::process::exit(2);
    }
}
