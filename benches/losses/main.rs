//! Whether calls slow down when nobody takes what is told of them: the disk of the access log is full, or the collector
//! of OpenTelemetry is down, or it never answers.
//!
//! ```sh
//! cargo bench --bench losses               # 100,000 calls of each
//! cargo bench --bench losses -- 10000
//! ```
//!
//! The same call, in process, by turns through a stack whose sink is well and one whose sink is not, so that whatever else
//! the machine does happens to both. Prints how long calls take, and how many lines the access log has lost; exporters of
//! OpenTelemetry do not tell what they lose. Nothing is asserted: look at the columns.
#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[allow(dead_code)]
#[path = "../../tests/observability/collector.rs"]
mod collector;
#[path = "../../tests/observability/receiver.rs"]
mod receiver;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::fs::{File, OpenOptions};
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tower::ServiceExt as _;
use tower_vgi::Body;
use tower_vgi::rpc::{ARROW_STREAM, Method, Protocol, RpcService};
use tower_vgi::wire::{Metadata, encode_batch, keys};
use tower_vgi_layers::Stack;
use tower_vgi_layers::access_log::AccessLogLayer;
use tower_vgi_layers::otel::OtelLayer;

use support::Arguments;

/// A stack whose calls are timed.
struct Timed {
    name: &'static str,
    stack: Stack,
    nanoseconds: Vec<u64>,
    log: Option<AccessLogLayer>,
}

impl Timed {
    fn new(name: &'static str, stack: Stack, log: Option<AccessLogLayer>) -> Self {
        Self { name, stack, nanoseconds: Vec::new(), log }
    }

    async fn call(&mut self, body: &Bytes) {
        let request = Request::post("/Calc/double").header("content-type", ARROW_STREAM);
        let request = request.body(Body::from(body.clone())).unwrap();
        let began = Instant::now();
        let response = self.stack.clone().oneshot(request).await.unwrap();
        assert!(response.status() == 200 && !response.headers().contains_key("x-vgi-rpc-error"));
        response.into_body().collect().await.unwrap();
        self.nanoseconds.push(began.elapsed().as_nanos() as u64);
    }

    fn report(&mut self) {
        self.nanoseconds.sort_unstable();
        let at = |part: f64| {
            let index = (self.nanoseconds.len() as f64 * part) as usize;
            self.nanoseconds[index.min(self.nanoseconds.len() - 1)] as f64 / 1000.0
        };
        print!("{:<28} {:>9.1} {:>9.1} {:>9.1} {:>9.1}", self.name, at(0.5), at(0.99), at(0.999), at(1.0));
        match &self.log {
            Some(log) => {
                log.flush();
                println!(" {:>9}", log.dropped());
            }
            None => println!(" {:>9}", "-"),
        }
    }
}

fn service() -> RpcService {
    let double = Method::unary("double")
        .parameter::<f64>("x")
        .handler(|_context, params| async move { Ok(2.0 * params.get::<f64>(0)?) });
    RpcService::builder().protocol(Protocol::new("Calc").method(double)).build().unwrap()
}

fn logged(name: &'static str, sink: File) -> Timed {
    let service = service();
    let log = AccessLogLayer::to_writer(service.info(), sink);
    Timed::new(name, Stack::builder(service).access_log(log.clone()).build().unwrap(), Some(log))
}

/// Every call is recorded. What the exporter's queue has no room for, the SDK counts and reports at its end.
fn traced(name: &'static str, collector: SocketAddr) -> Timed {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(collector::Sender)
        .with_endpoint(format!("http://{collector}/v1/traces"))
        .with_timeout(Duration::from_secs(10))
        .build()
        .unwrap();
    let tracers = SdkTracerProvider::builder().with_batch_exporter(exporter).build();
    let layer = OtelLayer::new().tracer_provider(&tracers).without_metrics();
    // Its end would wait for the collector.
    std::mem::forget(tracers);
    Timed::new(name, Stack::builder(service()).otel(layer).build().unwrap(), None)
}

fn main() {
    let calls: usize = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(100_000);
    let path = std::env::temp_dir().join(format!("losses-{}.jsonl", std::process::id()));
    let disk = File::create(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let up = receiver::listen("Content-Type: application/x-protobuf\r\n", |_head, _body| {});
    // Nobody listens there any more.
    let down = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    // Connections are taken by the system, and by nobody else.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut timed = vec![
        Timed::new("nobody is told", Stack::new(service()).unwrap(), None),
        logged("access log", disk),
        traced("otel", up),
        traced("otel, collector down", down),
        traced("otel, collector silent", silent.local_addr().unwrap()),
    ];
    match OpenOptions::new().write(true).open("/dev/full") {
        Ok(full) => timed.insert(2, logged("access log, disk full", full)),
        Err(error) => println!("no full disk: /dev/full: {error}"),
    }
    let metadata = Metadata::from_iter([(keys::METHOD, "double"), (keys::REQUEST_VERSION, "1")]);
    let body = encode_batch(&Arguments::none().with("x", 1.0).batch(), &metadata).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for _ in 0..calls {
            for one in &mut timed {
                one.call(&body).await;
            }
        }
    });
    println!("{calls} calls each, microseconds");
    println!("{:<28} {:>9} {:>9} {:>9} {:>9} {:>9}", "", "p50", "p99", "p99.9", "max", "lost");
    timed.iter_mut().for_each(Timed::report);
    // Not by way of the exporters' ends, of which some wait.
    std::process::exit(0);
}
