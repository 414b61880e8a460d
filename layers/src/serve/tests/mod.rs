//! Over real sockets.

mod bodies;
mod crowd;
#[cfg(feature = "sticky")]
mod sessions;
#[cfg(feature = "tls")]
mod tls;

use super::*;
use http::StatusCode;
use http_body_util::BodyExt;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tower::service_fn;
use tower::util::BoxCloneService;
use tower_vgi::{Body, PeerAddr};

/// What the service under test is told, and tells.
#[derive(Clone, Default)]
struct Desk {
    entered: Arc<Notify>,
    release: Arc<Notify>,
    dropped: Arc<AtomicUsize>,
}

struct Guard(Arc<AtomicUsize>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

type Desks = BoxCloneService<Request<Incoming>, Response<Body>, BoxError>;

impl Desk {
    fn service(&self) -> Desks {
        let desk = self.clone();
        BoxCloneService::new(service_fn(move |request: Request<Incoming>| desk.clone().handle(request)))
    }

    async fn handle(self, request: Request<Incoming>) -> Result<Response<Body>, BoxError> {
        let _guard = Guard(self.dropped.clone());
        match request.uri().path() {
            "/peer" => {
                let peer = request.extensions().get::<PeerAddr>().map(|peer| peer.0.to_string());
                Ok(Response::new(Body::from(peer.unwrap_or_else(|| "none".to_owned()))))
            }
            "/version" => Ok(Response::new(Body::from(format!("{:?}", request.version())))),
            "/echo" => Ok(Response::new(Body::from(request.into_body().collect().await?.to_bytes()))),
            "/slow" => {
                self.entered.notify_one();
                self.release.notified().await;
                Ok(Response::new(Body::from("finished")))
            }
            "/error" => Err("no service".into()),
            "/panic" => panic!("as the test wants it"),
            _ => Ok(Response::new(Body::empty())),
        }
    }
}

struct Running {
    address: Option<SocketAddr>,
    stop: Option<oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<io::Result<()>>,
}

impl Running {
    async fn start(desk: &Desk, configure: impl FnOnce(Serve<Desks>) -> Serve<Desks>) -> Self {
        let (stop, stopped) = oneshot::channel();
        let server = configure(serve(desk.service()).print_port(false).signals(false))
            .shutdown_on(async move {
                let _ = stopped.await;
            })
            .bind()
            .await
            .unwrap();
        Self { address: server.local_addr(), stop: Some(stop), task: tokio::spawn(server.into_future()) }
    }

    async fn start_service<S>(service: S) -> Self
    where
        S: Service<Request<Incoming>, Response = Response<Body>, Error = BoxError, Future: Send>
            + Clone
            + Send
            + 'static,
    {
        let (stop, stopped) = oneshot::channel::<()>();
        let server = serve(service).print_port(false).signals(false);
        let server = server.shutdown_on(async move { drop(stopped.await) }).bind().await.unwrap();
        Self { address: server.local_addr(), stop: Some(stop), task: tokio::spawn(server.into_future()) }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address.unwrap()).await.unwrap()
    }

    fn stop(&mut self) {
        self.stop.take();
    }

    async fn ended(self) {
        self.task.await.unwrap().unwrap();
    }
}

type Sender = hyper::client::conn::http1::SendRequest<Body>;

async fn http1(io: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static) -> Sender {
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(io)).await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn get(sender: &mut Sender, path: &str) -> hyper::Result<(StatusCode, String)> {
    let request = Request::get(path).header("host", "localhost").body(Body::empty()).unwrap();
    sender.ready().await?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    Ok((status, String::from_utf8(body.to_vec()).unwrap()))
}

#[tokio::test]
async fn a_connection_serves_several_requests_and_knows_the_peer() {
    let running = Running::start(&Desk::default(), |serve| serve).await;
    let stream = running.connect().await;
    let own = stream.local_addr().unwrap().to_string();
    let mut sender = http1(stream).await;
    assert_eq!(get(&mut sender, "/peer").await.unwrap().1, own);
    assert_eq!(get(&mut sender, "/version").await.unwrap().1, "HTTP/1.1");
}

#[tokio::test]
async fn a_service_that_is_not_ready_is_waited_for() {
    let desk = Desk::default();
    let one_at_a_time = tower::limit::ConcurrencyLimit::new(desk.service(), 1);
    let limited = Running::start_service(one_at_a_time).await;
    let mut slow = http1(limited.connect().await).await;
    let first = tokio::spawn(async move { get(&mut slow, "/slow").await });
    desk.entered.notified().await;
    // The second waits in line on one connection, and is given up on another.
    let mut waiting = http1(limited.connect().await).await;
    let second = tokio::spawn(async move {
        let first = get(&mut waiting, "/version").await;
        (first, get(&mut waiting, "/version").await)
    });
    let mut leaving = http1(limited.connect().await).await;
    let left = tokio::time::timeout(std::time::Duration::from_millis(50), get(&mut leaving, "/version")).await;
    assert!(left.is_err(), "a request was answered while another one had the only place");
    drop(leaving);
    desk.release.notify_one();
    assert_eq!(first.await.unwrap().unwrap().1, "finished");
    let (one, other) = second.await.unwrap();
    assert_eq!((one.unwrap().0, other.unwrap().0), (StatusCode::OK, StatusCode::OK));
}

