//! The protocols of the test server, written by hand with the builders that `#[service]` uses.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tower_vgi::rpc::{
    CallContext, Exchange, ExchangeState, Method, Output, Producer, ProducerState, Protocol, RpcService,
    RpcServiceBuilder,
};
use tower_vgi::wire::AnnotatedBatch;
use tower_vgi::{Record as _, Result, RpcError, VgiArrow};

/// The primary protocol's wire name.
pub(crate) const PROTOCOL: &str = "Calc";
/// Its version.
pub(crate) const VERSION: &str = "1.2.3";
/// What the test server takes at most.
pub(crate) const MAX_REQUEST_BYTES: usize = 1 << 20;

#[derive(Debug, PartialEq, VgiArrow)]
pub(crate) struct Number {
    pub(crate) n: i64,
}

#[derive(Debug, PartialEq, VgiArrow)]
pub(crate) struct Value {
    pub(crate) value: f64,
}

#[derive(Debug, PartialEq, VgiArrow)]
#[vgi(rename_all = "UPPERCASE")]
pub(crate) enum Colour {
    Red,
    Green,
}

/// Counts to `n`; fails at `fails_at`.
#[derive(Serialize, Deserialize)]
struct Count {
    next: i64,
    n: i64,
    fails_at: i64,
}

impl ProducerState for Count {
    async fn produce(&mut self, _context: &CallContext, output: &mut Output) -> Result<()> {
        if self.next == self.fails_at {
            Err(RpcError::value_error(format!("no {}", self.next)))?;
        }
        if self.next < self.n {
            output.emit_rows(&[Number { n: self.next }])?;
            self.next += 1;
        }
        if self.next >= self.n {
            output.finish()?;
        }
        Ok(())
    }
}

/// Multiplies what comes.
#[derive(Serialize, Deserialize)]
struct Scale {
    factor: f64,
    turns: i64,
}

impl ExchangeState for Scale {
    async fn exchange(&mut self, _context: &CallContext, input: AnnotatedBatch, output: &mut Output) -> Result<()> {
        let rows = Value::rows(&input.batch)?;
        if rows.iter().any(|row| row.value < 0.0) {
            Err(RpcError::value_error("negative"))?;
        }
        self.turns += 1;
        let scaled: Vec<Value> = rows.iter().map(|row| Value { value: row.value * self.factor }).collect();
        output.emit_rows(&scaled)
    }
}

/// The primary protocol.
pub(crate) fn calc() -> Protocol {
    Protocol::new(PROTOCOL)
        .version(VERSION)
        .method(
            Method::unary("add")
                .parameter::<f64>("a")
                .parameter::<f64>("b")
                .handler(|_, params| async move { Ok(params.get::<f64>(0)? + params.get::<f64>(1)?) }),
        )
        .method(
            Method::unary("increase")
                .parameter::<f64>("a")
                .parameter::<f64>("by")
                .default_value(&1.0, "1.0")
                .handler(|_, params| async move { Ok(params.get::<f64>(0)? + params.get::<f64>(1)?) }),
        )
        .method(
            Method::unary("maybe")
                .parameter::<Option<i64>>("x")
                .handler(|_, params| async move { Ok(params.get::<Option<i64>>(0)?) }),
        )
        .method(
            Method::unary("paint")
                .parameter::<Colour>("colour")
                .handler(|_, params| async move { Ok(params.get::<Colour>(0)?) }),
        )
        .method(Method::unary("nothing").handler(|_, _| async move { Ok(()) }))
        .method(Method::unary("fail").parameter::<String>("kind").handler(|_, params| async move {
            match params.get::<String>(0)?.as_str() {
                "type" => Err(RpcError::type_error("no such thing"))?,
                "parse" => Ok("x".parse::<i64>()?),
                kind => Err(RpcError::value_error(format!("no {kind}")))?,
            }
        }))
        .method(Method::unary("blob").parameter::<i64>("size").handler(|_, params| async move {
            let size = usize::try_from(params.get::<i64>(0)?)?;
            Ok(Bytes::from(vec![7; size]))
        }))
        .method(
            Method::producer("count")
                .parameter::<i64>("n")
                .parameter::<i64>("fails_at")
                .default_value(&-1_i64, "-1")
                .rows::<Number>()
                .handler(|_, params| async move {
                    let n = params.get::<i64>(0)?;
                    if n < 0 {
                        Err(RpcError::value_error("n must not be negative"))?;
                    }
                    Ok(Producer::new(Count { next: 0, n, fails_at: params.get::<i64>(1)? }))
                }),
        )
        .method(
            Method::exchange("scale").parameter::<f64>("factor").rows::<Value, Value>().handler(
                |_, params| async move { Ok(Exchange::new(Scale { factor: params.get::<f64>(0)?, turns: 0 })) },
            ),
        )
}

/// Without a version.
pub(crate) fn plain() -> Protocol {
    Protocol::new("Plain").method(Method::unary("hello").handler(|_, _| async move { Ok("hello".to_owned()) }))
}

/// Methods whose names are endpoints of streams (§16.2).
pub(crate) fn edge() -> Protocol {
    Protocol::new("Edge")
        .method(Method::unary("init").handler(|_, _| async move { Ok("init".to_owned()) }))
        .method(Method::unary("exchange").handler(|_, _| async move { Ok("exchange".to_owned()) }))
}

pub(crate) fn builder() -> RpcServiceBuilder {
    RpcService::builder().protocol(calc()).max_request_bytes(MAX_REQUEST_BYTES)
}

/// The server of the tables.
pub(crate) fn service() -> RpcService {
    builder().protocol(plain()).protocol(edge()).build().unwrap()
}

impl Value {
    /// The rows of an answer.
    pub(crate) fn rows_of(answer: &super::Answer) -> Vec<Self> {
        answer.data().iter().flat_map(|data| Self::rows(&data.batch).unwrap()).collect()
    }
}

impl Number {
    /// The rows of an answer.
    pub(crate) fn rows_of(answer: &super::Answer) -> Vec<i64> {
        answer.data().iter().flat_map(|data| Self::rows(&data.batch).unwrap()).map(|number| number.n).collect()
    }
}
