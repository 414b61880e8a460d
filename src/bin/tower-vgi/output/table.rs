//! Aligned tables.

use std::io::{self, Write};

use arrow_array::{Array as _, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, SchemaRef};

use super::{Sink, other, rows_as_json};
use crate::status::printable;

/// Rows in columns as wide as the first batch needs them: what comes is shown at once, and not kept.
pub(super) struct Table<W> {
    writer: W,
    columns: Vec<Column>,
}

struct Column {
    width: usize,
    right: bool,
}

/// The widest column that others are lined up behind.
const WIDEST: usize = 60;

impl<W: Write> Table<W> {
    pub(super) fn new(writer: W) -> Self {
        Self { writer, columns: Vec::new() }
    }

    fn head(&mut self, schema: &SchemaRef, rows: &[Vec<String>]) -> io::Result<()> {
        let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        let width = |index: usize| {
            let cells = std::iter::once(&names).chain(rows).filter_map(|row| row.get(index));
            cells.map(|cell| cell.chars().count()).filter(|width| *width <= WIDEST).max().unwrap_or(0)
        };
        let columns = schema.fields().iter().enumerate();
        self.columns = columns
            .map(|(index, field)| Column { width: width(index), right: field.data_type().is_numeric() })
            .collect();
        self.row(&names)?;
        let rule: Vec<String> = self.columns.iter().map(|column| "-".repeat(column.width)).collect();
        self.row(&rule)
    }

    fn row(&mut self, cells: &[String]) -> io::Result<()> {
        let mut line = String::new();
        for (cell, column) in cells.iter().zip(&self.columns) {
            if !line.is_empty() {
                line.push_str("  ");
            }
            match column.right {
                true => line.push_str(&format!("{cell:>0$}", column.width)),
                false => line.push_str(&format!("{cell:<0$}", column.width)),
            }
        }
        writeln!(self.writer, "{}", line.trim_end())
    }
}

impl<W: Write + Send> Sink for Table<W> {
    fn write(&mut self, batch: &RecordBatch) -> io::Result<()> {
        let rows = cells(batch)?;
        if self.columns.is_empty() {
            self.head(batch.schema_ref(), &rows)?;
        }
        rows.iter().try_for_each(|row| self.row(row))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }

    fn finish(&mut self, schema: Option<&SchemaRef>) -> io::Result<()> {
        if let (true, Some(schema)) = (self.columns.is_empty(), schema) {
            self.head(schema, &[])?;
        }
        self.writer.flush()
    }
}

/// The text of every value, by rows. What has parts is JSON.
fn cells(batch: &RecordBatch) -> io::Result<Vec<Vec<String>>> {
    let options = FormatOptions::new().with_null("");
    let mut rows = vec![Vec::with_capacity(batch.num_columns()); batch.num_rows()];
    for (index, column) in batch.columns().iter().enumerate() {
        let as_json = !matches!(column.data_type(), DataType::Dictionary(..))
            && (column.data_type().is_nested() || crate::value::is_binary(column.data_type()));
        if as_json {
            let single = batch.project(&[index]).map_err(other)?;
            for (cells, row) in rows.iter_mut().zip(rows_as_json(&single)?) {
                let text = match row.as_object().and_then(|row| row.values().next()) {
                    None | Some(serde_json::Value::Null) => String::new(),
                    Some(serde_json::Value::String(text)) => text.clone(),
                    Some(value) => value.to_string(),
                };
                cells.push(text);
            }
        } else {
            let formatter = ArrayFormatter::try_new(column, &options).map_err(other)?;
            for (row, cells) in rows.iter_mut().enumerate() {
                let text = formatter.value(row).try_to_string().map_err(other)?;
                cells.push(printable(&text).replace(['\n', '\t'], " "));
            }
        }
    }
    Ok(rows)
}

/// Lines of cells, aligned; the last column is not padded.
pub(crate) fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |index: usize| {
        let cells = rows.iter().filter_map(|row| row.get(index));
        cells.map(|cell| cell.chars().count()).filter(|width| *width <= WIDEST).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Float64Array, Int64Array, ListArray, StringArray, types::Int64Type};

    use super::*;

    #[test]
    fn columns_are_as_wide_as_the_first_batch_needs_them() {
        let batch = |names: Vec<Option<&str>>, number: f64| {
            let numbers = Float64Array::from(vec![number; names.len()]);
            let list =
                ListArray::from_iter_primitive::<Int64Type, _, _>(names.iter().map(|_| Some(vec![Some(1), None])));
            RecordBatch::try_from_iter_with_nullable([
                ("name", Arc::new(StringArray::from(names)) as arrow_array::ArrayRef, true),
                ("x", Arc::new(numbers), false),
                ("list", Arc::new(list), false),
            ])
            .unwrap()
        };
        let mut text = Vec::new();
        let mut table = Table::new(&mut text);
        table.write(&batch(vec![Some("Ada"), None, Some("a\nb")], 1.5)).unwrap();
        table.write(&batch(vec![Some("longer than that")], 10.25)).unwrap();
        table.finish(None).unwrap();
        drop(table);
        let expected = "\
name    x  list
----  ---  --------
Ada   1.5  [1,null]
      1.5  [1,null]
a b   1.5  [1,null]
longer than that  10.25  [1,null]
";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    #[test]
    fn without_rows_there_are_the_names() {
        let batch = RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(vec![0; 0])) as _)]).unwrap();
        let mut text = Vec::new();
        let mut table = Table::new(&mut text);
        table.finish(Some(batch.schema_ref())).unwrap();
        drop(table);
        assert_eq!(text, b"n\n-\n");
    }
}
