//! What reading has in common: bounds, nulls, and arrays that stand for other arrays.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int16Type, Int32Type, Int64Type};
use arrow_array::{Array, RunArray};
use arrow_schema::DataType;

use super::{ValueError, ValueErrorKind, VgiArrow, numbers};

/// Refuses rows that do not exist and nulls. Arrays without a validity bitmap cost one comparison.
#[inline]
pub(crate) fn present(array: &dyn Array, row: usize) -> Result<(), ValueError> {
    in_bounds(array, row)?;
    match array.nulls() {
        Some(nulls) if nulls.is_null(row) => Err(ValueError::null()),
        _ => Ok(()),
    }
}

/// Whether a row is null, also where an array has no bitmap of its own to say so.
pub(crate) fn is_null(array: &dyn Array, row: usize) -> Result<bool, ValueError> {
    in_bounds(array, row)?;
    if array.nulls().is_some_and(|nulls| nulls.is_null(row)) {
        return Ok(true);
    }
    match array.data_type() {
        DataType::Null => Ok(true),
        DataType::Dictionary(..) | DataType::RunEndEncoded(..) => match resolve(array, row)? {
            Some((values, row)) => is_null(values, row),
            None => Ok(false),
        },
        _ => Ok(false),
    }
}

/// The slow way to a value: through a dictionary or run-end encoding, or else a refusal.
pub(crate) fn through_encoding<T: VgiArrow>(array: &dyn Array, row: usize) -> Result<T, ValueError> {
    match resolve(array, row)? {
        Some((values, row)) => T::from_array(values, row),
        None => Err(mismatch(array, row, &T::data_type())),
    }
}

/// For arrays that only point into another array: that array, and the row there. The row must be in
/// bounds; null is an error.
pub(crate) fn resolve(array: &dyn Array, row: usize) -> Result<Option<(&dyn Array, usize)>, ValueError> {
    present(array, row)?;
    let (values, index) = match array.data_type() {
        DataType::Dictionary(..) => {
            let Some(array) = array.as_any_dictionary_opt() else { return Ok(None) };
            let key = numbers::read(array.keys(), row)?.and_then(|key| usize::try_from(key).ok());
            (array.values(), key)
        }
        DataType::RunEndEncoded(..) => {
            let any = array.as_any();
            if let Some(array) = any.downcast_ref::<RunArray<Int32Type>>() {
                (array.values(), Some(array.get_physical_index(row)))
            } else if let Some(array) = any.downcast_ref::<RunArray<Int64Type>>() {
                (array.values(), Some(array.get_physical_index(row)))
            } else if let Some(array) = any.downcast_ref::<RunArray<Int16Type>>() {
                (array.values(), Some(array.get_physical_index(row)))
            } else {
                return Ok(None);
            }
        }
        _ => return Ok(None),
    };
    match index {
        Some(index) if index < values.len() => Ok(Some((&**values, index))),
        _ => Err(ValueError::new(ValueErrorKind::Array, "an encoded value points outside of its dictionary")),
    }
}

/// Says that an array's type does not give the wanted one; for a `null` array, that null is not wanted.
pub(crate) fn mismatch(array: &dyn Array, row: usize, wanted: &DataType) -> ValueError {
    match present(array, row) {
        Err(error) => error,
        Ok(()) if *array.data_type() == DataType::Null => ValueError::null(),
        Ok(()) => {
            let given = array.data_type();
            ValueError::new(ValueErrorKind::Type, format!("expected a value of type {wanted}, got one of type {given}"))
        }
    }
}

fn in_bounds(array: &dyn Array, row: usize) -> Result<(), ValueError> {
    let rows = array.len();
    if row < rows {
        return Ok(());
    }
    Err(ValueError::new(ValueErrorKind::Array, format!("there is no row {row} in an array of {rows} rows")))
}
