use std::fmt;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int16Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_data::ArrayData;
use arrow_schema::DataType;
use bytes::Bytes;

use super::header::{Kind, write_message};
use super::message::END_OF_STREAM;
use super::plan::FieldPlan;
use super::schema::same_layout;
use super::{Frames, Metadata, WireError, WireErrorKind, WireSchema};

/// Encodes one IPC stream: the schema, batches, the end.
///
/// What is written goes into [`Frames`] of the caller's, so that a batch can leave as soon as it
/// is there. Large buffers of the batches are not copied. Of a slice only what it shows is
/// written, except that a dictionary is always sent whole.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Int64Array, RecordBatch};
/// use tower_vgi::wire::{Frames, Metadata, StreamEncoder, WireSchema, decode_batch};
///
/// let column: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
/// let batch = RecordBatch::try_from_iter([("n", column)])?;
/// let mut frames = Frames::new();
/// let mut encoder = StreamEncoder::new(WireSchema::new(batch.schema())?);
/// encoder.write_schema(&mut frames);
/// encoder.write_batch(&batch, &Metadata::from_iter([("key", "value")]), &mut frames)?;
/// encoder.write_end(&mut frames);
///
/// let decoded = decode_batch(frames.into_bytes().into(), Default::default())?;
/// assert_eq!(decoded.batch, batch);
/// assert_eq!(decoded.metadata.get_str("key"), Some("value"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct StreamEncoder {
    schema: Arc<WireSchema>,
    /// The dictionaries as last written.
    written: Vec<(i64, ArrayRef)>,
}

impl StreamEncoder {
    /// For a schema.
    #[must_use]
    pub fn new(schema: Arc<WireSchema>) -> Self {
        Self { schema, written: Vec::new() }
    }

    /// Its schema.
    #[must_use]
    pub fn schema(&self) -> &Arc<WireSchema> {
        &self.schema
    }

    /// Writes the schema message, which comes first.
    pub fn write_schema(&mut self, out: &mut Frames) {
        self.written.clear();
        out.push_bytes(self.schema.message().clone());
    }

    /// Writes a batch, and before it the dictionaries that the receiver does not have yet.
    ///
    /// # Errors
    ///
    /// If the batch does not fit the schema (other names, types, or nulls where there must be
    /// none), in which case nothing has been written; or if it cannot be expressed, of which only
    /// dictionaries may have been written.
    pub fn write_batch(&mut self, batch: &RecordBatch, metadata: &Metadata, out: &mut Frames) -> Result<(), WireError> {
        self.check(batch)?;
        if !self.schema.dictionaries().is_empty() {
            let schema = self.schema.clone();
            let mut pending = Pending { written: &mut self.written, out: &mut *out, ids: Vec::new() };
            for (index, column) in batch.columns().iter().enumerate() {
                pending.write_below(column, schema.plan(index))?;
            }
        }
        write_message(&Kind::RecordBatch(metadata), batch.num_rows(), out, |arrays| {
            batch.columns().iter().try_for_each(|column| arrays.push(column))
        })
    }

    /// Writes the end-of-stream mark.
    pub fn write_end(&mut self, out: &mut Frames) {
        out.push(&END_OF_STREAM);
    }

    fn check(&self, batch: &RecordBatch) -> Result<(), WireError> {
        let schema = self.schema.schema();
        let fits = Arc::ptr_eq(schema, batch.schema_ref()) || schema.fields() == batch.schema_ref().fields();
        if fits {
            return Ok(());
        }
        let mismatch = |message| Err(WireError::new(WireErrorKind::SchemaMismatch, message));
        let given = batch.schema_ref().fields();
        if given.len() != schema.fields().len() {
            return mismatch(format!("a batch of {} columns for a stream of {}", given.len(), schema.fields().len()));
        }
        for ((expected, given), column) in schema.fields().iter().zip(given).zip(batch.columns()) {
            if expected.name() != given.name() || !same_layout(expected.data_type(), given.data_type()) {
                return mismatch(format!(
                    "column {:?} of type {} where the stream has {:?} of type {}",
                    given.name(),
                    given.data_type(),
                    expected.name(),
                    expected.data_type()
                ));
            }
            if !expected.is_nullable() && column.null_count() > 0 {
                return mismatch(format!("column {:?} must not be null in this stream", expected.name()));
            }
        }
        Ok(())
    }
}

impl fmt::Debug for StreamEncoder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("StreamEncoder").field("schema", &self.schema).finish_non_exhaustive()
    }
}

