//! The service that most tests call.

use serde::{Deserialize, Serialize};
use tower_vgi::rpc::{CallContext, Exchange, ExchangeState, LogLevel, Output, Producer, ProducerState, RpcService};
use tower_vgi::wire::AnnotatedBatch;
use tower_vgi::{Record as _, Result, RpcError, VgiArrow};

use crate::support::Caller;

/// One row of `countdown`.
#[derive(VgiArrow, Clone, Debug, PartialEq)]
pub(crate) struct Tick {
    pub(crate) left: i64,
}

/// What `announced` says before its first batch.
#[derive(VgiArrow, Clone, Debug, PartialEq)]
pub(crate) struct Announcement {
    pub(crate) total: i64,
    pub(crate) label: String,
}

/// One row of `scale`, both ways.
#[derive(VgiArrow, Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) value: f64,
}

/// A record as parameter and result.
#[derive(VgiArrow, Clone, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
}

/// How to round.
#[derive(VgiArrow, Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rounding {
    Up,
    Down,
}

/// Arithmetic for tests.
///
/// Nothing else.
#[tower_vgi::service(name = "acme.Calculator.v1", version = "1.2.0")]
pub(crate) trait Calculator {
    /// Counts to zero.
    #[producer(Tick)]
    type Countdown;
    /// Multiplies.
    #[exchange(Row => Row)]
    type Scale: std::fmt::Debug;
    #[producer]
    type Columns;
    #[exchange]
    type Mirror;

    /// Add two numbers.
    ///
    /// The second one may be left out.
    async fn add(
        &self,
        /// The first summand.
        a: f64,
        /// The second summand.
        #[default(1.0)]
        b: f64,
    ) -> Result<f64>;

