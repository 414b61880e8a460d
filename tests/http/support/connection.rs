//! A server on a socket, one connection to it, and the same without a socket.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tower::{Service, ServiceExt as _};
use tower_vgi::Body;
use tower_vgi_layers::serve;

use super::answer::Answer;
use super::ask::Ask;

/// Far more than any request takes: a test that hangs fails.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A server of this process; ends when it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
    _task: JoinHandle<std::io::Result<()>>,
}

impl Server {
    pub(crate) async fn start<S>(service: S) -> Self
    where
        S: tower::Service<Request<Incoming>, Response = Response<Body>> + Clone + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<tower_vgi::BoxError>,
    {
        let (stop, stopped) = oneshot::channel();
        let server = serve(service).print_port(false).signals(false).shutdown_on(async move {
            let _ = stopped.await;
        });
        let server = server.bind().await.unwrap();
        let address = server.local_addr().unwrap();
        Self { address, _stop: stop, _task: tokio::spawn(server.run()) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) async fn connect(&self) -> Connection {
        let stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        Connection { sender, task: tokio::spawn(async move { drop(connection.await) }) }
    }
}

/// One HTTP/1.1 connection. It is never made anew: a request on one that the server has closed fails the test.
pub(crate) struct Connection {
    sender: SendRequest<http_body_util::combinators::BoxBody<Bytes, std::convert::Infallible>>,
    task: JoinHandle<()>,
}

impl Connection {
    pub(crate) async fn send(&mut self, ask: Ask) -> Answer {
        self.send_request(ask.request().map(|body| body.boxed())).await
    }

    /// Sends a body in chunks: its length is not announced.
    pub(crate) async fn send_chunked(&mut self, ask: Ask) -> Answer {
        let chunks: Vec<Bytes> = ask.bytes().chunks(10_000).map(Bytes::copy_from_slice).collect();
        let frames = chunks.into_iter().map(|chunk| Ok(http_body::Frame::data(chunk)));
        let body = http_body_util::StreamBody::new(futures_util::stream::iter(frames));
        self.send_request(ask.request().map(|_| body.boxed())).await
    }

    async fn send_request(
        &mut self,
        request: Request<http_body_util::combinators::BoxBody<Bytes, std::convert::Infallible>>,
    ) -> Answer {
        let shown = format!("{} {}", request.method(), request.uri());
        let answer = async {
            self.sender.ready().await.unwrap_or_else(|error| panic!("{shown}: connection closed: {error}"));
            let response = self.sender.send_request(request).await;
            collect(response.unwrap_or_else(|error| panic!("{shown}: no response: {error}"))).await
        };
        tokio::time::timeout(TIMEOUT, answer).await.unwrap_or_else(|_| panic!("{shown}: no answer in time"))
    }

    /// Sends a request whose response is of no interest any more: the connection ends with it.
    pub(crate) async fn send_and_leave(mut self, ask: Ask, until: impl Future<Output = ()>) {
        let request = ask.request().map(|body| body.boxed());
        self.sender.ready().await.unwrap();
        let response = self.sender.send_request(request);
        tokio::select! {
            _ = response => panic!("the response came before the caller left"),
            () = until => {}
        }
        self.task.abort();
    }

    /// The response as it comes, for streams.
    pub(crate) async fn open(&mut self, ask: Ask) -> Response<Incoming> {
        self.sender.ready().await.unwrap();
        let sent = self.sender.send_request(ask.request().map(|body| body.boxed()));
        tokio::time::timeout(TIMEOUT, sent).await.expect("an answer in time").unwrap()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Asks a service without a socket.
pub(crate) async fn ask<S, B>(service: &S, ask: Ask) -> Answer
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone,
    S::Error: std::fmt::Debug,
    B: http_body::Body<Data = Bytes>,
    B::Error: std::fmt::Debug,
{
    send(service, ask.request()).await
}

async fn send<S, B>(service: &S, request: Request<Full<Bytes>>) -> Answer
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone,
    S::Error: std::fmt::Debug,
    B: http_body::Body<Data = Bytes>,
    B::Error: std::fmt::Debug,
{
    let answer = async { collect(service.clone().oneshot(request).await.unwrap()).await };
    tokio::time::timeout(TIMEOUT, answer).await.expect("an answer in time")
}

pub(super) async fn collect<B>(response: Response<B>) -> Answer
where
    B: http_body::Body<Data = Bytes>,
    B::Error: std::fmt::Debug,
{
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status, headers: parts.headers, body }
}
