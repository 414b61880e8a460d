//! [`Cursor`]: a query that is under way, read as far as somebody has asked.

use std::path::PathBuf;
use std::thread;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use futures_util::Stream;
use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator as _;
use rusqlite::{Connection, InterruptHandle, OpenFlags, Rows};
use tokio::sync::{mpsc, oneshot};
use tower_vgi::{MethodError, Result, RpcError};

use crate::columns::{self, Columns};

/// A query that is under way.
///
/// SQLite reads while it is asked and its objects stay with their thread, so a cursor has a thread of its own, which waits
/// for the next request. It ends with the cursor, and gives up what it is doing then.
pub struct Cursor {
    schema: SchemaRef,
    requests: mpsc::Sender<Request>,
    interrupt: InterruptHandle,
}

/// So many rows, please.
struct Request {
    rows: usize,
    answer: oneshot::Sender<Result<Option<RecordBatch>>>,
}

/// What the thread says once it knows what the query gives.
type Begun = Result<(SchemaRef, InterruptHandle)>;

impl Cursor {
    /// Begins a query on a database that is only read.
    ///
    /// # Errors
    ///
    /// When the query is none that SQLite understands.
    pub async fn open(database: PathBuf, sql: String) -> Result<Self> {
        let (begun, beginning) = oneshot::channel();
        let (requests, incoming) = mpsc::channel(1);
        thread::Builder::new().name("cursor".to_owned()).spawn(move || run(database, &sql, begun, incoming))?;
        let (schema, interrupt) = beginning.await.map_err(|_| gone())??;
        Ok(Self { schema, requests, interrupt })
    }

    /// The columns of every batch.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Reads on: at most so many rows, or none when there are no more.
    ///
    /// # Errors
    ///
    /// When SQLite fails, or a value is of another type than its column.
    pub async fn fetch(&mut self, rows: usize) -> Result<Option<RecordBatch>> {
        let (answer, answered) = oneshot::channel();
        self.requests.send(Request { rows, answer }).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    /// The rest of the rows, as they are read.
    pub fn into_stream(self, rows: usize) -> impl Stream<Item = Result<RecordBatch>> + Send {
        futures_util::stream::try_unfold(self, move |mut cursor| async move {
            Ok(cursor.fetch(rows).await?.map(|batch| (batch, cursor)))
        })
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        self.interrupt.interrupt();
    }
}

fn gone() -> RpcError {
    RpcError::runtime_error("the query's thread is gone")
}

/// The thread of a cursor.
fn run(database: PathBuf, sql: &str, begun: oneshot::Sender<Begun>, requests: mpsc::Receiver<Request>) {
    let mut begun = Some(begun);
    if let Err(error) = serve(database, sql, &mut begun, requests)
        && let Some(begun) = begun
    {
        let _ = begun.send(Err(failed(error)));
    }
}

/// Begins the query, says so, and answers until nobody asks any more. Errors after the beginning go to who asks.
fn serve(
    database: PathBuf,
    sql: &str,
    begun: &mut Option<oneshot::Sender<Begun>>,
    mut requests: mpsc::Receiver<Request>,
) -> rusqlite::Result<()> {
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut statement = connection.prepare(sql)?;
    let declared = columns::declared(&statement);
    let mut rows = statement.query([])?;
    rows.advance()?;
    let columns = Columns::of(declared, rows.get())?;
    if let Some(begun) = begun.take()
        && begun.send(Ok((columns.schema(), connection.get_interrupt_handle()))).is_err()
    {
        return Ok(());
    }
    while let Some(request) = requests.blocking_recv() {
        let _ = request.answer.send(read(&mut rows, &columns, request.rows));
    }
    Ok(())
}

/// The current row of `rows` is the next one to be read.
fn read(rows: &mut Rows<'_>, columns: &Columns, limit: usize) -> Result<Option<RecordBatch>> {
    let mut batch = columns.batch(limit);
    while batch.rows() < limit
        && let Some(row) = rows.get()
    {
        batch.push(row)?;
        rows.advance().map_err(failed)?;
    }
    batch.finish()
}

/// What SQLite says is for the caller, whose query it is.
fn failed(error: rusqlite::Error) -> MethodError {
    RpcError::value_error(error.to_string()).into()
}
