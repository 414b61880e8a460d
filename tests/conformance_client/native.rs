//! The lanes that vgi-rpc 0.52.2 has for clients of other languages, against its own worker for them: typed exchange,
//! description, producers, sessions, TLS, and large batches that are kept elsewhere.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use http::Request;
use tower::{ServiceExt as _, service_fn};
use tower_vgi::client::{Channel, HttpService, MethodKind, RetryPolicy, Session, introspect};
use tower_vgi::external::{Fetcher, UrlPolicy};
use tower_vgi::rpc::{Exchange, Producer};
use tower_vgi::value::{Decimal, DictionaryString};
use tower_vgi::{Body, Record as _, Result, RpcError, VgiArrow};

use crate::child::{Server, scratch};
use crate::python;
use crate::release::Release;

#[derive(VgiArrow, Clone, Debug, PartialEq)]
struct Typed {
    nullable_float: Option<f64>,
    tags: Option<Vec<Option<String>>>,
    category: Option<DictionaryString>,
    event_time: Option<DateTime<Utc>>,
    amount: Option<Decimal<18, 4>>,
    nested: Option<Nested>,
}

#[derive(VgiArrow, Clone, Debug, PartialEq)]
struct Nested {
    name: Option<String>,
    scores: Option<Vec<Option<i32>>>,
}

#[derive(VgiArrow, Clone, Debug, PartialEq)]
struct Piece {
    index: i64,
    payload: Vec<u8>,
}

#[tower_vgi::service(name = "ClientConformanceService")]
trait ClientConformance {
    #[exchange(Typed => Typed)]
    type TypedEcho;
    #[producer(Piece)]
    type Pieces;

    async fn typed_exchange(&self) -> Result<Exchange<Self::TypedEcho>>;
    async fn producer_sequence(&self, count: i64, payload_bytes: i64) -> Result<Producer<Self::Pieces>>;
    async fn producer_zero_row_then_value(&self) -> Result<Producer<Self::Pieces>>;
    async fn producer_emit_and_finish(&self) -> Result<Producer<Self::Pieces>>;
    async fn producer_empty(&self) -> Result<Producer<Self::Pieces>>;
    async fn open_client_session(&self, initial: i64) -> Result<i64>;
    async fn increment_client_session(&self, by: i64) -> Result<i64>;
    async fn close_client_session(&self) -> Result<i64>;
    async fn large_response(&self, size: i64) -> Result<Vec<u8>>;
    async fn echo_bytes(&self, value: Vec<u8>) -> Result<Vec<u8>>;
}

