//! Where batches go, and in which form.

mod arrow;
mod destination;
mod encoder;
mod json;
mod progress;
mod table;

use std::io;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

pub(crate) use destination::{Destination, Format, Place};
pub(crate) use json::{rows_as_json, value_as_json};
pub(crate) use progress::Progress;
pub(crate) use table::aligned;

/// What takes batches, one after the other.
pub(crate) trait Sink: Send {
    /// Takes a batch.
    fn write(&mut self, batch: &RecordBatch) -> io::Result<()>;

    /// Lets what was taken go on its way.
    fn flush(&mut self) -> io::Result<()>;

    /// Ends what was begun. The schema is that of the stream, where it is known.
    fn finish(&mut self, schema: Option<&SchemaRef>) -> io::Result<()>;
}

/// An error of Arrow's as one of output.
fn other(error: arrow_schema::ArrowError) -> io::Error {
    match error {
        arrow_schema::ArrowError::IoError(_, error) => error,
        error => io::Error::other(error.to_string()),
    }
}
