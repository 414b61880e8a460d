//! Whole calls: from the request to the last piece of the answer.

use std::hint::black_box;
use std::rc::Rc;

use arrow_array::RecordBatch;
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Request, Response, StatusCode, header};
use http_body::Body as HttpBody;
use http_body_util::BodyExt as _;
use tokio::runtime::{Builder, Runtime};
use tower::{Service, ServiceExt as _};
use tower_vgi::external::Fetcher;
use tower_vgi::identity::{GrantKeys, GrantRequest, MintGrant as _, SealedGrants};
use tower_vgi::rpc::{RpcService, TokenKeys};
use tower_vgi::wire::{Metadata, encode_batch, keys};
use tower_vgi::{AuthContext, Body};
use tower_vgi_layers::Stack;
use tower_vgi_layers::access_log::AccessLogLayer;
use tower_vgi_layers::auth::AuthLayer;
use tower_vgi_layers::auth::identity::Grants;
use tower_vgi_layers::external::ExternalLayer;
use tower_vgi_layers::local_storage::LocalStorage;
use tower_vgi_layers::stack::{Place, StackBuilder};

use crate::additions::{self, ISSUER, TOKEN};
use crate::layers::Layers;
use crate::support::{Arguments, Caller, Stream, content_type};
use crate::{HotPath, TIMES, service};

/// Rows of a producer's batch, as in the comparison with other servers.
const PRODUCED_ROWS: i64 = 65_536;

pub(crate) fn unary_flat() -> HotPath {
    add(core(), Wire::Flat)
}

pub(crate) fn unary_namespaced() -> HotPath {
    add(core(), Wire::Namespaced)
}

pub(crate) fn unary_flat_with_layers() -> HotPath {
    add(Stack::new(core()).unwrap(), Wire::Flat)
}

pub(crate) fn unary_namespaced_with_layers() -> HotPath {
    add(Stack::new(core()).unwrap(), Wire::Namespaced)
}

/// Alone around the core.
pub(crate) fn unary_namespaced_with_otel() -> HotPath {
    let others = Place::ALL.into_iter().filter(|place| *place != Place::Otel);
    let stack = others.fold(Stack::builder(core()).otel(additions::otel()), StackBuilder::without).build().unwrap();
    add(stack, Wire::Namespaced)
}

/// In addition to the layers of a default deployment, as `unary-namespaced-layers` has them.
pub(crate) fn unary_observed_by_otel() -> HotPath {
    add(Stack::builder(core()).otel(additions::otel()).build().unwrap(), Wire::Namespaced)
}

/// Likewise.
pub(crate) fn unary_with_an_access_log() -> HotPath {
    let core = core();
    let log = AccessLogLayer::to_writer(core.info(), std::io::sink());
    add(Stack::builder(core).access_log(log).build().unwrap(), Wire::Namespaced)
}

/// Through the layers of a default deployment and one that knows the token.
fn unary_known(auth: AuthLayer, token: &'static str) -> HotPath {
    let mut wire = Wire::Namespaced.call("add", Arguments::none().with("a", 1.5).with("b", 2.25));
    wire.token = Some(token);
    repeat(Stack::builder(core()).auth(auth).build().unwrap(), wire)
}

pub(crate) fn unary_with_a_bearer() -> HotPath {
    unary_known(AuthLayer::new(additions::bearer()), TOKEN)
}

/// Its signature has been checked before, and is remembered.
pub(crate) fn unary_with_a_jwt() -> HotPath {
    let (_, token) = ISSUER.split_once("\"token\": \"").unwrap();
    let token = token.split_once('"').unwrap().0;
    unary_known(AuthLayer::new(additions::jwt().unwrap()), token)
}

/// Opened anew with every call.
pub(crate) fn unary_with_a_grant() -> HotPath {
    let keys = GrantKeys::new([[7; 32]]).unwrap();
    let alice = AuthContext::authenticated("jwt", "alice").with_claim("scope", "read write");
    let request = GrantRequest::new(alice, "nightly report", 3600).scopes(["read", "write"]);
    let granted = SealedGrants::new(keys.clone()).mint_grant(&request).now_or_never().unwrap().unwrap();
    unary_known(AuthLayer::new(Grants::new(keys)), granted.token.leak())
}

/// A call that is sent and answered inline, in a server that has a store for larger ones.
pub(crate) fn unary_with_an_external_layer() -> HotPath {
    let storage = LocalStorage::memory(&TokenKeys::random());
    let layer = ExternalLayer::new(storage, Fetcher::new().unwrap());
    add(core().with_layer(layer), Wire::Namespaced)
}

