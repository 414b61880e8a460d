//! Early refusals: a client that writes its whole request before it reads sees the answer, and no reset connection.

use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body as HttpBody;
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tower::{Layer, Service, ServiceExt as _};
use tower_vgi::rpc::error_response;
use tower_vgi::{Body, BoxError, ErrorCode, RpcError};
use tower_vgi_layers::compression::CompressionLayer;
use tower_vgi_layers::limit::RequestLimitLayer;
use tower_vgi_layers::response::{ResponseBody, ResponseFuture};

use crate::support::{Server, service};

/// More than sockets hold on their way.
const MANY: usize = 12 << 20;

/// A user's own layer: lets nobody pass.
#[derive(Clone)]
struct Nobody<S>(S);

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Nobody<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ReqBody: HttpBody,
    ResBody: HttpBody<Data = Bytes, Error: Into<BoxError>>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let error = RpcError::new("AuthenticationError", "nobody is let in")
            .with_code(ErrorCode::Unauthenticated)
            .with_status(StatusCode::UNAUTHORIZED);
        let response = error_response(&error, request.headers());
        ResponseFuture::refuse(request, response)
    }
}

/// A server of the core within a layer.
async fn layered<L, B>(layer: L) -> Server
where
    L: Layer<tower_vgi::rpc::RpcService>,
    L::Service: Service<Request<Incoming>, Response = Response<B>, Error = std::convert::Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
    B: Into<Body> + 'static,
{
    Server::start(layer.layer(service()).map_response(|response: Response<B>| response.map(Into::into))).await
}

fn announced(headers: &str) -> Vec<Vec<u8>> {
    vec![head(&format!("Content-Length: {MANY}\r\n{headers}")), vec![0; MANY]]
}

fn chunked(headers: &str) -> Vec<Vec<u8>> {
    let head = head(&format!("Transfer-Encoding: chunked\r\n{headers}"));
    vec![head, format!("{MANY:x}\r\n").into_bytes(), vec![0; MANY], b"\r\n0\r\n\r\n".to_vec()]
}

fn head(headers: &str) -> Vec<u8> {
    let arrow = "Content-Type: application/vnd.apache.arrow.stream";
    format!("POST /Calc/add HTTP/1.1\r\nHost: x\r\n{arrow}\r\n{headers}\r\n").into_bytes()
}

/// The status that a client reads once it has written everything.
async fn status_after(server: &Server, parts: Vec<Vec<u8>>) -> String {
    let mut stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    for part in parts {
        stream.write_all(&part).await.expect("the server listens to the end");
    }
    read_status(&mut stream).await
}

async fn read_status(stream: &mut tokio::net::TcpStream) -> String {
    let mut start = [0; 12];
    stream.read_exact(&mut start).await.expect("an answer");
    String::from_utf8_lossy(&start["HTTP/1.1 ".len()..]).into_owned()
}

#[tokio::test]
async fn the_cores_own_limit_is_seen() {
    let server = Server::start(service()).await;
    assert_eq!(status_after(&server, announced("")).await, "413");
    assert_eq!(status_after(&server, chunked("")).await, "413");
}

#[tokio::test]
async fn a_limiting_layer_is_seen() {
    let server = layered(RequestLimitLayer::new(1000).unwrap()).await;
    assert_eq!(status_after(&server, announced("")).await, "413");
    assert_eq!(status_after(&server, chunked("")).await, "413");
}

#[tokio::test]
async fn a_compressing_layer_is_seen() {
    let server = layered(CompressionLayer::new()).await;
    assert_eq!(status_after(&server, announced("Content-Encoding: br\r\n")).await, "415");
    assert_eq!(status_after(&server, chunked("Content-Encoding: br\r\n")).await, "415");
    assert_eq!(status_after(&server, announced("Content-Encoding: gzip\r\n")).await, "400");
    assert_eq!(status_after(&server, chunked("Content-Encoding: zstd\r\n")).await, "400");
}

#[tokio::test]
async fn a_layer_of_a_users_own_is_seen() {
    let server = layered(tower::layer::layer_fn(Nobody)).await;
    assert_eq!(status_after(&server, announced("")).await, "401");
    assert_eq!(status_after(&server, chunked("")).await, "401");
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_at_once() {
    let server = layered(tower::layer::layer_fn(Nobody)).await;
    let mut stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    let head = head(&format!("Content-Length: {MANY}\r\nExpect: 100-continue\r\n"));
    stream.write_all(&head).await.unwrap();
    assert_eq!(read_status(&mut stream).await, "401");
}
