//! The bound on the memory of all requests together, with the core and compression within it, over sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tower::{Layer as _, ServiceBuilder, ServiceExt as _};
use tower_vgi::rpc::{CallContext, Generation, Method, Protocol, RpcService};
use tower_vgi::{Body, RequestMemory, RequestMemoryPool};
use tower_vgi_layers::compression::CompressionLayer;
use tower_vgi_layers::memory::RequestMemoryLayer;

use crate::support::{Answer, Ask, Server, ask, both, column, row};

const MIB: usize = 1 << 20;

/// Whom the method lets through, and how many bytes it was given that are still there.
struct Gate {
    open: Semaphore,
    bytes: AtomicUsize,
    most: AtomicUsize,
}

/// A server whose method `hold` keeps what it was sent until the gate opens, and then sends it back.
fn service(gate: &Arc<Gate>) -> RpcService {
    let gate = gate.clone();
    let hold = Method::unary("hold").parameter::<Bytes>("data").handler(move |context: CallContext, params| {
        let gate = gate.clone();
        async move {
            let data = params.get::<Bytes>(0)?;
            let memory = context.extensions().get::<RequestMemory>().expect("the layer is there");
            assert!(memory.in_use() >= data.len() as u64);
            let bytes = gate.bytes.fetch_add(data.len(), Ordering::SeqCst) + data.len();
            gate.most.fetch_max(bytes, Ordering::SeqCst);
            let passed = gate.open.acquire().await;
            gate.bytes.fetch_sub(data.len(), Ordering::SeqCst);
            passed?.forget();
            Ok(data)
        }
    });
    let protocol = Protocol::new("Calc").version("1.2.3").method(hold);
    RpcService::builder().protocol(protocol).build().unwrap()
}

fn gate(permits: usize) -> Arc<Gate> {
    Arc::new(Gate { open: Semaphore::new(permits), bytes: AtomicUsize::new(0), most: AtomicUsize::new(0) })
}

async fn start(max: usize, gate: &Arc<Gate>) -> (Server, RequestMemoryPool) {
    let layer = RequestMemoryLayer::new(max as u64);
    let pool = layer.pool().clone();
    let service = ServiceBuilder::new()
        .map_response(|response: Response<_>| response.map(Body::from))
        .layer(layer)
        .map_response(|response: Response<_>| response.map(Body::from))
        .layer(CompressionLayer::new())
        .service(service(gate));
    (Server::start(service).await, pool)
}

fn hold(bytes: usize) -> Ask {
    Ask::unary(Generation::Namespaced, "hold", row([("data", column(Bytes::from(vec![7; bytes])))]))
}

fn compressed(request: Ask) -> Ask {
    let body = zstd::bulk::compress(&request.bytes(), 1).unwrap();
    request.body(body).header("content-encoding", "zstd")
}

async fn until(what: &str, done: impl Fn() -> bool) {
    let waited = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waited).await.unwrap_or_else(|_| panic!("not in time: {what}"));
}

fn assert_refused_for_now(answer: &Answer) {
    let failure = answer.expect_failure();
    assert_eq!((answer.status.as_u16(), failure.code.as_str()), (503, "UNAVAILABLE"), "{failure:?}");
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(failure.message.contains("in use"), "{}", failure.message);
}

/// How a request is sent.
#[derive(Clone, Copy, Debug)]
enum Way {
    Announced,
    Chunked,
    Compressed,
}

async fn send(server: &Server, way: Way) -> Answer {
    let mut connection = server.connect().await;
    match way {
        Way::Announced => connection.send(hold(2 * MIB)).await,
        Way::Chunked => connection.send_chunked(hold(2 * MIB)).await,
        Way::Compressed => connection.send(compressed(hold(2 * MIB))).await,
    }
}

