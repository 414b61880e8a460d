//! A call with a result.

use std::io;

use arrow_array::cast::AsArray as _;
use arrow_array::{Array as _, RecordBatch};
use arrow_schema::DataType;
use serde_json::Value;
use tower_vgi::client::{Connection, MethodCall};
use tower_vgi::wire::{AnnotatedBatch, Decoder, Limits};

use super::writing::Writing;
use crate::failure::Failure;
use crate::interrupt;
use crate::options::Call;
use crate::output::{Destination, Format, rows_as_json, value_as_json};

pub(super) async fn run(
    call: MethodCall<'_, Connection>,
    parameters: RecordBatch,
    options: &Call,
) -> Result<(), Failure> {
    let destination = options.output.clone().unwrap_or(Destination::stdout(Format::Json));
    interrupt::or(async {
        let answer = call.unary(parameters).await?;
        match destination.format {
            Format::Json => {
                let value = result(&answer).map_err(|error| Failure::output(&error))?;
                write_value(&destination, value.as_ref())
            }
            _ => {
                let batch = record(&answer).unwrap_or(answer.batch);
                let mut writing = Writing::open(&destination)?;
                let schema = batch.schema();
                writing.write(vec![batch]).await?;
                writing.finish(Some(schema)).await
            }
        }
    })
    .await
}

fn write_value(destination: &Destination, value: Option<&Value>) -> Result<(), Failure> {
    let mut writer = destination.writer()?;
    // A method without a result says nothing.
    let Some(value) = value else { return writer.flush().map_err(|error| Failure::output(&error)) };
    writeln!(writer, "{value}").and_then(|()| writer.flush()).map_err(|error| Failure::output(&error))
}

/// The value of the only column; a record as an object.
fn result(answer: &AnnotatedBatch) -> io::Result<Option<Value>> {
    if answer.batch.num_columns() == 0 {
        return Ok(None);
    }
    match record(answer) {
        Some(record) => Ok(rows_as_json(&record)?.pop()),
        None => value_as_json(&answer.batch, 0).map(Some),
    }
}

/// The record that a binary result is, if it is an IPC stream of one row.
fn record(answer: &AnnotatedBatch) -> Option<RecordBatch> {
    let column = answer.batch.columns().first().filter(|column| column.data_type() == &DataType::Binary)?;
    let column = column.as_binary::<i32>();
    if answer.batch.num_columns() != 1 || column.len() != 1 || column.is_null(0) {
        return None;
    }
    let bytes = column.value(0);
    if !bytes.starts_with(&[0xff; 4]) {
        return None;
    }
    let mut decoder = Decoder::new(bytes.to_vec().into(), Limits::default());
    decoder.next_stream().ok()??;
    let batch = decoder.next_batch().ok()??.batch;
    let last = decoder.next_batch().ok()?.is_none();
    (last && decoder.remaining() == 0 && batch.num_rows() == 1 && batch.num_columns() > 0).then_some(batch)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{BinaryArray, Int64Array};

    use super::*;

    fn answer(bytes: &[u8]) -> AnnotatedBatch {
        let column = Arc::new(BinaryArray::from_iter_values([bytes]));
        RecordBatch::try_from_iter([("result", column as _)]).unwrap().into()
    }

    #[test]
    fn a_record_is_an_object_and_other_bytes_are_base64() {
        let row = |rows: usize| {
            let column = Arc::new(Int64Array::from(vec![7; rows]));
            let batch = RecordBatch::try_from_iter([("x", column as _)]).unwrap();
            tower_vgi::wire::encode_batch(&batch, &tower_vgi::wire::Metadata::new()).unwrap()
        };
        assert_eq!(result(&answer(&row(1))).unwrap(), Some(serde_json::json!({"x": 7})));
        for other in [&row(2)[..], &row(1)[..20], b"\x01\x02", b"", b"\xff\xff\xff\xff"] {
            assert!(result(&answer(other)).unwrap().unwrap().is_string(), "{other:?}");
        }
    }
}
