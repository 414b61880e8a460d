//! A record as one `binary` value: an IPC stream of one row.

use arrow_array::{Array, ArrayRef};
use arrow_buffer::Buffer;
use arrow_schema::{DataType, Fields};
use bytes::Bytes;

use super::ipc;
use super::record::{Columns, Record};
use super::{ValueError, binary};

/// The record as a column of one row.
pub(crate) fn to_parameter<R: Record>(record: &R) -> Result<ArrayRef, ValueError> {
    binary::one_value::<i32>(to_bytes(record)?)
}

/// Reads the record of a row.
pub(crate) fn from_parameter<R: Record>(array: &dyn Array, row: usize) -> Result<R, ValueError> {
    let bytes = binary::read_shared(array, row, &DataType::Binary)?;
    ipc::nested(|| from_bytes(bytes))
}

fn to_bytes<R: Record>(record: &R) -> Result<Bytes, ValueError> {
    ipc::encode_with(R::wire_schema()?, &R::to_batch(std::iter::once(record))?)
}

/// Peers write a record without values as nothing at all, or as a schema without a row: every column
/// is absent then.
fn from_bytes<R: Record>(bytes: Buffer) -> Result<R, ValueError> {
    let absent = || R::from_columns(Columns::new(&Fields::empty(), &[]), 0);
    if bytes.is_empty() {
        return absent();
    }
    match ipc::decode(bytes)?.1 {
        None => absent(),
        Some(batch) => match batch.num_rows() {
            0 => absent(),
            1 => R::from_columns(Columns::of(&batch), 0),
            rows => Err(ValueError::payload(format!("a record is one row, got a batch of {rows} rows"))),
        },
    }
}
