//! The examples of the describe page: programs of people who copy them.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use http::Request;
use http_body_util::BodyExt as _;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;
use tower::{ServiceBuilder, ServiceExt as _};
use tower_vgi::rpc::{CallContext, Exchange, ExchangeState, Output, Producer, ProducerState, RpcService};
use tower_vgi::value::{Decimal, DictionaryString, LargeString};
use tower_vgi::wire::AnnotatedBatch;
use tower_vgi::{Body, Capabilities, Result, VgiArrow};
use tower_vgi_layers::capabilities::CapabilitiesLayer;
use tower_vgi_layers::compression::CompressionLayer;
use tower_vgi_layers::health::HealthLayer;
use tower_vgi_layers::pages::PagesLayer;
use tower_vgi_layers::serve;

use crate::python::Client;
use crate::release::Release;

#[derive(VgiArrow)]
struct Row {
    small: i16,
    text: Option<String>,
    days: Vec<NaiveDate>,
}

#[derive(VgiArrow)]
struct Plain {
    value: f64,
}

#[derive(VgiArrow)]
struct Head {
    total: i64,
    width: u8,
}

#[tower_vgi::service(name = "acme.Samples.v1", version = "2.1.0")]
trait Samples {
    #[producer(Row)]
    type Rows;
    #[producer(Row)]
    type Announced;
    #[exchange(Plain => Plain)]
    type Plains;
    #[exchange(Row => Row)]
    type Changes;

    async fn nothing(&self) -> Result<()>;
    async fn add(&self, a: f64, #[default(1.5)] b: f64) -> Result<f64>;
    async fn greet(
        &self,
        #[default("\"World\"\n")] name: String,
        #[default(None)] title: Option<String>,
    ) -> Result<String>;
    async fn numbers(
        &self,
        a: i8,
        b: u64,
        c: f32,
        d: Option<i32>,
        #[default(true)] e: bool,
        f: i64,
    ) -> Result<Option<u16>>;
    async fn lists(&self, a: Vec<i64>, b: Vec<i32>, c: BTreeMap<String, f64>, d: Vec<Vec<String>>) -> Result<Vec<i32>>;
    async fn maps(&self, a: BTreeMap<String, Vec<i32>>) -> Result<BTreeMap<String, Vec<i32>>>;
    async fn bytes(&self, a: Bytes, b: [u8; 8], c: LargeString) -> Result<Bytes>;
    async fn times(
        &self,
        a: NaiveDate,
        b: NaiveDateTime,
        c: DateTime<Utc>,
        d: NaiveTime,
        e: TimeDelta,
    ) -> Result<DateTime<Utc>>;
    async fn others(&self, a: Decimal<20, 4>, b: DictionaryString, c: Option<NaiveDate>) -> Result<Decimal<20, 4>>;
    async fn rows(&self, n: i64) -> Result<Producer<Self::Rows>>;
    async fn announced(&self) -> Result<Producer<Self::Announced, Head>>;
    async fn plains(&self, factor: f64) -> Result<Exchange<Self::Plains>>;
    async fn changes(&self) -> Result<Exchange<Self::Changes>>;
}

struct Everything;

impl Samples for Everything {
    type Rows = Once;
    type Announced = Once;
    type Plains = Same;
    type Changes = Same;

