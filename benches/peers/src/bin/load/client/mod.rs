//! [`Connection`]: one connection to a server, whatever it speaks.
//!
//! Over HTTP nothing is decoded while the clock runs: unary answers are counted, those of streams are scanned. tonic
//! decodes by itself.

mod flight;
mod http;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use arrow_array::{ArrayRef, RecordBatch};
use bytes::Bytes;
use peers::{Scan, Template, data};

use crate::server::{Dialect, Target};

use flight::{Flight, FlightExchange};
use http::{Http, HttpExchange};

/// How a connection's calls are made.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Style {
    /// Requests and answers are compressed.
    pub(crate) zstd: bool,
    /// Producers are asked for in one response.
    pub(crate) streamed: bool,
}

pub(crate) enum Connection {
    Http(Box<Http>),
    Flight(Box<Flight>),
}

/// A unary call, made ready.
#[derive(Clone)]
pub(crate) struct UnaryCall {
    method: &'static str,
    path: String,
    pub(crate) body: Bytes,
    /// Before it was compressed.
    pub(crate) plain_bytes: usize,
}

/// A producer, received whole.
pub(crate) struct Produced {
    pub(crate) requests: u64,
    pub(crate) elapsed: Duration,
    /// Until the last byte of the first batch.
    pub(crate) first_batch: Duration,
}

/// An exchange that has been opened.
pub(crate) enum Exchange<'a> {
    Http(HttpExchange<'a>),
    Flight(Box<FlightExchange>),
}

impl UnaryCall {
    pub(crate) fn new(target: &Target, style: Style, method: &'static str, parameters: &RecordBatch) -> Result<Self> {
        let mut body = target.body(method, parameters)?;
        let plain_bytes = body.len();
        // Once and beforehand; tonic compresses every message itself.
        if style.zstd && target.dialect == Dialect::Http {
            body = zstd::bulk::compress(&body, 1)?.into();
        }
        Ok(Self { method, path: target.path(method), body, plain_bytes })
    }

    /// `add(1.5, 2.25)`.
    pub(crate) fn add(target: &Target) -> Result<Self> {
        Self::new(target, Style::default(), "add", &data::floats([("a", 1.5), ("b", 2.25)])?)
    }

    /// `echo_bytes` of these.
    pub(crate) fn echo(target: &Target, style: Style, bytes: &[u8]) -> Result<Self> {
        Self::new(target, style, "echo_bytes", &data::binary("data", bytes)?)
    }
}

impl Connection {
    pub(crate) async fn open(target: &Target, style: Style) -> Result<Self> {
        Ok(match target.dialect {
            Dialect::Http => Self::Http(Box::new(Http::connect(target, style).await?)),
            Dialect::Flight => Self::Flight(Box::new(Flight::connect(target, style).await?)),
        })
    }

    /// Calls, and counts the bytes of the answer.
    pub(crate) async fn unary(&mut self, call: &UnaryCall) -> Result<usize> {
        let bytes = match self {
            Self::Http(http) => http.count(&call.path, call.body.clone()).await?,
            Self::Flight(flight) => flight.action(call.method, call.body.clone()).await?.len(),
        };
        ensure!(bytes > 0, "{}: an empty answer", call.method);
        Ok(bytes)
    }

    /// Calls, and decodes the answer: the result's column, and how many bytes came over the wire, which tonic does not
    /// tell.
    pub(crate) async fn unary_decoded(&mut self, call: &UnaryCall) -> Result<(ArrayRef, Option<usize>)> {
        let (body, wire) = match self {
            Self::Http(http) => {
                http.gather(&call.path, call.body.clone()).await.map(|(body, wire)| (body, Some(wire)))?
            }
            Self::Flight(flight) => (flight.action(call.method, call.body.clone()).await?, None),
        };
        let batch = Scan::first_batch(&body)?;
        ensure!(batch.num_columns() == 1, "{}: {} columns", call.method, batch.num_columns());
        Ok((batch.column(0).clone(), wire))
    }

    /// Receives so many batches of so many rows.
    pub(crate) async fn produce(&mut self, batches: i64, rows: i64) -> Result<Produced> {
        let start = Instant::now();
        let (received, requests, first) = match self {
            Self::Http(http) => http.produce(batches, rows).await?,
            Self::Flight(flight) => flight.produce(batches, rows).await?,
        };
        ensure!(received == batches * rows, "{received} rows, not {}", batches * rows);
        Ok(Produced { requests, elapsed: start.elapsed(), first_batch: first - start })
    }

    /// Opens an exchange whose turns have so many rows.
    pub(crate) async fn exchange(&mut self, rows: usize) -> Result<Exchange<'_>> {
        let turn = Template::new(&data::values(rows)?)?;
        Ok(match self {
            Self::Http(http) => Exchange::Http(http.exchange(turn, rows).await?),
            Self::Flight(flight) => Exchange::Flight(Box::new(flight.exchange(&turn, rows).await?)),
        })
    }
}

impl Exchange<'_> {
    /// Takes a turn, and counts the rows of the answer.
    pub(crate) async fn turn(&mut self) -> Result<()> {
        match self {
            Self::Http(exchange) => exchange.turn().await,
            Self::Flight(exchange) => exchange.turn().await.map(drop),
        }
    }

    /// Takes a turn; gives the last value of the answer.
    pub(crate) async fn turn_decoded(&mut self) -> Result<f64> {
        match self {
            Self::Http(exchange) => exchange.turn_decoded().await,
            Self::Flight(exchange) => exchange.turn().await,
        }
    }
}
