//! Small calls beside a large response.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tower::{ServiceBuilder, service_fn};
use tower_vgi::Body;
use tower_vgi::rpc::ARROW_STREAM;
use tower_vgi_layers::compression::{CompressionLayer, RequestBody};
use tower_vgi_layers::serve;

use crate::bodies;

const CALLS: usize = 20_000;

pub(crate) fn run() {
    let (address, server) = start();
    let client = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (alone, _) = client.block_on(small_calls(address, false));
    let (beside, large) = client.block_on(small_calls(address, true));
    println!("\nsmall calls over a socket, server with 2 workers");
    println!("{:>40} {:>12} {:>12} {:>12}", "", "p50", "p99", "most");
    for (name, mut times) in [("alone", alone), ("beside 64 MiB being compressed", beside)] {
        times.sort_unstable();
        let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
        println!("{name:>40} {:>12?} {:>12?} {:>12?}", at(0.5), at(0.99), at(1.0));
    }
    println!("{large} large responses meanwhile");
    server.shutdown_background();
}

/// A server that answers `/large` with 64 MiB and anything else with little.
fn start() -> (SocketAddr, tokio::runtime::Runtime) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let large = bodies::frames(&bodies::table(64 << 20));
    let small = bodies::frames(&bodies::table(200));
    let service = ServiceBuilder::new()
        .map_response(|response: Response<_>| response.map(Body::from))
        .layer(CompressionLayer::new().min_size(0))
        .service(service_fn(move |request: Request<RequestBody<hyper::body::Incoming>>| {
            let frames = if request.uri().path() == "/large" { large.clone() } else { small.clone() };
            let mut response = Response::new(Body::from_frames(frames));
            response.headers_mut().insert("content-type", http::HeaderValue::from_static(ARROW_STREAM));
            std::future::ready(Ok::<_, Infallible>(response))
        }));
    let server = runtime.block_on(serve(service).print_port(false).signals(false).bind()).unwrap();
    let address = server.local_addr().unwrap();
    runtime.spawn(server.run());
    (address, runtime)
}

/// How long small calls take, and how many large responses there were.
async fn small_calls(address: SocketAddr, beside_large: bool) -> (Vec<Duration>, usize) {
    let (stop, large) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let task = beside_large.then(|| {
        let (stop, large) = (stop.clone(), large.clone());
        tokio::spawn(async move {
            let mut connection = connect(address).await;
            while !stop.load(Ordering::Relaxed) {
                call(&mut connection, "/large").await;
                large.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    let mut connection = connect(address).await;
    for _ in 0..100 {
        call(&mut connection, "/small").await;
    }
    let mut times = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let start = Instant::now();
        call(&mut connection, "/small").await;
        times.push(start.elapsed());
    }
    stop.store(true, Ordering::Relaxed);
    if let Some(task) = task {
        task.await.unwrap();
    }
    (times, large.load(Ordering::Relaxed))
}

async fn connect(address: SocketAddr) -> SendRequest<Empty<Bytes>> {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn call(connection: &mut SendRequest<Empty<Bytes>>, path: &str) {
    connection.ready().await.unwrap();
    let request = Request::post(path).header("host", "x").header("accept-encoding", "zstd").body(Empty::new()).unwrap();
    let response = connection.send_request(request).await.unwrap();
    assert_eq!(response.headers()["content-encoding"], "zstd");
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        frame.unwrap();
    }
}