#[tokio::test]
async fn http2_needs_no_upgrade() {
    let running = Running::start(&Desk::default(), |serve| serve).await;
    let io = TokioIo::new(running.connect().await);
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("http://localhost/version").body(Body::empty()).unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "HTTP/2.0");
    let large = Bytes::from(vec![7; 4 << 20]);
    let request = Request::post("http://localhost/echo").body(Body::from(large.clone())).unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), large);
}

#[tokio::test]
async fn a_given_listener_is_used() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let running = Running::start(&Desk::default(), |serve| serve.listener(listener)).await;
    assert_eq!(running.address, Some(address));
    let mut sender = http1(running.connect().await).await;
    assert_eq!(get(&mut sender, "/").await.unwrap().0, StatusCode::OK);
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_replaces_a_dead_one_and_is_removed() {
    let folder = std::env::temp_dir().join(format!("tower-vgi-serve-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("socket");
    let _ = std::fs::remove_file(&path);
    // The file stays when a listener of std is dropped, as after a crash.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());

    let mut running = Running::start(&Desk::default(), |serve| serve.unix(&path)).await;
    assert_eq!(running.address, None);
    let mut sender = http1(tokio::net::UnixStream::connect(&path).await.unwrap()).await;
    assert_eq!(get(&mut sender, "/peer").await.unwrap().1, "none");

    let error = serve(()).unix(&path).print_port(false).signals(false).bind().await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(error.to_string().contains("socket"), "{error}");

    running.stop();
    running.ended().await;
    assert!(!path.exists());
    std::fs::remove_dir(&folder).unwrap();
}

#[tokio::test]
async fn the_drain_finishes_requests_and_refuses_connections() {
    let desk = Desk::default();
    let readiness = Readiness::new();
    let mut running = Running::start(&desk, |serve| serve.readiness(readiness.clone())).await;
    let address = running.address.unwrap();
    let mut busy = http1(running.connect().await).await;
    let mut idle = running.connect().await;
    let mut silent = http1(running.connect().await).await;
    get(&mut silent, "/").await.unwrap();

    let slow = tokio::spawn(async move { get(&mut busy, "/slow").await });
    desk.entered.notified().await;
    running.stop();
    // The idle connections are closed, which says that the drain has begun.
    assert_eq!(idle.read(&mut [0; 1]).await.unwrap(), 0);
    assert!(get(&mut silent, "/").await.is_err());
    assert!(!readiness.is_ready());
    assert!(TcpStream::connect(address).await.is_err());
    assert!(!running.task.is_finished());

    desk.release.notify_one();
    assert_eq!(slow.await.unwrap().unwrap(), (StatusCode::OK, "finished".to_owned()));
    running.ended().await;
}

#[tokio::test]
async fn the_drain_timeout_cuts() {
    let desk = Desk::default();
    let mut running = Running::start(&desk, |serve| serve.drain_timeout(Duration::from_millis(20))).await;
    let mut busy = http1(running.connect().await).await;
    let slow = tokio::spawn(async move { get(&mut busy, "/slow").await });
    desk.entered.notified().await;
    running.stop();
    running.ended().await;
    assert!(slow.await.unwrap().is_err());
    assert_eq!(desk.dropped.load(Ordering::SeqCst), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn a_signal_drains_and_a_second_one_cuts() {
    fn terminate() {
        let own = std::process::id().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &own]).status().unwrap().success());
    }
    let desk = Desk::default();
    let running = Running::start(&desk, |serve| serve.signals(true)).await;
    let mut idle = running.connect().await;
    let mut busy = http1(running.connect().await).await;
    let slow = tokio::spawn(async move { get(&mut busy, "/slow").await });
    desk.entered.notified().await;
    terminate();
    assert_eq!(idle.read(&mut [0; 1]).await.unwrap(), 0);
    assert!(!slow.is_finished());
    terminate();
    let error = running.task.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Interrupted, "{error}");
    assert!(slow.await.unwrap().is_err());
}

#[tokio::test]
async fn a_connection_that_sends_nothing_or_half_a_head_is_closed() {
    let running = Running::start(&Desk::default(), |serve| serve.header_read_timeout(Duration::from_millis(20))).await;
    let mut nothing = running.connect().await;
    let mut half = running.connect().await;
    let mut preface = running.connect().await;
    preface.write_all(b"PRI * HT").await.unwrap();
    half.write_all(b"POST / HTTP/1.1\r\nhost: lo").await.unwrap();
    assert_eq!(nothing.read(&mut [0; 1]).await.unwrap(), 0);
    assert_eq!(preface.read(&mut [0; 1]).await.unwrap(), 0);
    let mut answer = Vec::new();
    half.read_to_end(&mut answer).await.unwrap();
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn panics_and_errors_end_one_connection_only() {
    let running = Running::start(&Desk::default(), |serve| serve).await;
    let mut other = http1(running.connect().await).await;
    for path in ["/panic", "/error"] {
        let mut sender = http1(running.connect().await).await;
        assert!(get(&mut sender, path).await.is_err(), "{path}");
        assert_eq!(get(&mut other, "/").await.unwrap().0, StatusCode::OK);
    }
}

#[tokio::test]
async fn an_address_that_cannot_be_bound_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = serve(()).port(port).print_port(false).bind().await.unwrap_err();
    assert!(error.to_string().contains(&format!("127.0.0.1 port {port}")), "{error}");
}

#[test]
fn infallible_services_fit() {
    fn fits<S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>>(service: S) -> Serve<S> {
        serve(service)
    }
    let _ = fits(service_fn(async |_: Request<Incoming>| Ok::<_, Infallible>(Response::new(Body::empty()))));
}
