//! Batches and schemas as values: `binary`, an IPC stream or a schema message.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Schema, SchemaRef};
use bytes::Bytes;

use super::{ValueError, VgiArrow, binary, ipc};

/// `binary`: an IPC stream of one batch. An `Option` reads a value without a byte as `None`.
impl VgiArrow for RecordBatch {
    fn data_type() -> DataType {
        DataType::Binary
    }

    fn to_array<'a, I>(values: I) -> Result<ArrayRef, ValueError>
    where
        I: Iterator<Item = Option<&'a Self>> + Clone,
    {
        encoded(values, ipc::encode)
    }

    fn from_array(array: &dyn Array, row: usize) -> Result<Self, ValueError> {
        let bytes = binary::read_shared(array, row, &DataType::Binary)?;
        if bytes.is_empty() {
            return Err(ValueError::payload("expected an IPC stream with a batch, got no bytes"));
        }
        let (schema, batch) = ipc::decode(bytes)?;
        Ok(batch.unwrap_or_else(|| RecordBatch::new_empty(schema)))
    }

    fn __reads_as_none(array: &dyn Array, row: usize) -> bool {
        is_empty(array, row)
    }
}

/// `binary`: a schema message. An `Option` reads a value without a byte as `None`.
impl VgiArrow for SchemaRef {
    fn data_type() -> DataType {
        DataType::Binary
    }

    fn to_array<'a, I>(values: I) -> Result<ArrayRef, ValueError>
    where
        I: Iterator<Item = Option<&'a Self>> + Clone,
    {
        encoded(values, |schema: &SchemaRef| ipc::schema_message(schema))
    }

    fn from_array(array: &dyn Array, row: usize) -> Result<Self, ValueError> {
        let bytes = binary::read(array, row, &DataType::Binary)?;
        if bytes.is_empty() {
            return Err(ValueError::payload("expected a schema message, got no bytes"));
        }
        ipc::decode_schema(bytes)
    }

    fn __reads_as_none(array: &dyn Array, row: usize) -> bool {
        is_empty(array, row)
    }
}

/// `binary`: a schema message. `SchemaRef` saves a copy on reading.
impl VgiArrow for Schema {
    fn data_type() -> DataType {
        DataType::Binary
    }

    fn to_array<'a, I>(values: I) -> Result<ArrayRef, ValueError>
    where
        I: Iterator<Item = Option<&'a Self>> + Clone,
    {
        encoded(values, ipc::schema_message)
    }

    fn from_array(array: &dyn Array, row: usize) -> Result<Self, ValueError> {
        SchemaRef::from_array(array, row).map(Arc::unwrap_or_clone)
    }

    fn __reads_as_none(array: &dyn Array, row: usize) -> bool {
        is_empty(array, row)
    }
}

fn encoded<'a, T: 'a>(
    values: impl Iterator<Item = Option<&'a T>>,
    encode: impl Fn(&T) -> Result<Bytes, ValueError>,
) -> Result<ArrayRef, ValueError> {
    let payloads: Vec<Option<Bytes>> = values.map(|value| value.map(&encode).transpose()).collect::<Result<_, _>>()?;
    binary::shared_binary::<i32, _>(payloads.iter().map(Option::as_ref))
}

fn is_empty(array: &dyn Array, row: usize) -> bool {
    binary::read(array, row, &DataType::Binary).is_ok_and(<[u8]>::is_empty)
}
