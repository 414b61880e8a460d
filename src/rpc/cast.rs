//! Conversion of columns where no value changes its meaning.

use arrow_array::{Array, ArrayRef};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::DataType;

/// The column as another type of its family; `None` when the types do not belong together or a value would change.
pub(crate) fn cast_lossless(column: &ArrayRef, wanted: &DataType) -> Option<ArrayRef> {
    let sent = column.data_type();
    if wanted.equals_datatype(sent) {
        return Some(column.clone());
    }
    if !same_family(wanted, sent) {
        return None;
    }
    let options = CastOptions { safe: false, ..Default::default() };
    let converted = cast_with_options(column, wanted, &options).ok()?;
    // A cast rounds and truncates without a word: only what comes back as it was has survived. Floats of another width
    // are meant to be rounded, and text and bytes cannot change.
    let rounds = wanted.is_floating() && sent.is_floating();
    if !rounds && !matches!(family(wanted), Family::Text | Family::Bytes) {
        let back = cast_with_options(&converted, sent, &options).ok()?;
        if back.to_data() != column.to_data() {
            return None;
        }
    }
    Some(converted)
}

#[derive(PartialEq)]
enum Family {
    Number,
    Text,
    Bytes,
    Date,
    Time,
    Timestamp,
    Duration,
    List,
    Other,
}

fn family(data_type: &DataType) -> Family {
    match data_type {
        number if number.is_numeric() => Family::Number,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Family::Text,
        DataType::Dictionary(_, values) => family(values),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => Family::Bytes,
        DataType::Date32 | DataType::Date64 => Family::Date,
        DataType::Time32(_) | DataType::Time64(_) => Family::Time,
        DataType::Timestamp(..) => Family::Timestamp,
        DataType::Duration(_) => Family::Duration,
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => Family::List,
        _ => Family::Other,
    }
}

/// Whether a value of one type can stand for one of the other without a change of meaning.
fn same_family(a: &DataType, b: &DataType) -> bool {
    match (family(a), family(b)) {
        (Family::Other, Family::Other) => same_shape(a, b),
        (Family::List, Family::List) => match (element(a), element(b)) {
            (Some(a), Some(b)) => same_family(a, b),
            _ => false,
        },
        (a, b) => a == b,
    }
}

fn element(data_type: &DataType) -> Option<&DataType> {
    match data_type {
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            Some(field.data_type())
        }
        _ => None,
    }
}

/// Structs and maps whose parts belong together.
fn same_shape(a: &DataType, b: &DataType) -> bool {
    match (a, b) {
        (DataType::Struct(a), DataType::Struct(b)) => {
            a.len() == b.len()
                && a.iter().zip(b).all(|(a, b)| a.name() == b.name() && same_family(a.data_type(), b.data_type()))
        }
        (DataType::Map(a, _), DataType::Map(b, _)) => match (a.data_type(), b.data_type()) {
            (DataType::Struct(a), DataType::Struct(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_family(a.data_type(), b.data_type()))
            }
            _ => false,
        },
        _ => a.equals_datatype(b),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::types::Float64Type;
    use arrow_array::{Float64Array, Int32Array, Int64Array, ListArray, StringArray, TimestampNanosecondArray};
    use arrow_schema::{Field, TimeUnit};

    use super::*;

    #[test]
    fn numbers_convert_while_they_keep_their_value() {
        let whole: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0]));
        let cast = cast_lossless(&whole, &DataType::Int64).unwrap();
        assert_eq!(cast.to_data(), Int64Array::from(vec![1, 2]).to_data());

        let part: ArrayRef = Arc::new(Float64Array::from(vec![1.5]));
        assert!(cast_lossless(&part, &DataType::Int64).is_none());
        let large: ArrayRef = Arc::new(Int64Array::from(vec![(1 << 53) + 1]));
        assert!(cast_lossless(&large, &DataType::Float64).is_none());
        assert!(cast_lossless(&large, &DataType::Int32).is_none());
    }

    #[test]
    fn nothing_is_truncated_below_the_surface() {
        let lists = ListArray::from_iter_primitive::<Float64Type, _, _>([Some([Some(1.5)])]);
        let wanted = DataType::List(Arc::new(Field::new_list_field(DataType::Int64, true)));
        assert!(cast_lossless(&(Arc::new(lists) as ArrayRef), &wanted).is_none());
        let whole = ListArray::from_iter_primitive::<Float64Type, _, _>([Some([Some(2.0)])]);
        assert!(cast_lossless(&(Arc::new(whole) as ArrayRef), &wanted).is_some());

        let wanted = DataType::Timestamp(TimeUnit::Microsecond, None);
        let fine: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![1_001]));
        assert!(cast_lossless(&fine, &wanted).is_none());
        let coarse: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![1_000]));
        assert!(cast_lossless(&coarse, &wanted).is_some());
    }

    #[test]
    fn families_do_not_mix() {
        let text: ArrayRef = Arc::new(StringArray::from(vec!["1"]));
        assert!(cast_lossless(&text, &DataType::Float64).is_none());
        assert!(cast_lossless(&text, &DataType::LargeUtf8).is_some());
        let number: ArrayRef = Arc::new(Int32Array::from(vec![1]));
        assert!(cast_lossless(&number, &DataType::Utf8).is_none());
        assert!(cast_lossless(&number, &DataType::Boolean).is_none());
    }
}
