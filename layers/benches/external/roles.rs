//! What each of the processes does.

use std::sync::OnceLock;
use std::time::Instant;

use arrow_array::{Int64Array, RecordBatch};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tower_vgi::client::Channel;
use tower_vgi::external::{Fetcher, UrlPolicy};
use tower_vgi::rpc::{CallContext, Output, Producer, ProducerState, RpcService};
use tower_vgi::{Record as _, Result, VgiArrow};
use tower_vgi_layers::Stack;
use tower_vgi_layers::external::ExternalLayer;
use tower_vgi_layers::object_storage::object_store::path::Path;
use tower_vgi_layers::object_storage::object_store::{ObjectStoreExt as _, WriteMultipart};

use crate::memory::{peak, peak_after_reset};
use crate::server::{bucket, storage};

static BATCH: OnceLock<RecordBatch> = OnceLock::new();

#[derive(VgiArrow, Clone, Debug)]
struct Row {
    value: i64,
}

#[tower_vgi::service]
trait Blocks {
    #[producer(Row)]
    type Block;

    async fn block(&self) -> Result<Producer<Self::Block>>;
    /// The most memory beyond that at the start, in KiB.
    async fn grown(&self) -> Result<i64>;
}

struct Kept {
    held: i64,
}

#[derive(Serialize, Deserialize)]
struct Block {
    given: bool,
}

impl ProducerState for Block {
    async fn produce(&mut self, _context: &CallContext, output: &mut Output) -> Result<()> {
        if std::mem::replace(&mut self.given, true) {
            return output.finish();
        }
        output.emit(BATCH.get().cloned().unwrap_or_else(|| RecordBatch::new_empty(Row::schema())))
    }
}

impl Blocks for Kept {
    type Block = Block;

    async fn block(&self) -> Result<Producer<Block>> {
        Ok(Producer::new(Block { given: false }))
    }

    async fn grown(&self) -> Result<i64> {
        Ok(peak() as i64 - self.held)
    }
}

fn batch(mib: usize) -> RecordBatch {
    let values =
        Int64Array::from_iter_values((0..(mib as i64) << 17).map(|row| row.wrapping_mul(0x5851_F42D_4C95_7F2D)));
    RecordBatch::try_new(Row::schema(), vec![std::sync::Arc::new(values)]).unwrap()
}

fn fetcher(store: &str, mib: usize) -> Fetcher {
    let policy = UrlPolicy::only([store]).unwrap();
    Fetcher::builder().policy(policy).max_fetch_bytes(((mib + 64) as u64) << 20).build().unwrap()
}

pub(crate) async fn serve(store: &str, port: usize, mib: usize) {
    BATCH.set(batch(mib)).unwrap();
    let layer = ExternalLayer::new(storage(store), fetcher(store, mib));
    let kept = Kept { held: peak_after_reset() as i64 };
    let service = RpcService::builder().protocol(BlocksServer::new(kept)).layer(layer).build().unwrap();
    Stack::new(service).unwrap().serve().port(port as u16).await.unwrap();
}

/// Seconds of a call, and how much memory server and client took beyond the batch, in MiB.
pub(crate) async fn call(store: &str, port: usize, mib: usize) {
    let builder = Channel::builder().external(fetcher(store, mib)).max_response_bytes(None);
    let blocks = BlocksClient::new(builder.connect(&format!("http://127.0.0.1:{port}")).unwrap());
    blocks.grown().await.unwrap();
    let held = peak_after_reset();
    let begun = Instant::now();
    let mut stream = blocks.block().await.unwrap().into_batches();
    let batch = stream.next().await.unwrap().unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    assert_eq!(batch.batch.num_rows(), mib << 17);
    let client = (peak() - held) as f64 / 1024.0 - mib as f64;
    println!("{seconds} {} {client}", blocks.grown().await.unwrap() as f64 / 1024.0);
}

/// Seconds for putting and getting the same bytes with nothing else.
pub(crate) async fn alone(store: &str, mib: usize) {
    let bytes: Bytes = batch(mib).column(0).to_data().buffers()[0].clone().into();
    let (bucket, path) = (bucket(store), Path::from("alone"));
    let begun = Instant::now();
    let upload = bucket.put_multipart(&path).await.unwrap();
    let mut writer = WriteMultipart::new_with_chunk_size(upload, 8 << 20);
    for start in (0..bytes.len()).step_by(8 << 20) {
        writer.wait_for_capacity(4).await.unwrap();
        writer.put(bytes.slice(start..bytes.len().min(start + (8 << 20))));
    }
    writer.finish().await.unwrap();
    let got = bucket.get(&path).await.unwrap().bytes().await.unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    assert_eq!(got.len(), bytes.len());
    println!("{seconds}");
}
