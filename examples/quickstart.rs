//! A calculator on `127.0.0.1:8080`: a unary method, a producer and an exchange.
//!
//! ```sh
//! cargo run --example quickstart            # or `-- 9000` for another port
//! ```
//!
//! Published Python clients of both wire generations call it as it is. With `pip install 'vgi-rpc[http]'`, whatever the
//! release:
//!
//! ```python
//! from typing import Protocol
//! from vgi_rpc import AnnotatedBatch, Stream, StreamState
//! from vgi_rpc.http import http_connect
//!
//! class Calculator(Protocol):
//!     def add(self, a: float, b: float = 1.0) -> float: ...
//!     def countdown(self, n: int) -> Stream[StreamState]: ...
//!     def scale(self, factor: float) -> Stream[StreamState]: ...
//!
//! with http_connect(Calculator, "http://127.0.0.1:8080") as calculator:
//!     print(calculator.add(a=1.5, b=2.25))                                    # 3.75
//!     print([b.batch.to_pylist() for b in calculator.countdown(n=3)])         # 3, 2, 1
//!     with calculator.scale(factor=10.0) as scale:
//!         answer = scale.exchange(AnnotatedBatch.from_pydict({"value": [1.0, 2.0]}))
//!         print(answer.batch.to_pylist())                                     # 10.0, 20.0
//! ```

use serde::{Deserialize, Serialize};
use tower_vgi::rpc::{CallContext, Exchange, ExchangeState, LogLevel, Output, Producer, ProducerState, RpcService};
use tower_vgi::wire::AnnotatedBatch;
use tower_vgi::{BoxError, Record as _, Result, RpcError, VgiArrow};
use tower_vgi_layers::Stack;

/// A batch of `countdown` has rows of this.
#[derive(VgiArrow)]
struct Tick {
    n: i64,
}

/// Batches of `scale` have rows of this, both ways.
#[derive(VgiArrow)]
struct Row {
    value: f64,
}

/// Arithmetic for everybody.
#[tower_vgi::service]
trait Calculator {
    /// What `countdown` remembers from batch to batch.
    #[producer(Tick)]
    type Countdown;
    /// What `scale` remembers from turn to turn.
    #[exchange(Row => Row)]
    type Scale;

    /// Add two numbers.
    async fn add(&self, a: f64, #[default(1.0)] b: f64) -> Result<f64>;

    /// Divide two whole numbers.
    async fn divide(
        &self,
        /// What is divided.
        dividend: i64,
        /// By what; not 0.
        divisor: i64,
    ) -> Result<i64>;

    /// Count down from `n` to 1, a batch at a time.
    async fn countdown(&self, n: i64, context: &CallContext) -> Result<Producer<Self::Countdown>>;

    /// Multiply every value that is sent.
    async fn scale(&self, factor: f64) -> Result<Exchange<Self::Scale>>;

    /// Count the primes below `limit`.
    #[blocking]
    fn primes(&self, limit: u32) -> Result<u32>;
}

struct Arithmetic;

impl Calculator for Arithmetic {
    type Countdown = Countdown;
    type Scale = Scale;

    async fn add(&self, a: f64, b: f64) -> Result<f64> {
        Ok(a + b)
    }

    async fn divide(&self, dividend: i64, divisor: i64) -> Result<i64> {
        match dividend.checked_div(divisor) {
            Some(quotient) => Ok(quotient),
            // A Python caller sees its own `ValueError` by name.
            None => Err(RpcError::value_error(format!("{dividend} cannot be divided by {divisor}")))?,
        }
    }

    async fn countdown(&self, n: i64, context: &CallContext) -> Result<Producer<Countdown>> {
        context.log(LogLevel::Info, format!("counting down from {n}"));
        Ok(Producer::new(Countdown { left: n }))
    }

    async fn scale(&self, factor: f64) -> Result<Exchange<Scale>> {
        Ok(Exchange::new(Scale { factor }))
    }

    fn primes(&self, limit: u32) -> Result<u32> {
        let is_prime = |n: &u32| (2..).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
        Ok((2..limit.min(1_000_000)).filter(is_prime).map(|_| 1).sum())
    }
}

/// Travels sealed in the caller's token: any worker with the same key takes the next step.
#[derive(Serialize, Deserialize)]
struct Countdown {
    left: i64,
}

impl ProducerState for Countdown {
    async fn produce(&mut self, _context: &CallContext, output: &mut Output) -> Result<()> {
        if self.left <= 0 {
            return output.finish();
        }
        output.emit_rows([&Tick { n: self.left }])?;
        self.left -= 1;
        Ok(())
    }
}

#[derive(Serialize, Deserialize)]
struct Scale {
    factor: f64,
}

impl ExchangeState for Scale {
    async fn exchange(&mut self, _context: &CallContext, input: AnnotatedBatch, output: &mut Output) -> Result<()> {
        let mut rows = Row::rows(&input.batch)?;
        for row in &mut rows {
            row.value *= self.factor;
        }
        output.emit_rows(&rows)
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let port = std::env::args().nth(1).map_or(Ok(8080), |port| port.parse())?;
    let service = RpcService::builder().protocol(CalculatorServer::new(Arithmetic)).build()?;

    // All layers that a server wants, in the order that works: ids, discovery, compression, pages, and more.
    Stack::new(service)?.serve().port(port).await?;
    Ok(())
}
