//! Parameters, one column each.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema};
use tower_vgi::VgiArrow;

/// The parameters of a call.
#[derive(Default)]
pub struct Arguments {
    fields: Vec<Field>,
    columns: Vec<ArrayRef>,
}

impl Arguments {
    pub fn none() -> Self {
        Self::default()
    }

    pub fn with<T: VgiArrow>(mut self, name: &str, value: T) -> Self {
        self.fields.push(T::parameter_field(name));
        self.columns.push(value.to_parameter().unwrap());
        self
    }

    /// One row; none where there are no columns, as published clients do it.
    pub fn batch(self) -> RecordBatch {
        let rows = usize::from(!self.columns.is_empty());
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::new(Schema::new(self.fields)), self.columns, &options).unwrap()
    }
}