    async fn nothing(&self) -> Result<()> {
        Ok(())
    }
    async fn add(&self, a: f64, b: f64) -> Result<f64> {
        Ok(a + b)
    }
    async fn greet(&self, name: String, _title: Option<String>) -> Result<String> {
        Ok(name)
    }
    async fn numbers(&self, _a: i8, _b: u64, _c: f32, _d: Option<i32>, _e: bool, _f: i64) -> Result<Option<u16>> {
        Ok(Some(7))
    }
    async fn lists(
        &self,
        _a: Vec<i64>,
        b: Vec<i32>,
        _c: BTreeMap<String, f64>,
        _d: Vec<Vec<String>>,
    ) -> Result<Vec<i32>> {
        Ok(b)
    }
    async fn maps(&self, a: BTreeMap<String, Vec<i32>>) -> Result<BTreeMap<String, Vec<i32>>> {
        Ok(a)
    }
    async fn bytes(&self, a: Bytes, _b: [u8; 8], _c: LargeString) -> Result<Bytes> {
        Ok(a)
    }
    async fn times(
        &self,
        _a: NaiveDate,
        _b: NaiveDateTime,
        c: DateTime<Utc>,
        _d: NaiveTime,
        _e: TimeDelta,
    ) -> Result<DateTime<Utc>> {
        Ok(c)
    }
    async fn others(&self, a: Decimal<20, 4>, _b: DictionaryString, _c: Option<NaiveDate>) -> Result<Decimal<20, 4>> {
        Ok(a)
    }
    async fn rows(&self, _n: i64) -> Result<Producer<Once>> {
        Ok(Producer::new(Once))
    }
    async fn announced(&self) -> Result<Producer<Once, Head>> {
        Ok(Producer::with_header(Once, Head { total: 12, width: 3 }))
    }
    async fn plains(&self, _factor: f64) -> Result<Exchange<Same>> {
        Ok(Exchange::new(Same))
    }
    async fn changes(&self) -> Result<Exchange<Same>> {
        Ok(Exchange::new(Same))
    }
}

#[derive(Serialize, Deserialize)]
struct Once;

impl ProducerState for Once {
    async fn produce(&mut self, _context: &CallContext, output: &mut Output) -> Result<()> {
        output.emit_rows(&[Row { small: 31, text: None, days: Vec::new() }])?;
        output.finish()
    }
}

#[derive(Serialize, Deserialize)]
struct Same;

impl ExchangeState for Same {
    async fn exchange(&mut self, _context: &CallContext, input: AnnotatedBatch, output: &mut Output) -> Result<()> {
        output.emit(input.batch)
    }
}

/// What each program prints, by the method's name.
const PRINTED: [(&str, &str); 13] = [
    ("add", "2.5"),
    ("announced", "total=12"),
    ("bytes", "b'bytes'"),
    ("changes", "'small': [1]"),
    ("greet", "\"World\""),
    ("lists", "[1]"),
    ("maps", "{'text': [1]}"),
    ("nothing", "\n"),
    ("numbers", "7"),
    ("others", "1.5000"),
    ("plains", "{'value': [1.0]}"),
    ("rows", "'small': [31]"),
    ("times", "2026"),
];

#[test]
fn examples_of_the_describe_page_run_as_they_are() {
    let clients: Vec<Client> = Release::ALL.into_iter().filter_map(Client::install).collect();
    if clients.is_empty() {
        return;
    }
    let runtime = Runtime::new().unwrap();
    let (address, page) = runtime.block_on(start());
    let examples: Vec<(&str, String)> = page.split("<article ").skip(1).map(example).collect();
    let names: Vec<&str> = examples.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, PRINTED.map(|(name, _)| name));
    for client in &clients {
        let file = |name: &str| client.scratch(&format!("example-{name}.py"));
        for (name, program) in &examples {
            assert!(program.contains(&format!("\"http://{address}\"")), "{program}");
            std::fs::write(file(name), program).unwrap();
        }
        let files: Vec<_> = names.iter().map(|name| file(name)).collect();
        for ((name, printed), output) in PRINTED.iter().zip(client.run_programs(&files)) {
            assert!(output.contains(printed), "{name} with vgi-rpc {} printed {output}", client.release.version());
        }
    }
}

/// Serves, and gives the page as a browser at the same address gets it.
async fn start() -> (SocketAddr, String) {
    let service = RpcService::builder().protocol(SamplesServer::new(Everything)).build().unwrap();
    let compression = CompressionLayer::new();
    let capabilities = Capabilities::new().with(&service).with(&compression);
    let info = service.info();
    let stack = ServiceBuilder::new()
        .layer(CapabilitiesLayer::new(capabilities))
        .layer(HealthLayer::new(info.clone()))
        .layer(compression)
        .layer(PagesLayer::new(info.clone()))
        .service(service.clone());
    let server = serve(stack).print_port(false).signals(false).bind().await.unwrap();
    let address = server.local_addr().unwrap();
    tokio::spawn(server.run());
    let request = Request::get("/describe").header("host", address.to_string()).body(Body::empty()).unwrap();
    let page = ServiceBuilder::new().layer(PagesLayer::new(info)).service(service).oneshot(request).await.unwrap();
    let page = page.into_body().collect().await.unwrap().to_bytes();
    (address, String::from_utf8(page.to_vec()).unwrap())
}

/// The name of the method of a card, and its example in Python.
fn example(card: &str) -> (&str, String) {
    let name = between(card, "data-name=\"", "\"");
    let code = between(between(card, "class=\"snippet python\"", "</pre>"), "<code>", "</code>");
    let entities = [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")];
    (name, entities.into_iter().fold(code.to_owned(), |code, (entity, text)| code.replace(entity, text)))
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    text.split_once(start).and_then(|(_, rest)| rest.split_once(end)).map(|(found, _)| found).unwrap()
}
