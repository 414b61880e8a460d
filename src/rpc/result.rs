//! [`MethodResult`]: what a unary method may return.

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, SchemaRef};

use crate::reference::{ByReference, Reference};
use crate::value::{ValueError, VgiArrow};
use crate::wire::AnnotatedBatch;
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

    /// What goes to the caller.
    ///
    /// # Errors
    ///
    /// When the value does not fit its Arrow type, such as a date before the year that Arrow can hold.
    fn into_answer(self) -> Result<Answer, ValueError>;
}

/// What a unary method gives.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Nothing.
    Nothing,
    /// A value, as a column of one row.
    Value(ArrayRef),
    /// Where the answer is kept.
    Reference(Reference),
}

impl<T: VgiArrow> MethodResult for T {
    fn field() -> Option<(Field, bool)> {
        Some((T::parameter_field("result"), T::is_record()))
    }

    fn into_answer(self) -> Result<Answer, ValueError> {
        self.to_parameter().map(Answer::Value)
    }
}

impl<T: VgiArrow> MethodResult for ByReference<T> {
    fn field() -> Option<(Field, bool)> {
        <T as MethodResult>::field()
    }

    fn into_answer(self) -> Result<Answer, ValueError> {
        match self {
            Self::Value(value) => value.into_answer(),
            Self::Reference(reference) => Ok(Answer::Reference(reference)),
        }
    }
}

impl MethodResult for () {
    fn field() -> Option<(Field, bool)> {
        None
    }

    fn into_answer(self) -> Result<Answer, ValueError> {
        Ok(Answer::Nothing)
    }
}

/// One row on the result schema, a row-less batch without columns, or a pointer.
pub(crate) fn result_batch(schema: &SchemaRef, answer: Answer) -> Result<AnnotatedBatch, MethodError> {
    let array = match answer {
        Answer::Value(array) => array,
        Answer::Reference(reference) => return Ok(reference.pointer(schema.clone())),
        Answer::Nothing => {
            let options = RecordBatchOptions::new().with_row_count(Some(0));
            return Ok(RecordBatch::try_new_with_options(schema.clone(), Vec::new(), &options)?.into());
        }
    };
    if array.len() != 1 {
        return Err(RpcError::runtime_error(format!("a result has one row, not {}", array.len())).into());
    }
    let batch = RecordBatch::try_new(schema.clone(), vec![array])
        .map_err(|error| RpcError::type_error(format!("the result does not fit its declared type: {error}")))?;
    Ok(batch.into())
}
