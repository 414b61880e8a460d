//! The crate `vgi-rpc`, used as its own documentation shows it: the `#[service]` macro, `serve_with_shutdown`, and the
//! defaults for everything else.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, SchemaRef};
use peers::data;
use serde::{Deserialize, Serialize};
use vgi_rpc::http::{HttpState, serve_with_shutdown};
use vgi_rpc::stream::{ExchangeState, OutputCollector, ProducerState};
use vgi_rpc::stream_codec::StreamStateCodec;
use vgi_rpc::{Bytes, CallContext, Result, RpcServer, StreamState, service};

struct Bench;

#[service]
impl Bench {
    #[unary]
    fn add(&self, a: f64, b: f64) -> Result<f64> {
        Ok(a + b)
    }

    #[unary]
    fn echo_bytes(&self, data: Bytes) -> Result<Bytes> {
        Ok(data)
    }

    #[producer(state = Produce, output_schema = sample_schema)]
    fn produce(&self, batches: i64, rows: i64) -> Result<Produce> {
        Ok(Produce { left: batches, rows })
    }

    #[exchange(state = Scale, input_schema = value_schema, output_schema = value_schema)]
    fn scale(&self, factor: f64) -> Result<Scale> {
        Ok(Scale { factor })
    }
}

fn sample_schema() -> SchemaRef {
    data::sample_schema()
}

fn value_schema() -> SchemaRef {
    data::value_schema()
}

#[derive(StreamState, Serialize, Deserialize)]
struct Produce {
    left: i64,
    rows: i64,
}

impl ProducerState for Produce {
    fn produce(&mut self, output: &mut OutputCollector, _context: &CallContext) -> Result<()> {
        output.emit(samples(self.rows)?)?;
        self.left -= 1;
        if self.left <= 0 {
            output.finish();
        }
        Ok(())
    }

    fn encode_state(&self) -> Result<Vec<u8>> {
        StreamStateCodec::encode(self)
    }
}

/// The batch of so many rows; built once.
fn samples(rows: i64) -> std::result::Result<RecordBatch, ArrowError> {
    static BUILT: LazyLock<RwLock<HashMap<i64, RecordBatch>>> = LazyLock::new(RwLock::default);
    if let Some(batch) = BUILT.read().unwrap_or_else(PoisonError::into_inner).get(&rows) {
        return Ok(batch.clone());
    }
    let batch = data::samples(rows)?;
    BUILT.write().unwrap_or_else(PoisonError::into_inner).insert(rows, batch.clone());
    Ok(batch)
}

#[derive(StreamState, Serialize, Deserialize)]
struct Scale {
    factor: f64,
}

impl ExchangeState for Scale {
    fn exchange(&mut self, input: &RecordBatch, output: &mut OutputCollector, _context: &CallContext) -> Result<()> {
        output.emit(data::scaled(input, self.factor)?)
    }

    fn encode_state(&self) -> Result<Vec<u8>> {
        StreamStateCodec::encode(self)
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", peers::port_argument()?)).await?;
    let mut server = RpcServer::builder().protocol_name(peers::PROTOCOL).build();
    Bench::register_with(&mut server, Arc::new(Bench));
    let state = HttpState::builder().server(Arc::new(server)).token_key(&[7; 32]).prefix("/vgi").build();
    serve_with_shutdown(state, listener).await?;
    Ok(())
}