/// The worker; `None` where there is no Python.
fn worker(arguments: &[&str], words: &[&'static str]) -> Option<Server> {
    let mut command = python::Client::install(Release::V0_52_2)?.python();
    command.args(["-m", "vgi_rpc.conformance.client_worker", "--http", "0", "--prefix", "/vgi"]).args(arguments);
    // The key of the TLS lane stays where it does not matter.
    command.env("TMPDIR", scratch("tls"));
    Some(Server::launch(command, "client_worker", words))
}

/// Some say their port before they listen to it.
fn waiting() -> RetryPolicy {
    let backoff = std::time::Duration::from_millis(100);
    RetryPolicy::new().max_retries(100).backoff(backoff, backoff).budget(None)
}

type Paths = Arc<Mutex<Vec<String>>>;

/// A proxy, and the paths that it requests.
async fn proxy(server: &Server) -> (ClientConformanceClient<impl HttpService>, Paths) {
    let url = format!("{}/vgi", server.url());
    let channel = Channel::builder().retry(waiting()).connect(&url).unwrap();
    channel.generation().await.unwrap();
    let (connection, paths) = (channel.get_ref().clone(), Paths::default());
    let seen = paths.clone();
    let counting = service_fn(move |request: Request<Body>| {
        seen.lock().unwrap().push(request.uri().path().to_owned());
        connection.clone().oneshot(request)
    });
    (ClientConformanceClient::new(Channel::builder().service(counting, &url).unwrap()), paths)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_sent_as_their_type_declares_them() {
    let Some(server) = worker(&[], &["PORT"]) else { return };
    let (proxy, _) = proxy(&server).await;
    let null = Typed { nullable_float: None, tags: None, category: None, event_time: None, amount: None, nested: None };
    let full = Typed {
        nullable_float: Some(1.5),
        tags: Some(vec![Some("a".to_owned()), None]),
        category: Some(DictionaryString("once".to_owned())),
        event_time: DateTime::from_timestamp_micros(1_700_000_000_123_456),
        amount: Some(Decimal::new(-12_345_678).unwrap()),
        nested: Some(Nested { name: Some("n".to_owned()), scores: Some(vec![Some(1), None, Some(-3)]) }),
    };
    let mut exchange = proxy.typed_exchange().await.unwrap();
    for rows in [vec![null.clone()], vec![], vec![full.clone()], vec![full.clone(), null, full]] {
        assert_eq!(exchange.exchange(&rows).await.unwrap(), rows);
    }
    // The schema that comes back is the declared one, also with no row.
    let answer = exchange.exchange_batch(Typed::to_batch([].iter()).unwrap()).await.unwrap();
    assert_eq!(answer.batch.schema(), Typed::schema());
    assert_eq!(proxy.echo_bytes(vec![0, 255, 7]).await.unwrap(), [0, 255, 7]);
    assert_eq!(proxy.large_response(100_000).await.unwrap().len(), 100_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_large_is_kept_elsewhere_both_ways() {
    let Some(server) = worker(&["--external", "--external-threshold", "4096"], &["PORT"]) else { return };
    let url = format!("{}/vgi", server.url());
    // Its storage is on this machine.
    let fetcher = Fetcher::builder().policy(UrlPolicy::any()).build().unwrap();
    let channel = Channel::builder().retry(waiting()).external(fetcher).compression_level(None).connect(&url).unwrap();
    assert!(channel.capabilities().await.unwrap().externalization_enabled);
    let proxy = ClientConformanceClient::new(channel);
    assert_eq!(proxy.large_response(100_000).await.unwrap().len(), 100_000);
    let value: Vec<u8> = (0..50_000_u32).map(|index| (index * index) as u8).collect();
    assert_eq!(proxy.echo_bytes(value.clone()).await.unwrap(), value);
    let strict = Channel::builder().external(Fetcher::new().unwrap()).compression_level(None).connect(&url).unwrap();
    let refused = ClientConformanceClient::new(strict).large_response(100_000).await.unwrap_err();
    assert!(refused.message().contains("URL rejected"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_worker_describes_itself() {
    let Some(server) = worker(&[], &["PORT"]) else { return };
    let (proxy, _) = proxy(&server).await;
    let description = introspect(proxy.channel()).await.unwrap();
    assert_eq!(description.server_id, "client-worker");
    let protocol = &description.protocols[0];
    assert_eq!((protocol.name.as_str(), protocol.version.as_deref()), ("ClientConformanceService", None));
    assert!(protocol.hash.len() == 64 && protocol.hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let kinds: BTreeMap<_, _> = protocol.methods.iter().map(|method| (method.name.as_str(), method.kind)).collect();
    let (unary, producer) = (Some(MethodKind::Unary), Some(MethodKind::Producer));
    let expected = [
        ("close_client_session", unary),
        ("echo_bytes", unary),
        ("increment_client_session", unary),
        ("large_response", unary),
        ("open_client_session", unary),
        ("producer_emit_and_finish", producer),
        ("producer_empty", producer),
        ("producer_sequence", producer),
        ("producer_zero_row_then_value", producer),
        ("typed_exchange", Some(MethodKind::Exchange)),
    ];
    assert_eq!(kinds, BTreeMap::from(expected));
    let sequence = protocol.methods.iter().find(|method| method.name == "producer_sequence").unwrap();
    let names: Vec<_> = sequence.parameters.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["count", "payload_bytes"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn producers_begin_go_on_and_end() {
    let Some(server) = worker(&[], &["PORT"]) else { return };
    let (proxy, paths) = proxy(&server).await;
    let indices = |pieces: Vec<Piece>| pieces.into_iter().map(|piece| piece.index).collect::<Vec<_>>();

    let pieces = proxy.producer_sequence(2, 4).await.unwrap().collect().await.unwrap();
    assert_eq!(pieces[1], Piece { index: 1, payload: vec![1; 4] });
    assert_eq!(indices(pieces), [0, 1]);

    // No rows are data as well.
    let mut batches = proxy.producer_zero_row_then_value().await.unwrap().into_batches();
    let mut rows = Vec::new();
    while let Some(batch) = batches.next().await.unwrap() {
        assert_eq!(batch.batch.schema(), Piece::schema());
        assert!(batch.metadata.is_empty());
        rows.push(batch.batch.num_rows());
    }
    assert_eq!(rows, [0, 1]);

    for (finished, expected) in
        [(proxy.producer_emit_and_finish().await.unwrap(), vec![99]), (proxy.producer_empty().await.unwrap(), vec![])]
    {
        let mut finished = finished;
        let requests = paths.lock().unwrap().len();
        let mut seen = Vec::new();
        while let Some(piece) = finished.next().await.unwrap() {
            seen.push(piece.index);
        }
        assert_eq!(seen, expected);
        // It knows that it has ended: nobody is asked.
        assert!(finished.next().await.unwrap().is_none());
        finished.cancel().await;
        assert_eq!(paths.lock().unwrap().len(), requests);
    }
}

/// Of this release a limit does not fill responses: it is one turn each, and each has to fit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_producer_under_a_limit_is_read_whole() {
    let Some(server) = worker(&["--producer-turn-bytes", "65536"], &["PORT"]) else { return };
    let (proxy, paths) = proxy(&server).await;
    assert_eq!(proxy.channel().capabilities().await.unwrap().max_response_bytes, Some(65_536));
    let pieces = proxy.producer_sequence(100, 1024).await.unwrap().collect().await.unwrap();
    assert!(pieces.iter().map(|piece| piece.index).eq(0..100));
    let turns = paths.lock().unwrap().iter().filter(|path| path.ends_with("/exchange")).count();
    assert_eq!(turns, 100);
    let error = proxy.producer_sequence(1, 100_000).await.unwrap_err();
    assert_eq!(error.type_name(), "ResponseTooLargeError", "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_kept_and_found_to_be_lost() {
    let Some(server) = worker(&["--sticky"], &["PORT"]) else { return };
    let (proxy, _) = proxy(&server).await;
    let view = proxy.session();
    assert_eq!(view.open_client_session(10).await.unwrap(), 10);
    let token = view.session().token().unwrap();
    assert_eq!(view.session().echo_headers()["x-vgi-worker-affinity"], "client-worker");
    assert_eq!(view.increment_client_session(5).await.unwrap(), 15);
    assert_eq!(view.increment_client_session(-2).await.unwrap(), 13);
    assert_eq!(view.close_client_session().await.unwrap(), 13);
    assert!(view.session().token().is_none() && view.session().is_closed());
    view.close().await.unwrap();
    let stale = Session::resume(proxy.channel(), &token).unwrap();
    let again = ClientConformanceClient::new(stale.channel().clone());
    let error: RpcError = again.increment_client_session(1).await.unwrap_err();
    assert!(error.is_session_lost() && error.type_name() == "SessionLostError", "{error}");
}

#[cfg(feature = "client-tls")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_behind_tls_is_trusted_by_its_authority_only() {
    let Some(server) = worker(&["--tls"], &["PORT", "TLS-CA"]) else { return };
    let authority = std::fs::read(server.said("TLS-CA")).unwrap();
    let port = server.said("PORT");
    for host in ["localhost", "127.0.0.1"] {
        let url = format!("https://{host}:{port}/vgi");
        let channel = Channel::builder().ca_certificates(authority.clone()).connect(&url).unwrap();
        let description = introspect(&channel).await.unwrap();
        assert_eq!(description.protocols[0].name, "ClientConformanceService");
        let proxy = ClientConformanceClient::new(channel);
        assert_eq!(proxy.producer_sequence(3, 1).await.unwrap().collect().await.unwrap().len(), 3);
    }
    // Nobody else vouches for it.
    let url = format!("https://localhost:{port}/vgi");
    let stranger = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.pem();
    let channel = Channel::builder().ca_certificates(stranger).connect(&url).unwrap();
    let error = introspect(&channel).await.unwrap_err();
    assert!(error.is_connection_error() && error.message().contains("certificate"), "{error}");
    if let Ok(channel) = Channel::connect(&url) {
        assert!(introspect(&channel).await.unwrap_err().message().contains("certificate"));
    }
}
