//! A service that has everything a page can show, and the server that a browser visits.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;
use tower::{Service, ServiceBuilder};
use tower_vgi::rpc::{
    CallContext, Exchange, ExchangeState, Method, Output, Producer, ProducerState, Protocol, RpcService,
};
use tower_vgi::value::Decimal;
use tower_vgi::wire::AnnotatedBatch;
use tower_vgi::{BoxError, Result, RpcError, VgiArrow};
use tower_vgi_layers::pages::PagesLayer;
use tower_vgi_layers::serve;

#[derive(VgiArrow)]
pub(crate) struct Reading {
    sensor: String,
    value: Option<f64>,
    taken: DateTime<Utc>,
}

#[derive(VgiArrow)]
pub(crate) struct Summary {
    count: i64,
    labels: BTreeMap<String, Vec<i32>>,
}

#[derive(VgiArrow)]
pub(crate) struct Address {
    street: String,
    city: Option<String>,
}

#[derive(Clone, Copy, VgiArrow)]
pub(crate) enum Priority {
    Low,
    High,
}

/// Keeps goods, and says where they are.
///
/// Every method of this protocol is there to be *looked at*; see [`Reading`] for what `follow` sends.
///
/// - Orders are kept for `30` days.
/// - Prices are decimals & never floats.
#[tower_vgi::service(version = "1.4.0")]
pub(crate) trait Warehouse {
    #[producer(Reading)]
    type Readings;
    #[producer(Reading)]
    type Announced;
    #[exchange(Summary => Reading)]
    type Convert;
    #[producer]
    type Columns;

    /// Add two numbers.
    ///
    /// The second one may be left out:
    ///
    /// ```text
    /// add(1.0)    -> 2.0
    /// ```
    async fn add(
        &self,
        /// The first summand.
        a: f64,
        /// The second summand; `1.0` unless it is given.
        #[default(1.0)]
        b: f64,
    ) -> Result<f64>;

    /// Place an order.
    ///
    /// # Errors
    ///
    /// A `ValueError` when the quantity is `0`, or when nothing of that kind is kept here.
    async fn order(
        &self,
        /// What is ordered.
        article: String,
        /// How many of it.
        #[default(1)]
        quantity: u32,
        /// What is paid for each.
        price: Option<Decimal<20, 4>>,
        #[default(Priority::Low)] priority: Priority,
        /// Where it goes.
        destination: Address,
        /// Anything else, by name.
        notes: BTreeMap<String, Vec<i32>>,
    ) -> Result<Address>;

    async fn ping(&self) -> Result<()>;

    /// Fails, always.
    async fn broken(&self) -> Result<f64>;

    /// Follow a sensor, reading by reading.
    async fn follow(
        &self,
        sensor: String,
        #[default(None)] until: Option<DateTime<Utc>>,
    ) -> Result<Producer<Self::Readings>>;

    /// Follow a sensor, after a header that says what comes.
    async fn follow_announced(&self, sensor: String) -> Result<Producer<Self::Announced, Summary>>;

    /// Convert summaries to readings, batch for batch.
    async fn convert(&self, factor: f64) -> Result<Exchange<Self::Convert>>;

    /// Columns that the caller chooses.
    async fn columns(&self, names: Vec<String>) -> Result<Producer<Self::Columns>>;
}

pub(crate) struct Shelves;

impl Warehouse for Shelves {
    type Readings = Nothing;
    type Announced = Nothing;
    type Convert = Nothing;
    type Columns = Nothing;

    async fn add(&self, a: f64, b: f64) -> Result<f64> {
        Ok(a + b)
    }

    async fn order(
        &self,
        _article: String,
        _quantity: u32,
        _price: Option<Decimal<20, 4>>,
        _priority: Priority,
        destination: Address,
        _notes: BTreeMap<String, Vec<i32>>,
    ) -> Result<Address> {
        Ok(destination)
    }

    async fn ping(&self) -> Result<()> {
        Ok(())
    }

    async fn broken(&self) -> Result<f64> {
        Err(RpcError::value_error("nothing works"))?
    }

    async fn follow(&self, _sensor: String, _until: Option<DateTime<Utc>>) -> Result<Producer<Nothing>> {
        Ok(Producer::new(Nothing))
    }

    async fn follow_announced(&self, _sensor: String) -> Result<Producer<Nothing, Summary>> {
        Ok(Producer::with_header(Nothing, Summary { count: 0, labels: BTreeMap::new() }))
    }

    async fn convert(&self, _factor: f64) -> Result<Exchange<Nothing>> {
        Ok(Exchange::new(Nothing))
    }

    async fn columns(&self, _names: Vec<String>) -> Result<Producer<Nothing>> {
        Ok(Producer::new(Nothing))
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Nothing;

impl ProducerState for Nothing {
    async fn produce(&mut self, _context: &CallContext, output: &mut Output) -> Result<()> {
        output.finish()
    }
}

impl ExchangeState for Nothing {
    async fn exchange(&mut self, _context: &CallContext, _input: AnnotatedBatch, output: &mut Output) -> Result<()> {
        output.emit_rows::<Reading>(&[])
    }
}

/// Names and texts that would do harm in a page that does not escape them.
fn hostile() -> Protocol {
    const HARM: &str =
        "</script><script>document.title = 'harmed'</script><img src=x onerror=\"document.title='harmed'\">";
    let evil = Method::unary("<img src=x onerror=alert(1)>")
        .parameter::<String>("\"><script>document.title='harmed'</script>")
        .parameter_doc(HARM)
        .default_value(&"'\"><b>".to_owned(), "'\"><b>\u{2028}")
        .doc(format!("{HARM}\n\n`{HARM}`\n\n- {HARM}\n\n```\n{HARM}\n```\n{}", "long".repeat(60)))
        .handler(|_, _| async { Ok(()) });
    let quiet = Method::unary("a_method_with_a_name_that_is_much_longer_than_what_people_usually_write")
        .parameter::<BTreeMap<String, BTreeMap<String, Vec<Option<Decimal<38, 10>>>>>>("a_parameter_with_a_long_name")
        .handler(|_, _| async { Ok(()) });
    Protocol::new("acme.Edge.v2").doc(HARM).method(evil).method(quiet)
}

/// The whole service, with its pages and without anything else.
pub(crate) fn service() -> RpcService {
    RpcService::builder()
        .protocol(WarehouseServer::new(Shelves))
        .protocol(hostile())
        .server_id("0123456789ab")
        .server_version("2026.1")
        .build()
        .unwrap()
}

/// A server in this process; it ends when it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    _runtime: Runtime,
}

impl Server {
    /// The service with its pages.
    pub(crate) fn with_pages() -> Self {
        let service = service();
        let pages = PagesLayer::new(service.info()).repository("https://git.example/warehouse").unwrap();
        Self::start(ServiceBuilder::new().layer(pages).service(service))
    }

    /// Anything.
    pub(crate) fn start<S, B>(service: S) -> Self
    where
        S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let runtime = Runtime::new().unwrap();
        let server = runtime.block_on(serve(service).print_port(false).signals(false).bind()).unwrap();
        let address = server.local_addr().unwrap();
        runtime.spawn(server.run());
        Self { address, _runtime: runtime }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}
