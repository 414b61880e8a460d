//! Records: an Arrow IPC stream of one row within a binary, as vgi-rpc has them for parameters and results.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::Schema;
use serde_json::{Map, Value};
use tower_vgi::wire::{Metadata, encode_batch};

/// The record of these members, with the types of JSON: who reads it converts within a family of types.
pub(super) fn encode(members: &Map<String, Value>) -> Option<Vec<u8>> {
    let fields = super::infer([members]).ok()?;
    let columns = fields.iter().map(|field| super::column(field, &[members.get(field.name())]).ok());
    let columns = columns.collect::<Option<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options).ok()?;
    encode_batch(&batch, &Metadata::new()).ok().map(Vec::from)
}
