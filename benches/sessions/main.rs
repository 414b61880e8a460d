//! Many sessions: what opening one costs beside an ordinary call, what an idle one holds, and whether others notice when
//! all expire at the same moment.
//!
//! ```sh
//! cargo bench --bench sessions                        # 100,000 sessions; half a minute
//! cargo bench --bench sessions -- --sessions 20000
//! ```
//!
//! A default stack with sessions on loopback, 16 connections, server and clients in one process. Ordinary calls and
//! openings take turns, and the table shows medians. The times of one caller are taken while all sessions expire, and
//! before that with all of them idle.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod caller;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use tokio::task::JoinSet;
use tower_vgi::rpc::{Method, Protocol, RpcService};
use tower_vgi::session::Sessions;
use tower_vgi_layers::Stack;

use crate::caller::Caller;

const CONNECTIONS: usize = 16;

#[derive(Parser)]
struct Options {
    /// How many sessions.
    #[arg(long, default_value_t = 100_000)]
    sessions: usize,
    /// Repetitions of the comparison with an ordinary call.
    #[arg(long, default_value_t = 5)]
    reps: usize,
    #[arg(long, hide = true)]
    bench: bool,
}

fn protocol() -> Protocol {
    let open = |name: &str| Method::unary(name).parameter::<f64>("a").parameter::<f64>("b");
    Protocol::new("Bench")
        .method(open("add").handler(|_, params| async move { Ok(params.get::<f64>(0)? + params.get::<f64>(1)?) }))
        .method(open("open").handler(|ctx, params| async move {
            ctx.open_session((), Duration::from_secs_f64(params.get(0)?))?;
            Ok(params.get::<f64>(1)?)
        }))
        .method(open("open_closing").handler(|ctx, params| async move {
            ctx.open_session_closing((), Duration::from_secs_f64(params.get(0)?), |()| tokio::task::yield_now())?;
            Ok(params.get::<f64>(1)?)
        }))
}

#[tokio::main]
async fn main() {
    let options = Options::parse();
    let sessions = Sessions::builder().max_sessions(usize::MAX).build();
    let service = RpcService::builder().protocol(protocol()).sessions(sessions.clone()).build().unwrap();
    let server = Stack::builder(service).sticky(true).build().unwrap().serve().print_port(false).bind().await.unwrap();
    let address = server.local_addr().unwrap();
    tokio::spawn(server.run());
    let mut callers = Vec::new();
    for _ in 0..CONNECTIONS {
        callers.push(Caller::connect(address).await);
    }

    // Warm.
    many(&mut callers, "add", || 1.0, 20_000).await;
    let (mut ordinary, mut opening) = (Vec::new(), Vec::new());
    let part = options.sessions / options.reps;
    let before = resident();
    for _ in 0..options.reps {
        ordinary.push(many(&mut callers, "add", || 1.0, part).await);
        opening.push(many(&mut callers, "open", || 3600.0, part).await);
    }
    let held = resident().saturating_sub(before);
    let (ordinary, opening) = (median(ordinary), median(opening));
    println!("{} sessions open", sessions.len());
    println!("ordinary calls/s     {ordinary:>10.0}");
    println!("openings/s           {opening:>10.0}   {:.0} % of ordinary calls", 100.0 * opening / ordinary);
    println!("memory, bytes each   {:>10}", held / sessions.len() as u64);
    sessions.drain_handle().shutdown().await;
    sessions.drain_handle().resume();

    for method in ["open", "open_closing"] {
        expire(&mut callers, &sessions, method, options.sessions).await;
    }
}

/// Lets all sessions expire at the same moment, and times a caller before and meanwhile.
async fn expire(callers: &mut Vec<Caller>, sessions: &Sessions, method: &'static str, count: usize) {
    // Long enough to open them all.
    let moment = Instant::now() + Duration::from_secs(10 + count as u64 / 5_000);
    many(callers, method, move || (moment - Instant::now()).as_secs_f64(), count).await;
    let (mut idle, mut busy) = (Vec::new(), Vec::new());
    tokio::time::sleep_until((moment - Duration::from_secs(3)).into()).await;
    let caller = &mut callers[0];
    let mut gone = None;
    while gone.is_none_or(|gone: Instant| gone > Instant::now()) {
        let begun = Instant::now();
        caller.call("add", 1.0, false).await;
        let took = begun.elapsed();
        if begun < moment {
            idle.push(took)
        } else {
            busy.push(took)
        }
        if gone.is_none() && begun > moment && sessions.is_empty() {
            println!("{method}: all expired within {:.0} ms", 1e3 * (begun - moment).as_secs_f64());
            gone = Some(Instant::now());
        }
    }
    println!("{method}: a caller before    {}", percentiles(&mut idle));
    println!("{method}: a caller meanwhile {}", percentiles(&mut busy));
}

/// Calls so often, over all connections; gives the calls of a second.
async fn many<F>(callers: &mut Vec<Caller>, method: &'static str, argument: F, count: usize) -> f64
where
    F: Fn() -> f64 + Clone + Send + 'static,
{
    let left = Arc::new(AtomicUsize::new(count));
    let begun = Instant::now();
    let mut running = JoinSet::new();
    for mut caller in callers.drain(..) {
        let (left, argument) = (left.clone(), argument.clone());
        running.spawn(async move {
            while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                caller.call(method, argument(), method != "add").await;
            }
            caller
        });
    }
    while let Some(caller) = running.join_next().await {
        callers.push(caller.unwrap());
    }
    count as f64 / begun.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn percentiles(times: &mut [Duration]) -> String {
    times.sort();
    let at =
        |part: f64| times.get((times.len() as f64 * part) as usize).or(times.last()).map_or(0, Duration::as_micros);
    format!("{} calls, µs: median {}, p99 {}, most {}", times.len(), at(0.5), at(0.99), at(1.0))
}

/// The memory of this process, in bytes (Linux; 0 elsewhere).
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
}
