//! The service: a query's rows page by page, or as they come.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tower_vgi::rpc::{CallContext, LiveStream, Output, Producer, ProducerState};
use tower_vgi::{Result, RpcError};

use crate::cursor::Cursor;

/// How many rows a batch of a live stream has at most.
const BATCH_ROWS: usize = 8192;

/// SQL over one database.
#[tower_vgi::service]
pub trait Query {
    /// One batch of the session's cursor.
    #[producer]
    type Page;
    /// All rows of a query.
    #[producer]
    type Rows;

    /// Begin a query whose rows are read page by page, in a session. Gives the names of its columns.
    async fn open(&self, ctx: &CallContext, sql: String) -> Result<Vec<String>>;
    /// The next rows of the session's query, at most `rows`; no batch when there are no more.
    async fn page(&self, ctx: &CallContext, #[default(1000)] rows: i64) -> Result<Producer<Self::Page>>;
    /// End the session and its query.
    async fn close(&self, ctx: &CallContext) -> Result<()>;
    /// All rows of a query, as they are read.
    async fn rows(&self, sql: String) -> Result<Producer<Self::Rows>>;
}

/// The implementation, with the file that it queries.
pub struct Database {
    pub file: PathBuf,
}

impl Query for Database {
    type Page = Page;
    type Rows = LiveStream;

    async fn open(&self, ctx: &CallContext, sql: String) -> Result<Vec<String>> {
        let cursor = Cursor::open(self.file.clone(), sql).await?;
        let names = cursor.schema().fields().iter().map(|field| field.name().clone()).collect();
        ctx.open_session(cursor, None)?;
        Ok(names)
    }

    async fn page(&self, ctx: &CallContext, rows: i64) -> Result<Producer<Page>> {
        let rows = usize::try_from(rows).ok().filter(|rows| (1..=1_000_000).contains(rows));
        let rows = rows.ok_or_else(|| RpcError::value_error("'rows' has to be between 1 and 1,000,000"))?;
        let schema = ctx.session::<Cursor>()?.schema();
        Ok(Producer::new(Page { rows }).with_schema(schema))
    }

    async fn close(&self, ctx: &CallContext) -> Result<()> {
        ctx.close_session().await
    }

    async fn rows(&self, sql: String) -> Result<Producer<LiveStream>> {
        let cursor = Cursor::open(self.file.clone(), sql).await?;
        let schema = cursor.schema();
        Ok(Producer::from_stream(cursor.into_stream(BATCH_ROWS)).with_schema(schema))
    }
}

/// A page that was asked for. What it reads from is in the session.
#[derive(Serialize, Deserialize)]
pub struct Page {
    rows: usize,
}

impl ProducerState for Page {
    async fn produce(&mut self, context: &CallContext, output: &mut Output) -> Result<()> {
        let mut cursor = context.session::<Cursor>()?;
        if let Some(batch) = cursor.fetch(self.rows).await? {
            output.emit(batch)?;
        }
        output.finish()
    }
}
