//! From JSON and text to Arrow, as far as types are known.

pub(crate) mod duration;
mod infer;
mod mismatch;
mod nested;
mod record;
mod scalar;
mod typed;

use arrow_array::ArrayRef;
use arrow_schema::{DataType, Field};
use serde_json::Value;

pub(crate) use infer::{Inference, infer};
pub(crate) use mismatch::Mismatch;

/// A column of these values; null where one is absent.
///
/// # Errors
///
/// The first value that is none of the field's type.
pub(crate) fn column(field: &Field, values: &[Option<&Value>]) -> Result<ArrayRef, Mismatch> {
    let values: Vec<Option<&Value>> =
        values.iter().map(|value| value.filter(|value| !matches!(value, Value::Null))).collect();
    if !field.is_nullable()
        && *field.data_type() != DataType::Null
        && let Some(row) = values.iter().position(Option::is_none)
    {
        return Err(Mismatch::new(row, field, "null"));
    }
    match field.data_type() {
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::FixedSizeList(..)
        | DataType::Struct(_)
        | DataType::Map(..)
        | DataType::Dictionary(..)
        | DataType::RunEndEncoded(..) => nested::column(field, &values),
        own => {
            // A value may say its type also where that is known.
            let plain = |value| match typed::typed(value) {
                Some((said, value)) if said == *own => value,
                _ => value,
            };
            let values: Vec<Option<&Value>> = values.into_iter().map(|value| value.map(plain)).collect();
            scalar::column(field, &values)
        }
    }
}

/// Whether text on the command line is the value itself, and not JSON.
pub(crate) fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, value) => is_text(value),
        DataType::RunEndEncoded(_, values) => is_text(values.data_type()),
        other => !other.is_nested() && *other != DataType::Null,
    }
}

/// Whether values are bytes.
pub(crate) fn is_binary(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_))
}
