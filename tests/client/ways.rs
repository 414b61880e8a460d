//! Every way to the same server.

use tower_vgi::Body;
use tower_vgi::client::{Channel, ChannelBuilder, Connection, Generation};
use tower_vgi::rpc::RpcService;
use tower_vgi_layers::Stack;

use crate::calculator::{Arithmetic, CalculatorClient, CalculatorServer};

/// A service whose type does not depend on the way.
pub(crate) type Any = tower::util::BoxCloneSyncService<http::Request<Body>, http::Response<Body>, tower_vgi::BoxError>;

pub(crate) fn service() -> RpcService {
    RpcService::builder().protocol(CalculatorServer::new(Arithmetic)).build().unwrap()
}

pub(crate) fn stack() -> Stack {
    Stack::new(service()).unwrap()
}

/// Serves a stack on a port of its own; gives the URL.
pub(crate) async fn serve(stack: Stack) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stack = hyper_util::service::TowerToHyperService::new(stack);
    tokio::spawn(async move {
        loop {
            let (connection, _) = listener.accept().await.unwrap();
            let stack = stack.clone();
            tokio::spawn(async move {
                let io = hyper_util::rt::TokioIo::new(connection);
                let executor = hyper_util::rt::TokioExecutor::new();
                let _ = hyper_util::server::conn::auto::Builder::new(executor).serve_connection(io, stack).await;
            });
        }
    });
    format!("http://{address}")
}

fn any<S>(service: S, base: &str, builder: ChannelBuilder) -> Channel<Any>
where
    S: tower::Service<http::Request<Body>, Response = http::Response<Body>> + Clone + Send + Sync + 'static,
    S::Error: Into<tower_vgi::BoxError>,
    S::Future: Send + 'static,
{
    use tower::ServiceExt as _;
    builder.service(Any::new(service.map_err(Into::into)), base).unwrap()
}

/// A channel each way, with what it is called.
pub(crate) async fn all() -> Vec<(String, Channel<Any>)> {
    let url = serve(stack()).await;
    let mut ways = Vec::new();
    for generation in [None, Some(Generation::Flat), Some(Generation::Namespaced)] {
        let builder = || match generation {
            None => Channel::builder(),
            Some(generation) => Channel::builder().generation(generation),
        };
        let name = |way: &str| format!("{way}, {generation:?}");
        ways.push((name("core in process"), any(service(), "/", builder())));
        ways.push((name("stack in process"), any(stack(), "/", builder())));
        let tcp: Channel<Connection> = builder().connect(&url).unwrap();
        ways.push((name("TCP"), any(tcp.get_ref().clone(), &url, builder())));
        let http2 = Channel::builder().http2_prior_knowledge().connect(&url).unwrap();
        ways.push((name("HTTP/2"), any(http2.get_ref().clone(), &url, builder())));
        ways.push((name("TCP, lock-step"), any(tcp.get_ref().clone(), &url, builder().streamed_producers(false))));
        let patient = builder().streamed_producers(false).request_ahead(false);
        ways.push((name("TCP, lock-step, not ahead"), any(tcp.get_ref().clone(), &url, patient)));
    }
    ways
}

pub(crate) async fn clients() -> Vec<(String, CalculatorClient<Any>)> {
    all().await.into_iter().map(|(name, channel)| (name, CalculatorClient::new(channel))).collect()
}
