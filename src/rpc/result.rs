//! [`MethodResult`]: what a unary method may return.

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, SchemaRef};

use crate::value::{ValueError, VgiArrow};
use crate::{MethodError, RpcError};

/// What a unary method returns: a value with an Arrow type, or nothing.
#[diagnostic::on_unimplemented(
    message = "a method cannot return `{Self}`: it has no Arrow type",
    label = "no Arrow type is known for `{Self}`",
    note = "for a struct or an enum of your own, add `#[derive(VgiArrow)]`"
)]
pub trait MethodResult: Sized + Send + 'static {
    /// The field `result`, and whether the value is a record; `None` when nothing is returned.
    fn field() -> Option<(Field, bool)>;

    /// The value as a column of one row; `None` when nothing is returned.
    ///
    /// # Errors
    ///
    /// When the value does not fit its Arrow type, such as a date before the year that Arrow can hold.
    fn into_array(self) -> Result<Option<ArrayRef>, ValueError>;
}

impl<T: VgiArrow> MethodResult for T {
    fn field() -> Option<(Field, bool)> {
        Some((T::parameter_field("result"), T::is_record()))
    }

    fn into_array(self) -> Result<Option<ArrayRef>, ValueError> {
        self.to_parameter().map(Some)
    }
}

impl MethodResult for () {
    fn field() -> Option<(Field, bool)> {
        None
    }

    fn into_array(self) -> Result<Option<ArrayRef>, ValueError> {
        Ok(None)
    }
}

/// One row on the result schema, or a row-less batch without columns.
pub(crate) fn result_batch(schema: &SchemaRef, array: Option<ArrayRef>) -> Result<RecordBatch, MethodError> {
    let Some(array) = array else {
        let options = RecordBatchOptions::new().with_row_count(Some(0));
        return Ok(RecordBatch::try_new_with_options(schema.clone(), Vec::new(), &options)?);
    };
    if array.len() != 1 {
        return Err(RpcError::runtime_error(format!("a result has one row, not {}", array.len())).into());
    }
    Ok(RecordBatch::try_new(schema.clone(), vec![array])
        .map_err(|error| RpcError::type_error(format!("the result does not fit its declared type: {error}")))?)
}