/// One batch as a whole IPC stream.
///
/// # Errors
///
/// If IPC cannot express the batch's schema.
pub fn encode_batch(batch: &RecordBatch, metadata: &Metadata) -> Result<Bytes, WireError> {
    let mut frames = Frames::new();
    let mut encoder = StreamEncoder::new(WireSchema::new(batch.schema())?);
    encoder.write_schema(&mut frames);
    encoder.write_batch(batch, metadata, &mut frames)?;
    encoder.write_end(&mut frames);
    Ok(frames.into_bytes())
}

/// Writes the dictionaries of a batch.
struct Pending<'a> {
    written: &'a mut Vec<(i64, ArrayRef)>,
    out: &'a mut Frames,
    /// Those that this batch uses.
    ids: Vec<i64>,
}

impl Pending<'_> {
    /// Writes the dictionaries at and below an array, inner ones first. Says whether any was.
    fn write_below(&mut self, array: &dyn Array, plan: &FieldPlan) -> Result<bool, WireError> {
        if plan.is_none() {
            return Ok(false);
        }
        if let (Some(id), Some(dictionary)) = (plan.dictionary, array.as_any_dictionary_opt()) {
            let inner_written = self.write_below(dictionary.values(), plan.child(0))?;
            return self.write(id, dictionary.values(), inner_written);
        }
        let mut written = false;
        for (index, child) in children(array).into_iter().enumerate() {
            written |= self.write_below(&child, plan.child(index))?;
        }
        Ok(written)
    }

    /// Writes a dictionary unless the receiver has it. One whose values contain another that was
    /// written is written too: its keys may mean something else now.
    fn write(&mut self, id: i64, values: &ArrayRef, inner_written: bool) -> Result<bool, WireError> {
        let known = self.written.iter().position(|(known, _)| *known == id);
        let is_same = known.is_some_and(|index| same_values(&self.written[index].1, values));
        if is_same && !inner_written {
            self.use_id(id);
            return Ok(false);
        }
        if self.ids.contains(&id) {
            return Err(WireError::new(
                WireErrorKind::SchemaMismatch,
                format!("columns share dictionary {id} in this stream, but the batch has different ones"),
            ));
        }
        self.use_id(id);
        write_message(&Kind::Dictionary(id), values.len(), self.out, |arrays| arrays.push(values))?;
        match known {
            Some(index) => self.written[index].1 = values.clone(),
            None => self.written.push((id, values.clone())),
        }
        Ok(true)
    }

    fn use_id(&mut self, id: i64) {
        if !self.ids.contains(&id) {
            self.ids.push(id);
        }
    }
}

fn same_values(left: &ArrayRef, right: &ArrayRef) -> bool {
    if Arc::ptr_eq(left, right) {
        return true;
    }
    if left.len() != right.len() {
        return false;
    }
    let (left, right) = (left.to_data(), right.to_data());
    ArrayData::ptr_eq(&left, &right) || left == right
}

/// The arrays directly below one, in the order of its fields.
fn children(array: &dyn Array) -> Vec<ArrayRef> {
    let only = |values: Option<&ArrayRef>| values.into_iter().cloned().collect();
    match array.data_type() {
        DataType::List(_) => only(array.as_list_opt::<i32>().map(|list| list.values())),
        DataType::LargeList(_) => only(array.as_list_opt::<i64>().map(|list| list.values())),
        DataType::ListView(_) => only(array.as_list_view_opt::<i32>().map(|list| list.values())),
        DataType::LargeListView(_) => only(array.as_list_view_opt::<i64>().map(|list| list.values())),
        DataType::FixedSizeList(_, _) => only(array.as_fixed_size_list_opt().map(|list| list.values())),
        DataType::Map(_, _) => {
            array.as_map_opt().map(|map| Arc::new(map.entries().clone()) as ArrayRef).into_iter().collect()
        }
        DataType::Struct(_) => array.as_struct_opt().map(|columns| columns.columns().to_vec()).unwrap_or_default(),
        DataType::Union(fields, _) => {
            let union = array.as_union_opt();
            union.map(|union| fields.iter().map(|(id, _)| union.child(id).clone()).collect()).unwrap_or_default()
        }
        DataType::RunEndEncoded(run_ends, _) => {
            let values = match run_ends.data_type() {
                DataType::Int16 => array.as_run_opt::<Int16Type>().map(|runs| runs.values()),
                DataType::Int32 => array.as_run_opt::<Int32Type>().map(|runs| runs.values()),
                _ => array.as_run_opt::<Int64Type>().map(|runs| runs.values()),
            };
            // The run ends have no dictionary.
            values.map(|values| vec![values.slice(0, 0), values.clone()]).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}
