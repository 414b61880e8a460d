//! A server's address as a service.

use std::net::SocketAddr;
use std::task::{Context, Poll};

use http::{Request, Response, Uri};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error, ResponseFuture};
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tower::{Service, ServiceExt as _};
use tower_vgi::Body;

/// Sends requests for paths to a server, below a prefix.
#[derive(Clone)]
pub(crate) struct Socket {
    client: Client<HttpConnector, Body>,
    base: String,
}

/// A socket of this machine on any port.
pub(crate) async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

impl Socket {
    pub(crate) fn http1(address: SocketAddr, prefix: &str) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, base: format!("http://{address}{prefix}") }
    }

    pub(crate) fn http2(address: SocketAddr, prefix: &str) -> Self {
        let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
        Self { client, base: format!("http://{address}{prefix}") }
    }

    /// Status and text of a page.
    pub(crate) async fn get(&self, path: &str, headers: &[(&'static str, &'static str)]) -> (u16, String) {
        let mut request = Request::get(path).body(Body::empty()).unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let response = self.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8_lossy(&body).into_owned())
    }
}

impl Service<Request<Body>> for Socket {
    type Response = Response<Incoming>;
    type Error = Error;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.client.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> ResponseFuture {
        *request.uri_mut() = format!("{}{}", self.base, request.uri()).parse::<Uri>().unwrap();
        self.client.call(request)
    }
}
