//! Tokens longer than any, over real sockets.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

async fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let inner =
        service_fn(async |_: Request<hyper::body::Incoming>| Ok::<_, Infallible>(Response::new(Body::from("let in"))));
    let service = AuthLayer::new(tokens()).layer(inner);
    let server = crate::serve(service).listener(listener).signals(false).print_port(false).bind().await.unwrap();
    tokio::spawn(server.run());
    address
}

/// The status line for a token of this length.
async fn status(address: SocketAddr, length: usize) -> String {
    let (mut reading, mut writing) = TcpStream::connect(address).await.unwrap().into_split();
    let token = "x".repeat(length);
    let request =
        format!("POST /add HTTP/1.1\r\nhost: a\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\r\n");
    // The server need not take all of it.
    let written = tokio::spawn(async move { writing.write_all(request.as_bytes()).await.map(|()| writing) });
    let mut answer = Vec::new();
    let mut chunk = [0; 1024];
    while let Ok(count @ 1..) = reading.read(&mut chunk).await {
        answer.extend_from_slice(&chunk[..count]);
    }
    drop(written.await);
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_token_is_refused_however_long_it_is() {
    let address = start().await;
    for (length, expected) in [
        (100, "HTTP/1.1 401 Unauthorized"),
        (20 << 10, "HTTP/1.1 401 Unauthorized"),
        (1 << 20, "HTTP/1.1 431 Request Header Fields Too Large"),
    ] {
        assert_eq!(status(address, length).await, expected, "{length}");
    }
    assert_eq!(status(address, 0).await, "HTTP/1.1 401 Unauthorized");
}
