//! The service that the tests call.

use serde::{Deserialize, Serialize};
use tower_vgi::rpc::{CallContext, Exchange, ExchangeState, LogLevel, Output, Producer, ProducerState};
use tower_vgi::wire::AnnotatedBatch;
use tower_vgi::{ByReference, Reference, Result, RpcError, VgiArrow};

#[derive(VgiArrow, Clone, Debug, PartialEq)]
pub(crate) struct Block {
    pub(crate) index: i64,
    pub(crate) text: String,
}

#[derive(VgiArrow, Clone, Debug, PartialEq)]
pub(crate) struct Title {
    pub(crate) text: String,
}

#[tower_vgi::service]
pub(crate) trait Library {
    #[producer(Block)]
    type Blocks;
    #[exchange(Block => Block)]
    type Copies;

    async fn text(&self, ctx: &CallContext, length: i64) -> Result<String>;
    async fn length(&self, text: String) -> Result<i64>;
    async fn fails(&self, length: i64) -> Result<String>;
    async fn published(&self, url: String) -> Result<ByReference<String>>;
    async fn blocks(&self, count: i64, length: i64) -> Result<Producer<Self::Blocks, Title>>;
    async fn copies(&self) -> Result<Exchange<Self::Copies>>;
}

#[derive(Clone)]
pub(crate) struct Shelves;

/// Text that does not compress to nothing.
pub(crate) fn text(length: i64) -> String {
    (0..length).map(|index| char::from(b'a' + (index * index % 26) as u8)).collect()
}

impl Library for Shelves {
    type Blocks = Blocks;
    type Copies = Copies;

    async fn text(&self, ctx: &CallContext, length: i64) -> Result<String> {
        ctx.log(LogLevel::Info, "making text");
        Ok(text(length))
    }

    async fn length(&self, text: String) -> Result<i64> {
        Ok(text.len() as i64)
    }

    async fn fails(&self, _length: i64) -> Result<String> {
        Err(RpcError::value_error("no text"))?
    }

    async fn published(&self, url: String) -> Result<ByReference<String>> {
        Ok(Reference::new(url)?.into())
    }

    async fn blocks(&self, count: i64, length: i64) -> Result<Producer<Blocks, Title>> {
        Ok(Producer::with_header(Blocks { index: 0, count, length }, Title { text: text(length) }))
    }

    async fn copies(&self) -> Result<Exchange<Copies>> {
        Ok(Exchange::new(Copies { turns: 0 }))
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Blocks {
    index: i64,
    count: i64,
    length: i64,
}

impl ProducerState for Blocks {
    async fn produce(&mut self, ctx: &CallContext, output: &mut Output) -> Result<()> {
        if self.index == self.count {
            return output.finish();
        }
        ctx.log(LogLevel::Info, format!("block {}", self.index));
        let block = Block { index: self.index, text: text(self.length) };
        self.index += 1;
        output.emit_rows([block].iter())
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Copies {
    turns: i64,
}

impl ExchangeState for Copies {
    async fn exchange(&mut self, ctx: &CallContext, input: AnnotatedBatch, output: &mut Output) -> Result<()> {
        ctx.log(LogLevel::Info, format!("turn {}", self.turns));
        self.turns += 1;
        output.emit(input.batch)?;
        Ok(())
    }
}
