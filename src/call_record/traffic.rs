//! How much went and came.

use arrow_array::cast::AsArray as _;
use arrow_array::types::ByteArrayType;
use arrow_array::{Array as _, ArrayRef, GenericByteArray, RecordBatch};
use arrow_schema::DataType;

/// How much Arrow data went one way. Rows and bytes are those of the columns, whatever their form on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// Batches of data.
    pub batches: u64,
    /// Their rows.
    pub rows: u64,
    /// Their size in memory.
    pub bytes: u64,
}

impl Traffic {
    /// Counts a batch.
    pub fn add(&mut self, batch: &RecordBatch) {
        self.batches += 1;
        self.rows += batch.num_rows() as u64;
        self.bytes += logical_size(batch);
    }
}

/// What the columns hold: slices count with what they show, not with the memory that they share.
fn logical_size(batch: &RecordBatch) -> u64 {
    batch.columns().iter().map(column_size).sum::<usize>() as u64
}

fn column_size(column: &ArrayRef) -> usize {
    let rows = column.len();
    let values = match column.data_type() {
        DataType::Boolean => Some(rows.div_ceil(8)),
        DataType::Utf8 => column.as_string_opt::<i32>().map(|texts| size_of_val(texts.value_offsets()) + length(texts)),
        DataType::Binary => column.as_binary_opt::<i32>().map(|data| size_of_val(data.value_offsets()) + length(data)),
        other => other.primitive_width().map(|width| width * rows),
    };
    match values {
        Some(values) => values + column.nulls().map_or(0, |_| rows.div_ceil(8)),
        // Knows every type, for which it describes the column first: that takes as long as a small call's other steps.
        None => column.to_data().get_slice_memory_size().unwrap_or_else(|_| column.get_buffer_memory_size()),
    }
}

/// How long the values are together.
fn length<T: ByteArrayType<Offset = i32>>(column: &GenericByteArray<T>) -> usize {
    let offsets = column.value_offsets();
    let span = offsets.last().zip(offsets.first()).map_or(0, |(end, start)| end - start);
    usize::try_from(span).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{BinaryArray, BooleanArray, Float64Array, LargeStringArray, ListArray, StringArray, types};

    use super::*;

    #[test]
    fn sizes_are_those_that_arrow_finds() {
        let numbers = || vec![Some(1.5), None, Some(2.5), Some(4.0)];
        let texts = || vec![Some("one"), Some(""), None, Some("twenty-one")];
        let columns: [ArrayRef; 7] = [
            Arc::new(Float64Array::from(numbers())),
            Arc::new(Float64Array::from(vec![1.0; 4])),
            Arc::new(BooleanArray::from(vec![true, false, true, true])),
            Arc::new(StringArray::from(texts())),
            Arc::new(BinaryArray::from(vec![&b"a"[..], b"bc", b"", b"def"])),
            Arc::new(LargeStringArray::from(texts())),
            Arc::new(ListArray::from_iter_primitive::<types::Int32Type, _, _>(vec![Some(vec![Some(1)]); 4])),
        ];
        for column in columns {
            for column in [column.slice(0, 0), column.slice(1, 2), column] {
                let expected = column.to_data().get_slice_memory_size().unwrap();
                assert_eq!(column_size(&column), expected, "{column:?}");
            }
        }
    }
}
