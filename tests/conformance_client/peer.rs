//! [`Peer`]: a server, and the way to it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use http_body_util::BodyExt as _;
use tower::util::BoxCloneSyncService;
use tower::{ServiceExt as _, service_fn};
use tower_vgi::client::{Channel, ChannelBuilder, Connection, Generation, HttpService, RetryPolicy};
use tower_vgi::rpc::{Protocol, RpcService};
use tower_vgi::{Body, BoxError};
use tower_vgi_layers::Stack;

use crate::child::Server;
use crate::implementation::Conformance;
use crate::protocol::{ConformanceServiceServer, FLAT_VERSION, NOT_FLAT};
use crate::python;
use crate::release::Release;

/// A service whose type does not depend on the way.
pub(crate) type Any = BoxCloneSyncService<Request<Body>, Response<Body>, BoxError>;

pub(crate) type Requests = Arc<Mutex<Vec<(Method, String, HeaderMap)>>>;

pub(crate) struct Peer {
    pub(crate) name: String,
    /// The heads of the requests so far.
    pub(crate) requests: Requests,
    pub(crate) generation: Generation,
    service: Any,
    base: String,
    /// Whether the client is told the generation, or has to find out.
    told: bool,
    _process: Option<Arc<Server>>,
}

impl Peer {
    fn new(name: &str, generation: Generation, service: Any, base: &str) -> Self {
        let requests = Requests::default();
        let service = watched(service, requests.clone());
        let service = match generation {
            Generation::Namespaced => service,
            Generation::Flat => of_the_flat_version(service),
        };
        let name = format!("{name}, {generation:?}");
        Self { name, requests, generation, service, base: base.to_owned(), told: true, _process: None }
    }

    pub(crate) fn builder(&self) -> ChannelBuilder {
        let builder = if self.told { Channel::builder().generation(self.generation) } else { Channel::builder() };
        match self.generation {
            Generation::Namespaced => builder,
            // Its requests are changed on the way.
            Generation::Flat => builder.compression_level(None),
        }
    }

    pub(crate) fn channel(&self, builder: ChannelBuilder) -> Channel<Any> {
        builder.service(self.service.clone(), &self.base).unwrap()
    }
}

pub(crate) fn in_process(generation: Generation) -> Peer {
    Peer::new("in process", generation, any(stack()), "/")
}

/// Our server, each way.
pub(crate) async fn ours() -> Vec<Peer> {
    let url = serve(stack()).await;
    let connection = |builder: ChannelBuilder| any::<Connection>(builder.connect(&url).unwrap().get_ref().clone());
    let mut peers = Vec::new();
    for generation in [Generation::Namespaced, Generation::Flat] {
        peers.push(in_process(generation));
        peers.push(Peer::new("TCP", generation, connection(Channel::builder()), &url));
        let http2 = Channel::builder().http2_prior_knowledge();
        peers.push(Peer::new("HTTP/2", generation, connection(http2), &url));
    }
    peers
}

/// Our server with sessions, as the published ones are configured for them.
pub(crate) fn ours_with_sessions() -> [Peer; 2] {
    let echo = (HeaderName::from_static("x-worker"), HeaderValue::from_static("w1"));
    let stack = Stack::builder(service()).sticky(true).sticky_default_ttl(Duration::from_secs(60));
    let stack = stack.sticky_echo_headers(HeaderMap::from_iter([echo])).build().unwrap();
    [Generation::Namespaced, Generation::Flat]
        .map(|generation| Peer::new("in process with sessions", generation, any(stack.clone()), "/"))
}

/// A release's own conformance server; `None` where there is no Python.
pub(crate) async fn published(release: Release) -> Option<Peer> {
    let mut command = python::Client::install(release)?.python();
    command.args(["-c", "from vgi_rpc.conformance._cli import main; main()", "--http", "0", "--describe"]);
    let server = Server::launch(command, &format!("conformance-{}", release.version()), &["PORT"]);
    Some(at(server, &format!("vgi-rpc {}", release.version()), release).await)
}

/// A release's conformance service with options of its application's factory, which are given as JSON.
pub(crate) async fn published_with(release: Release, options: &str) -> Option<Peer> {
    let mut command = python::Client::install(release)?.python();
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance_client/worker.py")).arg(options);
    let server = Server::launch(command, &format!("worker-{}", release.version()), &["PORT"]);
    Some(at(server, &format!("vgi-rpc {} with {options}", release.version()), release).await)
}

/// A server of a release that has been started.
pub(crate) async fn at(server: Server, name: &str, release: Release) -> Peer {
    let generation = match release {
        Release::V0_19_0 | Release::V0_42_3 => Generation::Flat,
        Release::V0_52_2 => Generation::Namespaced,
    };
    let url = server.url();
    // Some say their port before they listen to it.
    let waiting = RetryPolicy::new().max_retries(100).backoff(Duration::from_millis(100), Duration::from_millis(300));
    Channel::builder().retry(waiting.budget(None)).connect(&url).unwrap().capabilities().await.unwrap();
    let connection = Channel::connect(&url).unwrap().get_ref().clone();
    let peer = Peer::new(name, generation, any(connection), &url);
    Peer { told: false, _process: Some(Arc::new(server)), ..peer }
}

fn stack() -> Stack {
    Stack::new(service()).unwrap()
}

fn service() -> RpcService {
    let primary = || Protocol::from(ConformanceServiceServer::new(Conformance::default()));
    let flat = NOT_FLAT.into_iter().fold(primary(), Protocol::without_method).version(FLAT_VERSION);
    RpcService::builder().protocol(primary()).flat_protocol(flat).build().unwrap()
}

fn any<S>(service: S) -> Any
where
    S: HttpService
        + tower::Service<Request<Body>, Response = Response<Body>, Error: Into<BoxError>, Future: Send + 'static>,
{
    Any::new(service.map_err(Into::into))
}

/// Serves a stack on a port of its own; gives the URL.
async fn serve(stack: Stack) -> String {
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

fn watched(inner: Any, requests: Requests) -> Any {
    Any::new(service_fn(move |request: Request<Body>| {
        let head = (request.method().clone(), request.uri().path().to_owned(), request.headers().clone());
        requests.lock().unwrap().push(head);
        inner.clone().oneshot(request)
    }))
}

/// The flat servers have an older version of the protocol, with nothing in it that this one has otherwise: calls say
/// that one.
fn of_the_flat_version(inner: Any) -> Any {
    Any::new(service_fn(move |request: Request<Body>| {
        let inner = inner.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body = replaced(&body.collect().await?.to_bytes(), b"2.0.0", FLAT_VERSION.as_bytes());
            inner.oneshot(Request::from_parts(parts, body.into())).await
        }
    }))
}

/// Of the same length, so that the message around it stays as it is.
fn replaced(body: &[u8], from: &[u8; 5], to: &[u8]) -> Bytes {
    let mut body = body.to_vec();
    if let Some(at) = body.windows(from.len()).position(|window| window == from) {
        body[at..at + from.len()].copy_from_slice(to);
    }
    body.into()
}
