//! Compression of large bodies beside small calls.

use bytes::Bytes;
use http::Response;
use tower::ServiceBuilder;
use tower_vgi::Body;
use tower_vgi::rpc::{Generation, Method, Protocol, RpcService};
use tower_vgi_layers::compression::CompressionLayer;

use crate::support::{Ask, Server, column, row};

/// With its headers, it stays within what the core takes.
const LARGE: usize = 63 << 20;

fn service() -> RpcService {
    let large = Bytes::from((0..LARGE as u32 / 4).flat_map(u32::to_le_bytes).collect::<Vec<u8>>());
    let protocol = Protocol::new("Calc")
        .version("1.2.3")
        .method(
            Method::unary("add")
                .parameter::<f64>("a")
                .parameter::<f64>("b")
                .handler(|_, params| async move { Ok(params.get::<f64>(0)? + params.get::<f64>(1)?) }),
        )
        .method(Method::unary("large").handler(move |_, _| {
            let large = large.clone();
            async move { Ok(large) }
        }))
        .method(
            Method::unary("size")
                .parameter::<Bytes>("data")
                .handler(|_, params| async move { Ok(i64::try_from(params.get::<Bytes>(0)?.len())?) }),
        );
    RpcService::builder().protocol(protocol).build().unwrap()
}

async fn start() -> Server {
    let service = ServiceBuilder::new()
        .map_response(|response: Response<_>| response.map(Body::from))
        .layer(CompressionLayer::new())
        .service(service());
    Server::start(service).await
}

/// How many small calls are answered while one of another connection is under way. Server and clients share a
/// thread, so that it depends on turns and not on time.
async fn small_calls_beside(server: &Server, large: Ask) -> usize {
    let mut connection = server.connect().await;
    let mut small = server.connect().await;
    assert_eq!(small.send(Ask::add(Generation::Namespaced)).await.result::<f64>(), 3.0);
    let large = tokio::spawn(async move { connection.open(large).await });
    let mut answered = 0;
    while !large.is_finished() {
        assert_eq!(small.send(Ask::add(Generation::Namespaced)).await.result::<f64>(), 3.0);
        answered += 1;
    }
    assert_eq!(large.await.unwrap().status(), 200);
    answered
}

#[tokio::test]
async fn compressing_a_large_response_lets_small_calls_through() {
    let server = start().await;
    let large = Ask::unary(Generation::Namespaced, "large", row([])).header("accept-encoding", "zstd");
    let answered = small_calls_beside(&server, large).await;
    assert!(answered > 10, "{answered}");
}

#[tokio::test]
async fn decoding_a_large_request_lets_small_calls_through() {
    let server = start().await;
    let data = Bytes::from((0..LARGE as u32 / 4).flat_map(u32::to_le_bytes).collect::<Vec<u8>>());
    let large = Ask::unary(Generation::Namespaced, "size", row([("data", column(data))]));
    let body = zstd::bulk::compress(&large.bytes(), 1).unwrap();
    let answered = small_calls_beside(&server, large.body(body).header("content-encoding", "zstd")).await;
    assert!(answered > 5, "{answered}");
}
