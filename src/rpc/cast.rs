//! Conversion of columns where no value changes its meaning.

use arrow_array::cast::AsArray as _;
use arrow_array::{Array, ArrayRef, make_array};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_data::ArrayData;
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
    if expanded_bytes(column.as_ref()) > MAX_EXPANDED {
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

/// A conversion that would make more than this out of shared bytes is refused.
const MAX_EXPANDED: usize = 512 << 20;

/// How many bytes of text views and dictionaries stand for: each may refer to the same ones any number of times.
fn expanded_bytes(array: &dyn Array) -> usize {
    let views = |views: &[u128]| views.iter().map(|view| *view as u32 as usize).fold(0, usize::saturating_add);
    let children = |data: &ArrayData| {
        let children = data.child_data().iter().map(|child| expanded_bytes(make_array(child.clone()).as_ref()));
        children.fold(0, usize::saturating_add)
    };
    match array.data_type() {
        DataType::Utf8View => views(array.as_string_view().views()),
        DataType::BinaryView => views(array.as_binary_view().views()),
        DataType::Dictionary(..) => {
            let Some(dictionary) = array.as_any_dictionary_opt() else { return 0 };
            let values = dictionary.values();
            // Without values all keys are null.
            if values.is_empty() {
                return 0;
            }
            let lengths = match text_lengths(values) {
                Some(lengths) => lengths,
                None => return dictionary.len().saturating_mul(expanded_bytes(values.as_ref())),
            };
            let keys = dictionary.normalized_keys().into_iter();
            keys.map(|key| lengths.get(key).copied().unwrap_or(0)).fold(0, usize::saturating_add)
        }
        data_type if data_type.is_nested() => children(&array.to_data()),
        _ => 0,
    }
}

/// The length of each text or byte string.
fn text_lengths(values: &ArrayRef) -> Option<Vec<usize>> {
    let rows = 0..values.len();
    if let Some(values) = values.as_string_opt::<i32>() {
        return Some(rows.map(|row| values.value_length(row) as usize).collect());
    }
    if let Some(values) = values.as_string_opt::<i64>() {
        return Some(rows.map(|row| values.value_length(row) as usize).collect());
    }
    if let Some(values) = values.as_binary_opt::<i32>() {
        return Some(rows.map(|row| values.value_length(row) as usize).collect());
    }
    let values = values.as_binary_opt::<i64>()?;
    Some(rows.map(|row| values.value_length(row) as usize).collect())
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

    use arrow_array::builder::StringViewBuilder;
    use arrow_array::types::{Float64Type, Int8Type};
    use arrow_array::{
        DictionaryArray, Float64Array, Int8Array, Int32Array, Int64Array, ListArray, StringArray,
        TimestampNanosecondArray,
    };
    use arrow_buffer::OffsetBuffer;
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
    fn shared_bytes_are_counted_as_often_as_they_are_used() {
        let text = "x".repeat(1 << 20);
        let entry: ArrayRef = Arc::new(StringArray::from(vec![text.as_str()]));
        let keys = Int8Array::from(vec![0; 600]);
        let dictionary: ArrayRef = Arc::new(DictionaryArray::<Int8Type>::try_new(keys, entry).unwrap());
        assert_eq!(expanded_bytes(dictionary.as_ref()), 600 << 20);
        assert!(cast_lossless(&dictionary, &DataType::Utf8).is_none());
        assert!(cast_lossless(&dictionary.slice(0, 2), &DataType::Utf8).is_some());

        let mut views = StringViewBuilder::new().with_deduplicate_strings();
        (0..600).for_each(|_| views.append_value(&text));
        let views = views.finish();
        let field = Arc::new(Field::new_list_field(DataType::Utf8View, true));
        let list: ArrayRef = Arc::new(ListArray::new(field, OffsetBuffer::from_lengths([600]), Arc::new(views), None));
        assert!(cast_lossless(&list, &DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)))).is_none());
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