#[tokio::test]
async fn many_large_requests_share_and_those_too_many_succeed_later() {
    for way in [Way::Announced, Way::Chunked, Way::Compressed] {
        let gate = gate(0);
        let (server, pool) = start(7 * MIB, &gate).await;
        let server = Arc::new(server);
        let clients: Vec<_> = (0..8)
            .map(|_| {
                let (server, gate) = (server.clone(), gate.clone());
                tokio::spawn(async move {
                    let mut refusals = 0;
                    loop {
                        let answer = send(&server, way).await;
                        if answer.status == 200 {
                            assert_eq!(answer.result::<Bytes>().len(), 2 * MIB);
                            return refusals;
                        }
                        assert_refused_for_now(&answer);
                        refusals += 1;
                        // Somebody was refused, so the pool was full; from now on all may go on.
                        gate.open.add_permits(1);
                    }
                })
            })
            .collect();
        let mut refusals = 0;
        for client in clients {
            refusals += client.await.unwrap();
            gate.open.add_permits(1);
        }
        assert!(refusals > 0, "{way:?}");
        let most = gate.most.load(Ordering::SeqCst);
        assert!((2 * MIB..=7 * MIB).contains(&most), "{way:?}: {most}");
        until("the pool is empty", || pool.in_use() == 0).await;
    }
}

#[tokio::test]
async fn what_a_layer_has_decoded_is_counted_once() {
    let gate = gate(0);
    let (server, pool) = start(64 * MIB, &gate).await;
    let mut connection = server.connect().await;
    let call = tokio::spawn(async move { connection.send(compressed(hold(2 * MIB))).await });
    until("the method runs", || gate.bytes.load(Ordering::SeqCst) > 0).await;
    let counted = pool.in_use() as usize;
    assert!((2 * MIB..5 * MIB / 2).contains(&counted), "{counted}");
    gate.open.add_permits(1);
    assert_eq!(call.await.unwrap().result::<Bytes>().len(), 2 * MIB);
    until("the pool is empty", || pool.in_use() == 0).await;
}

#[tokio::test]
async fn what_can_never_fit_is_not_worth_trying_again() {
    let (server, pool) = start(MIB, &gate(9)).await;
    let mut connection = server.connect().await;
    for request in [hold(2 * MIB), compressed(hold(2 * MIB))] {
        let answer = connection.send(request).await;
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (413, None));
        assert!(answer.expect_failure().message.contains("trying again cannot help"));
    }
    let answer = connection.send_chunked(hold(2 * MIB)).await;
    assert_eq!((answer.status.as_u16(), answer.expect_failure().exception.as_str()), (413, "RequestTooLargeError"));
    // The connection is as good as before.
    assert_eq!(connection.send(hold(1000)).await.result::<Bytes>().len(), 1000);
    until("the pool is empty", || pool.in_use() == 0).await;
}

#[tokio::test]
async fn clients_that_vanish_leave_nothing_behind() {
    let gate = gate(0);
    let (server, pool) = start(64 * MIB, &gate).await;
    let head = |headers: &str| {
        let arrow = "Content-Type: application/vnd.apache.arrow.stream";
        format!("POST /Calc/hold HTTP/1.1\r\nHost: x\r\n{arrow}\r\n{headers}\r\n\r\n").into_bytes()
    };
    let plain = hold(2 * MIB).bytes();
    let encoded = zstd::stream::encode_all(&plain[..], 1).unwrap();
    let cases = [
        (head(&format!("Content-Length: {}", plain.len())), &plain[..MIB]),
        (head("Transfer-Encoding: chunked"), &plain[..MIB]),
        (head(&format!("Content-Length: {}\r\nContent-Encoding: zstd", encoded.len())), &encoded[..encoded.len() - 5]),
    ];
    for (head, body) in cases {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(&head).await.unwrap();
        if head.windows(7).any(|window| window == b"chunked") {
            stream.write_all(format!("{:x}\r\n", 2 * MIB).as_bytes()).await.unwrap();
        }
        stream.write_all(body).await.unwrap();
        until("the body is on its way", || pool.in_use() > 0).await;
        drop(stream);
        until("the pool is empty", || pool.in_use() == 0).await;
    }

    // And one that vanishes while its call runs.
    let waiting = until("the method runs", || gate.bytes.load(Ordering::SeqCst) > 0);
    server.connect().await.send_and_leave(hold(MIB), waiting).await;
    until("the pool is empty", || pool.in_use() == 0).await;
}

