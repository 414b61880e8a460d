//! Rows as JSON, a line each.

use std::io::BufRead;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use serde_json::{Map, Value};
use tower_vgi::wire::AnnotatedBatch;

use crate::value::{self, Inference};

/// A batch for every line: a row, or an array of rows.
pub(super) struct Rows<R> {
    source: R,
    line: String,
    number: u64,
    seen: Inference,
    schema: Option<SchemaRef>,
    failed: bool,
}

impl<R: BufRead> Rows<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, line: String::new(), number: 0, seen: Inference::default(), schema: None, failed: false }
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>, String> {
        loop {
            self.line.clear();
            if self.source.read_line(&mut self.line).map_err(|error| error.to_string())? == 0 {
                return Ok(None);
            }
            self.number += 1;
            if !self.line.trim().is_empty() {
                return self.batch().map(Some).map_err(|error| format!("line {}: {error}", self.number));
            }
        }
    }

    fn batch(&mut self) -> Result<RecordBatch, String> {
        let rows = match serde_json::from_str(&self.line).map_err(|error| format!("no JSON: {error}"))? {
            Value::Object(row) => vec![row],
            Value::Array(rows) => rows.into_iter().map(object).collect::<Result<_, _>>()?,
            other => vec![object(other)?],
        };
        // Rows that fit the columns so far are of the same schema.
        if let Some(schema) = &self.schema
            && let Ok(batch) = batch(schema, &rows)
        {
            return Ok(batch);
        }
        rows.iter().try_for_each(|row| self.seen.see(row))?;
        let schema = Arc::new(Schema::new(self.seen.fields()));
        let batch = batch(&schema, &rows)?;
        self.schema = Some(schema);
        Ok(batch)
    }
}

fn object(value: Value) -> Result<Map<String, Value>, String> {
    match value {
        Value::Object(row) => Ok(row),
        _ => Err("a row is an object, such as {\"x\": 1}".to_owned()),
    }
}

fn batch(schema: &SchemaRef, rows: &[Map<String, Value>]) -> Result<RecordBatch, String> {
    let unknown = |row: &Map<String, Value>| row.keys().find(|name| schema.index_of(name).is_err()).cloned();
    if let Some(name) = rows.iter().find_map(unknown) {
        return Err(format!("'{name}' is no column"));
    }
    let mut columns = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let values: Vec<Option<&Value>> = rows.iter().map(|row| row.get(field.name())).collect();
        columns.push(value::column(field, &values).map_err(|mismatch| mismatch.named(field.name()))?);
    }
    let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options).map_err(|error| error.to_string())
}

impl<R: BufRead> Iterator for Rows<R> {
    type Item = Result<AnnotatedBatch, String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.next_batch();
        self.failed = next.is_err();
        next.transpose().map(|batch| batch.map(AnnotatedBatch::from))
    }
}

#[cfg(test)]
mod tests {
    use arrow_schema::DataType;

    use super::*;

    fn read(text: &str) -> Vec<Result<RecordBatch, String>> {
        Rows::new(text.as_bytes()).map(|batch| batch.map(|batch| batch.batch)).collect()
    }

    #[test]
    fn a_line_is_a_batch() {
        let batches = read("{\"x\": 1.5}\n\n[{\"x\": 2}, {\"x\": 3}]\n[]\n{\"x\": null}");
        let rows: Vec<usize> = batches.iter().map(|batch| batch.as_ref().unwrap().num_rows()).collect();
        assert_eq!(rows, [1, 2, 0, 1]);
        let of = |index: usize| batches[index].as_ref().unwrap().schema();
        // A whole number is one of the floats that came before.
        assert_eq!(of(1), of(0));
        assert_eq!((of(3).field(0).data_type(), of(3).field(0).is_nullable()), (&DataType::Float64, true));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_ends_the_input() {
        let batches = read("{\"x\": 1}\n{\"x\": \"a\"}\n{\"x\": 1}");
        assert_eq!(batches.len(), 2);
        assert_eq!(batches[1].as_ref().unwrap_err(), "line 2: 'x': text here, a number before");
        assert!(read("{").remove(0).unwrap_err().starts_with("line 1: no JSON: "));
        assert_eq!(read("1").remove(0).unwrap_err(), "line 1: a row is an object, such as {\"x\": 1}");
    }
}
