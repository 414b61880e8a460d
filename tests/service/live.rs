//! Live streams and sessions, as an implementation of a trait has them.

use futures_util::stream;
use tower::Layer as _;
use tower_vgi::rpc::{CallContext, LiveStream, Producer, RpcService};
use tower_vgi::{Record as _, Result, VgiArrow};
use tower_vgi_layers::sticky::StickyLayer;

use crate::support::{Answer, Arguments, Caller};

#[derive(VgiArrow, Clone, Debug, PartialEq)]
struct Number {
    n: i64,
}

#[tower_vgi::service]
trait Queries {
    #[producer(Number)]
    type Rows;
    async fn numbers(&self, n: i64) -> Result<Producer<Self::Rows>>;
    async fn open(&self, ctx: &CallContext) -> Result<()>;
    async fn next(&self, ctx: &CallContext) -> Result<i64>;
}

struct Engine;

struct Cursor(i64);

impl Queries for Engine {
    type Rows = LiveStream;

    async fn numbers(&self, n: i64) -> Result<Producer<LiveStream>> {
        Ok(Producer::from_stream(stream::iter((0..n).map(|n| Number::to_batch([Number { n }].iter())))))
    }

    async fn open(&self, ctx: &CallContext) -> Result<()> {
        ctx.open_session(Cursor(0), None)
    }

    async fn next(&self, ctx: &CallContext) -> Result<i64> {
        let mut cursor = ctx.session::<Cursor>()?;
        cursor.0 += 1;
        Ok(cursor.0)
    }
}

fn service() -> RpcService {
    RpcService::builder().protocol(QueriesServer::new(Engine)).build().unwrap()
}

#[tokio::test]
async fn a_stream_is_the_state_of_a_producer() {
    for caller in Caller::both(service(), QueriesServer::<Engine>::NAME) {
        let answers = caller.produce("numbers", Arguments::none().with("n", 3_i64)).await;
        let rows: Vec<Number> = answers.iter().flat_map(Answer::rows::<Number>).collect();
        assert_eq!(rows, [0, 1, 2].map(|n| Number { n }));
        assert_eq!(answers.len(), 3);
    }
}

#[tokio::test]
async fn a_method_keeps_what_its_caller_comes_back_to() {
    let service = service();
    let service = StickyLayer::new(&service).layer(service);
    for caller in Caller::both(service, QueriesServer::<Engine>::NAME) {
        let caller = caller.header("vgi-session-accept", "true");
        let opened = caller.call("open", Arguments::none()).await;
        let token = opened.headers["vgi-session"].to_str().unwrap();
        let caller = caller.header("vgi-session", token);
        for expected in 1..=3 {
            assert_eq!(caller.call("next", Arguments::none()).await.value::<i64>(), expected);
        }
    }
}