#[tokio::test]
async fn a_refused_client_that_writes_everything_first_sees_why() {
    let gate = gate(0);
    let (server, pool) = start(3 * MIB, &gate).await;
    let mut connection = server.connect().await;
    let call = tokio::spawn(async move { connection.send(hold(2 * MIB)).await });
    until("the method runs", || gate.bytes.load(Ordering::SeqCst) > 0).await;

    let body = hold(12 * MIB).bytes();
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let head = "POST /Calc/hold HTTP/1.1\r\nHost: x\r\nContent-Type: application/vnd.apache.arrow.stream\r\n";
    // How many bytes there are shows only while they come.
    stream.write_all(format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes()).await.unwrap();
    for piece in body.chunks(MIB / 2) {
        stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await.unwrap();
        stream.write_all(piece).await.unwrap();
        stream.write_all(b"\r\n").await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 503");

    gate.open.add_permits(1);
    assert_eq!(call.await.unwrap().status, 200);
    until("the pool is empty", || pool.in_use() == 0).await;
}

#[tokio::test]
async fn an_answer_that_nobody_reads_is_counted() {
    let layer = RequestMemoryLayer::new(3 * MIB as u64);
    let pool = layer.pool().clone();
    let service = layer.layer(service(&gate(9)));
    let answer = service.clone().oneshot(hold(2 * MIB).request()).await.unwrap();
    assert!(pool.in_use() >= 2 * MIB as u64);
    let refused = service.clone().oneshot(hold(2 * MIB).request()).await.unwrap();
    assert_refused_for_now(&Answer::collect(refused.map(|body| body.map_err(|error| error.to_string()))).await);
    drop(answer);
    assert_eq!(pool.in_use(), 0);
    assert_eq!(service.oneshot(hold(2 * MIB).request()).await.unwrap().status(), 200);
}

#[tokio::test]
async fn what_is_compressed_within_arrow_is_counted() {
    let layer = RequestMemoryLayer::new(MIB as u64);
    let service = layer.layer(service(&gate(9)));
    let zeros = row([("data", column(Bytes::from(vec![0; 2 * MIB])))]);
    let options = arrow_ipc::writer::IpcWriteOptions::default();
    let options = options.try_with_compression(Some(arrow_ipc::CompressionType::ZSTD)).unwrap();
    let mut writer =
        arrow_ipc::writer::StreamWriter::try_new_with_options(Vec::new(), &zeros.schema(), options).unwrap();
    writer.write(&zeros).unwrap();
    let body = writer.into_inner().unwrap();
    assert!(body.len() < MIB / 10);
    let answer = service.oneshot(hold(0).body(body).request()).await.unwrap();
    assert_eq!(answer.status(), 413);
    drop(answer);
    assert_eq!(layer.pool().in_use(), 0);
}

#[tokio::test]
async fn without_the_layer_nothing_is_counted() {
    let protocol = Protocol::new("Calc").version("1.2.3").method(
        Method::unary("size")
            .parameter::<Bytes>("data")
            .handler(|_, params| async move { Ok(i64::try_from(params.get::<Bytes>(0)?.len())?) }),
    );
    let service = RpcService::builder().protocol(protocol).build().unwrap();
    for generation in both() {
        let request = Ask::unary(generation, "size", row([("data", column(Bytes::from(vec![7; 2 * MIB])))]));
        assert_eq!(ask(&service, request).await.result::<i64>(), 2 * MIB as i64);
    }
}
