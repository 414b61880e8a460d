//! What generated code calls; not part of the interface.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, StructArray};
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;
use bytes::Bytes;

use super::read::{present, through_encoding};
use super::record::{Columns, refuse_nulls};
use super::{Record, ValueError, ValueErrorKind, VgiArrow, binary, payload, text};

pub use super::record::{SchemaCell, missing};

/// The type of a record within another one.
pub fn struct_type<R: Record>() -> DataType {
    DataType::Struct(R::schema().fields().clone())
}

/// Records as a struct array.
pub fn struct_to_array<'a, R, I>(values: I) -> Result<ArrayRef, ValueError>
where
    R: Record,
    I: Iterator<Item = Option<&'a R>> + Clone,
{
    let columns = R::to_columns(values.clone())?;
    let valid: NullBuffer = values.map(|value| value.is_some()).collect::<Vec<_>>().into();
    let rows = valid.len();
    let nulls = Some(valid).filter(|valid| valid.null_count() > 0);
    let fields = R::schema().fields().clone();
    let array = StructArray::try_new_with_length(fields, columns, nulls, rows);
    Ok(Arc::new(array.map_err(ValueError::arrow)?))
}

/// One row of a struct array.
pub fn struct_from_array<R: Record + VgiArrow>(array: &dyn Array, row: usize) -> Result<R, ValueError> {
    match array.as_struct_opt() {
        Some(array) => {
            present(array, row)?;
            R::from_columns(Columns::new(array.fields(), array.columns()), row)
        }
        // A record that is `binary` where a struct was expected says the same.
        None if matches!(array.data_type(), DataType::Binary | DataType::LargeBinary) => {
            payload::from_parameter(array, row)
        }
        None => through_encoding(array, row),
    }
}

/// A record as an IPC stream of one row.
pub fn record_to_parameter<R: Record>(record: &R) -> Result<ArrayRef, ValueError> {
    payload::to_parameter(record)
}

/// Reads an IPC stream of one row.
pub fn record_from_parameter<R: Record>(array: &dyn Array, row: usize) -> Result<R, ValueError> {
    payload::from_parameter(array, row)
}

/// A column of a record.
pub fn column<I>(
    name: &str,
    values: I,
    write: impl FnOnce(I) -> Result<ArrayRef, ValueError>,
) -> Result<ArrayRef, ValueError> {
    write(values).map_err(|error| error.at_field(name))
}

/// A column of records that are IPC streams.
pub fn binary_column<'a, T: 'a>(
    name: &str,
    values: impl Iterator<Item = Option<&'a T>>,
    write: impl Fn(&T) -> Result<ArrayRef, ValueError>,
) -> Result<ArrayRef, ValueError> {
    let one = |value: Option<&T>| match value {
        Some(value) => Option::<Bytes>::from_array(&write(value)?, 0),
        None => Ok(None),
    };
    let payloads = values.map(one).collect::<Result<Vec<_>, _>>();
    payloads
        .and_then(|payloads| binary::shared_binary::<i32, _>(payloads.iter().map(Option::as_ref)))
        .map_err(|error| error.at_field(name))
}

/// Refuses `None` in a field with `#[vgi(not_null)]`.
pub fn refuse_none<'a, R: 'a>(
    name: &str,
    rows: impl Iterator<Item = Option<&'a R>>,
    array: ArrayRef,
) -> Result<ArrayRef, ValueError> {
    refuse_nulls(rows, &array).map_err(|error| error.at_field(name))?;
    Ok(array)
}

/// The type of an enum.
pub fn enum_type() -> DataType {
    text::dictionary_type()
}

/// Variants by name.
pub fn enum_to_array<'a, I>(names: I) -> Result<ArrayRef, ValueError>
where
    I: Iterator<Item = Option<&'a str>> + Clone,
{
    text::to_dictionary(names)
}

/// A variant by its name.
pub fn enum_from_array<T>(
    array: &dyn Array,
    row: usize,
    type_name: &str,
    names: &[&str],
    variant: impl FnOnce(&str) -> Option<T>,
) -> Result<T, ValueError> {
    let name = text::read(array, row, &enum_type())?;
    variant(name).ok_or_else(|| {
        let names = names.join(", ");
        ValueError::new(ValueErrorKind::Name, format!("`{name}` is no {type_name}: expected one of {names}"))
    })
}
