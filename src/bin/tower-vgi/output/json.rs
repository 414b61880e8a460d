//! JSON: a value, an array of rows, or a row a line.

use std::io::{self, Write};

use arrow_array::RecordBatch;
use arrow_json::writer::{JsonArray, JsonFormat, LineDelimited, Writer};
use arrow_schema::SchemaRef;
use serde_json::Value;

use super::{Sink, encoder, other};

/// Rows as text.
pub(crate) struct Json<W: Write, F: JsonFormat> {
    writer: Writer<W, F>,
    /// After the last row.
    end: &'static [u8],
}

impl<W: Write> Json<W, LineDelimited> {
    /// A row a line.
    pub(crate) fn lines(writer: W) -> Self {
        Self { writer: encoder::writer(writer), end: b"" }
    }
}

impl<W: Write> Json<W, JsonArray> {
    /// One array of all rows.
    pub(super) fn array(writer: W) -> Self {
        Self { writer: encoder::writer(writer), end: b"\n" }
    }
}

impl<W: Write + Send, F: JsonFormat + Send> Sink for Json<W, F> {
    fn write(&mut self, batch: &RecordBatch) -> io::Result<()> {
        // The encoder wants at least a column.
        if batch.num_columns() == 0 { Ok(()) } else { self.writer.write(batch).map_err(other) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.get_mut().flush()
    }

    fn finish(&mut self, _schema: Option<&SchemaRef>) -> io::Result<()> {
        self.writer.finish().map_err(other)?;
        self.writer.get_mut().write_all(self.end)?;
        self.flush()
    }
}

/// The rows of a batch as values.
pub(crate) fn rows_as_json(batch: &RecordBatch) -> io::Result<Vec<Value>> {
    let mut text = Vec::new();
    let mut lines = Json::lines(&mut text);
    lines.write(batch)?;
    lines.finish(None)?;
    drop(lines);
    let rows = serde_json::Deserializer::from_slice(&text).into_iter();
    rows.collect::<Result<_, _>>().map_err(io::Error::other)
}

/// The first value of a column.
pub(crate) fn value_as_json(batch: &RecordBatch, column: usize) -> io::Result<Value> {
    let single = batch.slice(0, batch.num_rows().min(1)).project(&[column]).map_err(other)?;
    match rows_as_json(&single)?.pop() {
        Some(Value::Object(row)) => Ok(row.into_iter().next().map_or(Value::Null, |(_, value)| value)),
        _ => Ok(Value::Null),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_schema::{DataType, Field, Schema, TimeUnit};
    use serde_json::json;

    use super::*;

    fn batch(data_type: &DataType, values: &[Value]) -> RecordBatch {
        let field = Field::new("x", data_type.clone(), true);
        let column = crate::value::column(&field, &values.iter().map(Some).collect::<Vec<_>>()).unwrap();
        RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![column]).unwrap()
    }

    /// What is written can be read again: it is the same.
    #[test]
    fn every_type_comes_out_as_it_went_in() {
        let us = TimeUnit::Microsecond;
        let map =
            vec![Field::new("key", DataType::Int64, false), Field::new("value", DataType::Decimal128(9, 2), true)];
        let map = DataType::Map(Arc::new(Field::new("entries", DataType::Struct(map.into()), false)), false);
        let list = DataType::List(Arc::new(Field::new("item", DataType::Binary, true)));
        for (data_type, value) in [
            (DataType::Boolean, json!(true)),
            (DataType::Int64, json!(i64::MIN)),
            (DataType::UInt64, json!(u64::MAX)),
            (DataType::Float64, json!(0.1)),
            (DataType::Float64, json!(-1.0e300)),
            (DataType::Float64, json!("NaN")),
            (DataType::Float32, json!("-inf")),
            (DataType::Float16, json!("inf")),
            (DataType::Utf8, json!("a\"\n\u{1}ü")),
            (DataType::Binary, json!("AQI=")),
            (DataType::LargeBinary, json!("")),
            (DataType::BinaryView, json!("AQI=")),
            (DataType::FixedSizeBinary(2), json!("AQI=")),
            (DataType::Decimal128(20, 4), json!("12.3400")),
            (DataType::Decimal256(50, 2), json!("-0.10")),
            (DataType::Date32, json!("2026-01-31")),
            (DataType::Time64(us), json!("12:30:00.500")),
            (DataType::Timestamp(us, None), json!("2026-01-31T12:30:00.250")),
            (DataType::Timestamp(us, Some("UTC".into())), json!("2026-01-31T12:30:00Z")),
            (DataType::Timestamp(us, Some("Europe/Berlin".into())), json!("2026-01-31T12:30:00+01:00")),
            (DataType::Duration(us), json!("PT1.5S")),
            (DataType::Duration(us), json!("-PT1.5S")),
            (DataType::Dictionary(Box::new(DataType::Int16), Box::new(DataType::Utf8)), json!("RED")),
            (list, json!(["AQI=", null])),
            (map, json!({"1": "2.50"})),
        ] {
            let batch = batch(&data_type, std::slice::from_ref(&value));
            assert_eq!(value_as_json(&batch, 0).unwrap(), value, "{data_type}");
        }
    }

    #[test]
    fn rows_are_lines_or_an_array() {
        let batch = batch(&DataType::Int64, &[json!(1), json!(null)]);
        let (mut lines, mut array) = (Vec::new(), Vec::new());
        let mut sinks: [Box<dyn Sink>; 2] = [Box::new(Json::lines(&mut lines)), Box::new(Json::array(&mut array))];
        for sink in &mut sinks {
            sink.write(&batch).unwrap();
            sink.write(&batch.slice(0, 1)).unwrap();
            sink.finish(None).unwrap();
        }
        drop(sinks);
        assert_eq!(String::from_utf8(lines).unwrap(), "{\"x\":1}\n{\"x\":null}\n{\"x\":1}\n");
        assert_eq!(String::from_utf8(array).unwrap(), "[{\"x\":1},{\"x\":null},{\"x\":1}]\n");
    }

    #[test]
    fn no_rows_are_an_empty_array() {
        let mut text = Vec::new();
        let mut array = Json::array(&mut text);
        array.finish(None).unwrap();
        drop(array);
        assert_eq!(text, b"[]\n");
    }
}
