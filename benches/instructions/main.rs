//! The hot paths, each to be run by itself under callgrind, which counts its instructions: `benches/instructions/run`.
//!
//! In process and without a socket. What a path needs is made ready beforehand, and it has run before, so that caches
//! are filled; only what is called by [`counted`] is counted.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[allow(dead_code)]
#[path = "../../examples/bench_server/additions.rs"]
mod additions;
mod codec;
#[path = "../../examples/bench_server/layers.rs"]
mod layers;
mod rpc;
#[path = "../../examples/bench_server/service.rs"]
mod service;
#[path = "../../tests/support/mod.rs"]
mod support;

use tower_vgi_layers::stack::Place;

/// How often a path is taken while it is counted, so that what an allocator does now and then is spread evenly.
const TIMES: usize = 200;

/// A path that is to be taken [`TIMES`] times.
type Run = Box<dyn FnOnce()>;

/// Makes such a run ready.
type HotPath = Box<dyn FnMut() -> Run>;

/// Makes what the runs of a path share, such as a service.
type Make = fn() -> HotPath;

/// Unary calls through each choice of layers, to see what each of them costs.
const LAYERS: &str = "layers-";

fn hot_paths() -> [(&'static str, Make); 16] {
    [
        ("codec-decode-unary", codec::decode),
        ("codec-encode-unary", codec::encode),
        ("echo-1MiB", rpc::echo),
        ("exchange-turn", rpc::exchange_turn),
        ("layers-external", rpc::unary_with_an_external_layer),
        ("produce-step", rpc::produce_step),
        ("unary-access-log-layers", rpc::unary_with_an_access_log),
        ("unary-bearer-layers", rpc::unary_with_a_bearer),
        ("unary-flat", rpc::unary_flat),
        ("unary-flat-layers", rpc::unary_flat_with_layers),
        ("unary-grant-layers", rpc::unary_with_a_grant),
        ("unary-jwt-layers", rpc::unary_with_a_jwt),
        ("unary-namespaced", rpc::unary_namespaced),
        ("unary-namespaced-otel", rpc::unary_namespaced_with_otel),
        ("unary-namespaced-layers", rpc::unary_namespaced_with_layers),
        ("unary-otel-layers", rpc::unary_observed_by_otel),
    ]
}

/// callgrind counts from the beginning of this function until its end.
#[inline(never)]
fn counted(run: Run) {
    run();
}

fn main() {
    let Some(wanted) = std::env::args().nth(1).filter(|argument| !argument.starts_with('-')) else {
        // Without a name, as `cargo bench` has it: the names, and what a count has to be divided by.
        let places = Place::ALL.into_iter().map(|place| format!("{place:?}"));
        let layers = ["all", "none"].map(str::to_owned).into_iter().chain(places);
        let names = hot_paths().map(|(name, _)| name.to_owned()).into_iter();
        names.chain(layers.map(|layer| format!("{LAYERS}{layer}"))).for_each(|name| println!("{name}\t{TIMES}"));
        return;
    };
    let named = hot_paths().into_iter().find(|(name, _)| *name == wanted).map(|(_, make)| make());
    let layers = || wanted.strip_prefix(LAYERS).and_then(|layers| layers.parse().ok()).map(rpc::unary_through);
    let path = named.or_else(layers);
    let Some(mut path) = path else {
        eprintln!("there is no hot path {wanted}");
        std::process::exit(2);
    };
    path()();
    counted(path());
}
