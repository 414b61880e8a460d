//! The drain of a server with sessions.

use super::*;
use http_body_util::Empty;
use tower::Layer as _;
use tower_vgi::rpc::{self, Protocol, RpcService};
use tower_vgi::session::{DrainHandle, Sessions};
use tower_vgi::wire::{Metadata, encode_batch, keys};

use crate::sticky::StickyLayer;

/// A server with a method that opens a session, whose object counts its end.
struct Bench {
    running: Running,
    sessions: DrainHandle,
    readiness: Readiness,
    closed: Arc<AtomicUsize>,
}

impl Bench {
    async fn start(drain_timeout: Duration) -> Self {
        let closed = Arc::<AtomicUsize>::default();
        let (object, readiness) = (closed.clone(), Readiness::new());
        let open = rpc::Method::unary("open").handler(move |ctx, _| {
            let object = Guard(object.clone());
            async move {
                let close = |object: Guard| async move {
                    tokio::task::yield_now().await;
                    drop(object);
                };
                ctx.open_session_closing(object, None, close)
            }
        });
        let service = RpcService::builder().protocol(Protocol::new("P").method(open)).sessions(Sessions::new());
        let service = service.build().unwrap();
        let sticky = StickyLayer::new(&service);
        let sessions = sticky.drain_handle();
        let (stop, stopped) = oneshot::channel();
        let server = serve(sticky.layer(service)).print_port(false).signals(false).drain_timeout(drain_timeout);
        let server = server.drain_handle(sessions.clone()).readiness(readiness.clone()).shutdown_on(async move {
            let _ = stopped.await;
        });
        let server = server.bind().await.unwrap();
        let address = server.local_addr();
        let running = Running { address, stop: Some(stop), task: tokio::spawn(server.into_future()) };
        Self { running, sessions, readiness, closed }
    }

    async fn sender(&self) -> Sender {
        http1(self.running.connect().await).await
    }

    fn closed(&self) -> usize {
        self.closed.load(Ordering::SeqCst)
    }
}

/// The token of a session; none when it was refused.
async fn open(sender: &mut Sender) -> Option<String> {
    let row = arrow_array::RecordBatchOptions::new().with_row_count(Some(1));
    let schema = Arc::new(arrow_schema::Schema::empty());
    let row = arrow_array::RecordBatch::try_new_with_options(schema, vec![], &row).unwrap();
    let metadata = Metadata::from_iter([(keys::METHOD, "open"), (keys::REQUEST_VERSION, "1")]);
    let request = Request::post("/P/open").header("content-type", rpc::ARROW_STREAM).header("host", "localhost");
    let body = Body::from(encode_batch(&row, &metadata).unwrap());
    let request = request.header("vgi-session-accept", "true").body(body).unwrap();
    sender.ready().await.unwrap();
    let response = sender.send_request(request).await.unwrap();
    let token = response.headers().get("vgi-session").map(|token| token.to_str().unwrap().to_owned());
    response.into_body().collect().await.unwrap();
    token
}

async fn close(sender: &mut Sender, token: &str) -> StatusCode {
    let request = Request::delete("/__session__").header("host", "localhost").header("vgi-session", token);
    sender.ready().await.unwrap();
    sender.send_request(request.body(Body::new(Empty::new())).unwrap()).await.unwrap().status()
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_server_stays_until_callers_have_ended_their_sessions() {
    let mut bench = Bench::start(Duration::from_secs(60)).await;
    let mut sender = bench.sender().await;
    let token = open(&mut sender).await.unwrap();
    bench.running.stop();
    until(|| bench.sessions.is_draining()).await;
    assert!(!bench.readiness.is_ready());
    // The old connection goes on, and a new one is accepted, but no new session.
    assert_eq!(open(&mut sender).await, None);
    let mut other = bench.sender().await;
    assert_eq!(close(&mut other, &token).await, StatusCode::NO_CONTENT);
    bench.running.task.await.unwrap().unwrap();
    assert_eq!(bench.closed.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn when_the_time_is_over_sessions_are_closed() {
    let mut bench = Bench::start(Duration::from_millis(30)).await;
    let mut sender = bench.sender().await;
    open(&mut sender).await.unwrap();
    open(&mut sender).await.unwrap();
    bench.running.stop();
    (&mut bench.running.task).await.unwrap().unwrap();
    assert_eq!((bench.closed(), bench.sessions.remaining()), (2, 0));
}

#[tokio::test]
async fn a_server_without_sessions_does_not_wait() {
    let mut bench = Bench::start(Duration::from_secs(60)).await;
    let mut idle = bench.running.connect().await;
    // Only what was accepted is closed in order.
    idle.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert_ne!(idle.read(&mut [0; 1]).await.unwrap(), 0);
    bench.running.stop();
    idle.read_to_end(&mut Vec::new()).await.unwrap();
    bench.running.ended().await;
}