/// A small call through some layers.
pub(crate) fn unary_through(layers: Layers) -> HotPath {
    let mut wire = Wire::Namespaced.call("add", Arguments::none().with("a", 1.5).with("b", 2.25));
    if layers.is_below_a_prefix() {
        wire.path.insert_str(0, "/vgi");
    }
    wire.token = layers.know_callers().then_some(TOKEN);
    match layers.around(core()).unwrap() {
        Some(stack) => repeat(stack, wire),
        None => repeat(core(), wire),
    }
}

pub(crate) fn echo() -> HotPath {
    let data: Vec<u8> = (0..1 << 20).map(|index: u32| index as u8).collect();
    let parameters = Arguments::none().with("data", Bytes::from(data));
    repeat(core(), Wire::Namespaced.call("echo_bytes", parameters))
}

/// One row there and back: two tokens are opened and one is sealed.
pub(crate) fn exchange_turn() -> HotPath {
    let service = core();
    let stream = open(&service, "scale", Arguments::none().with("factor", 2.5));
    repeat(service, Wire::Namespaced.turn("scale", &stream, Arguments::none().with("value", 4.0).batch()))
}

/// The next batch of a producer in lock-step.
pub(crate) fn produce_step() -> HotPath {
    let service = core();
    let parameters = Arguments::none().with("batches", 64_i64).with("rows", PRODUCED_ROWS);
    let stream = open(&service, "produce", parameters);
    repeat(service, Wire::Namespaced.turn("produce", &stream, Arguments::none().batch()))
}

fn core() -> RpcService {
    service::service().unwrap()
}

fn add<S, B>(service: S, wire: Wire) -> HotPath
where
    S: Service<Request<Body>, Response = Response<B>> + Clone + 'static,
    S::Error: std::fmt::Debug,
    B: HttpBody + Unpin,
    B::Error: std::fmt::Debug,
{
    repeat(service, wire.call("add", Arguments::none().with("a", 1.5).with("b", 2.25)))
}

/// Tokens are good for any number of requests: each seals a new one.
fn open(service: &RpcService, method: &str, parameters: Arguments) -> Stream {
    let caller = Caller::namespaced(service.clone(), "Bench");
    let (answer, stream) = runtime().block_on(caller.open(method, parameters));
    assert_eq!(answer.error(), None);
    stream
}

/// How requests of a generation look.
#[derive(Clone, Copy, PartialEq)]
enum Wire {
    Flat,
    Namespaced,
}

/// A request that can be sent again and again.
struct Template {
    path: String,
    body: Bytes,
    /// Who calls.
    token: Option<&'static str>,
}

impl Wire {
    fn call(self, method: &str, parameters: Arguments) -> Template {
        let mut metadata = Metadata::from_iter([(keys::METHOD, method), (keys::REQUEST_VERSION, "1")]);
        if self == Self::Namespaced {
            metadata.insert(keys::PROTOCOL, "Bench");
        }
        self.template(method, &parameters.batch(), &metadata)
    }

    fn turn(self, method: &str, stream: &Stream, input: RecordBatch) -> Template {
        let tokens = [(keys::STREAM_STATE, &stream.cursor), (keys::CALL_STATE, &stream.call)];
        let metadata = Metadata::from_iter(tokens.map(|(key, token)| (key, token.as_deref().unwrap())));
        self.template(&format!("{method}/exchange"), &input, &metadata)
    }

    fn template(self, endpoint: &str, batch: &RecordBatch, metadata: &Metadata) -> Template {
        let path = match self {
            Self::Flat => format!("/{endpoint}"),
            Self::Namespaced => format!("/Bench/{endpoint}"),
        };
        Template { path, body: encode_batch(batch, metadata).unwrap(), token: None }
    }
}

impl Template {
    fn request(&self) -> Request<Body> {
        let mut request = Request::post(&self.path).header(header::CONTENT_TYPE, content_type());
        if let Some(token) = self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        request.body(Body::from(self.body.clone())).unwrap()
    }
}

/// The same request over and over. The requests are there beforehand; answers are received whole.
fn repeat<S, B>(service: S, template: Template) -> HotPath
where
    S: Service<Request<Body>, Response = Response<B>> + Clone + 'static,
    S::Error: std::fmt::Debug,
    B: HttpBody + Unpin,
    B::Error: std::fmt::Debug,
{
    let runtime = Rc::new(runtime());
    Box::new(move || {
        let requests: Vec<Request<Body>> = (0..TIMES).map(|_| template.request()).collect();
        let (mut service, runtime) = (service.clone(), runtime.clone());
        Box::new(move || {
            runtime.block_on(async {
                for request in requests {
                    let response = service.ready().await.unwrap().call(request).await.unwrap();
                    let failed = response.headers().contains_key("x-vgi-rpc-error");
                    assert!(response.status() == StatusCode::OK && !failed, "{:?}", response.headers());
                    let mut body = response.into_body();
                    while let Some(frame) = body.frame().await {
                        black_box(frame.unwrap());
                    }
                }
            });
        })
    })
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}