    async fn greet(&self, #[default("World")] name: String, #[default(None)] title: Option<String>) -> Result<String>;
    async fn round(&self, value: f64, #[default(Rounding::Down)] rounding: Rounding) -> Result<i64>;
    async fn mirror_point(&self, point: Point, r#type: Option<Point>) -> Result<Option<Point>>;
    async fn nothing(&self) -> Result<()>;
    async fn parse(&self, text: String) -> tower_vgi::Result<i64, tower_vgi::MethodError>;
    async fn divide(&self, a: i64, b: i64) -> std::result::Result<i64, RpcError>;
    async fn whoami(&self, a: i64, context: &CallContext, b: i64) -> Result<String>;
    #[method(name = "init")]
    async fn begin(&self) -> Result<i64>;

    /// Has a body, which implementations may replace.
    async fn provided(&self, a: i64) -> Result<i64> {
        let half: i64 = "21".parse()?;
        Ok(half * a)
    }

    async fn countdown(&self, n: i64) -> Result<Producer<Self::Countdown>>;
    async fn announced(&self, n: i64) -> Result<Producer<Self::Countdown, Announcement>>;
    async fn columns(&self, name: String) -> Result<Producer<Self::Columns>>;
    async fn scale(&self, factor: f64) -> Result<Exchange<Self::Scale>>;
    async fn scale_announced(&self, context: &CallContext, factor: f64) -> Result<Exchange<Self::Scale, Announcement>>;
    async fn mirror(&self, name: String) -> Result<Exchange<Self::Mirror>>;
    #[blocking]
    fn countdown_blocking(&self, n: i64) -> Result<Producer<Self::Countdown>>;
}

/// The implementation.
pub(crate) struct Arithmetic;

impl Calculator for Arithmetic {
    type Countdown = Countdown;
    type Scale = Scale;
    type Columns = Columns;
    type Mirror = Mirror;

    async fn add(&self, a: f64, b: f64) -> Result<f64> {
        Ok(a + b)
    }

    async fn greet(&self, name: String, title: Option<String>) -> Result<String> {
        Ok(match title {
            Some(title) => format!("Hello, {title} {name}!"),
            None => format!("Hello, {name}!"),
        })
    }

    async fn round(&self, value: f64, rounding: Rounding) -> Result<i64> {
        Ok(match rounding {
            Rounding::Up => value.ceil() as i64,
            Rounding::Down => value.floor() as i64,
        })
    }

    async fn mirror_point(&self, point: Point, r#type: Option<Point>) -> Result<Option<Point>> {
        Ok(r#type.map(|other| Point { x: point.y, y: other.x }))
    }

    async fn nothing(&self) -> Result<()> {
        Ok(())
    }

    async fn parse(&self, text: String) -> Result<i64> {
        Ok(text.parse()?)
    }

    async fn divide(&self, a: i64, b: i64) -> std::result::Result<i64, RpcError> {
        a.checked_div(b).ok_or_else(|| RpcError::value_error("the divisor must not be 0").with_kind("zero_divisor"))
    }

    async fn whoami(&self, a: i64, context: &CallContext, b: i64) -> Result<String> {
        context.log(LogLevel::Info, "asked who calls");
        Ok(format!("{} {} {a} {b}", context.method().name, context.auth().authenticated))
    }

    async fn begin(&self) -> Result<i64> {
        Ok(1)
    }

    async fn countdown(&self, n: i64) -> Result<Producer<Countdown>> {
        Ok(Producer::new(Countdown(n)))
    }

    async fn announced(&self, n: i64) -> Result<Producer<Countdown, Announcement>> {
        Ok(Producer::with_header(Countdown(n), Announcement { total: n, label: "ticks".to_owned() }))
    }

    async fn columns(&self, name: String) -> Result<Producer<Columns>> {
        Ok(Producer::new(Columns).with_schema(one_column(&name)))
    }

    async fn scale(&self, factor: f64) -> Result<Exchange<Scale>> {
        Ok(Exchange::new(Scale(factor)))
    }

    async fn scale_announced(&self, context: &CallContext, factor: f64) -> Result<Exchange<Scale, Announcement>> {
        let label = context.method().name.clone();
        Ok(Exchange::with_header(Scale(factor), Announcement { total: 0, label }))
    }

    async fn mirror(&self, name: String) -> Result<Exchange<Mirror>> {
        Ok(Exchange::new(Mirror).with_schemas(one_column(&name), one_column(&name)))
    }

    fn countdown_blocking(&self, n: i64) -> Result<Producer<Countdown>> {
        Ok(Producer::new(Countdown(n)))
    }
}

fn one_column(name: &str) -> arrow_schema::SchemaRef {
    std::sync::Arc::new(arrow_schema::Schema::new(vec![i64::field(name)]))
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Countdown(i64);

impl ProducerState for Countdown {
    async fn produce(&mut self, _context: &CallContext, output: &mut Output) -> Result<()> {
        self.0 -= 1;
        if self.0 < 0 {
            return output.finish();
        }
        output.emit_rows([&Tick { left: self.0 }])
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Columns;

impl ProducerState for Columns {
    async fn produce(&mut self, _context: &CallContext, output: &mut Output) -> Result<()> {
        let batch =
            arrow_array::RecordBatch::try_new(output.schema().clone(), vec![i64::to_array([Some(&7)].into_iter())?])?;
        output.emit(batch)?;
        output.finish()
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Scale(f64);

impl ExchangeState for Scale {
    async fn exchange(&mut self, _: &CallContext, input: AnnotatedBatch, output: &mut Output) -> Result<()> {
        let rows = Row::rows(&input.batch)?;
        let scaled: Vec<Row> = rows.iter().map(|row| Row { value: row.value * self.0 }).collect();
        output.emit_rows(&scaled)
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Mirror;

impl ExchangeState for Mirror {
    async fn exchange(&mut self, _: &CallContext, input: AnnotatedBatch, output: &mut Output) -> Result<()> {
        output.emit(input.batch)
    }
}

/// A caller of each generation.
pub(crate) fn callers() -> [Caller<RpcService>; 2] {
    callers_of(RpcService::builder().protocol(CalculatorServer::new(Arithmetic)).build().unwrap())
}

/// A caller of each generation.
pub(crate) fn callers_of(service: RpcService) -> [Caller<RpcService>; 2] {
    Caller::both(service, CalculatorServer::<Arithmetic>::NAME).map(|caller| caller.version("1.2.9"))
}
