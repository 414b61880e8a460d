//! Values without parts.

use std::str::FromStr;
use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, FixedSizeBinaryBuilder, LargeBinaryBuilder};
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, BooleanArray, Int64Array, NullArray, PrimitiveArray, StringArray};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field, TimeUnit};
use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use super::{Mismatch, duration, record};

type Values<'a> = [Option<&'a Value>];

pub(super) fn column(field: &Field, values: &Values<'_>) -> Result<ArrayRef, Mismatch> {
    match field.data_type() {
        DataType::Null => match values.iter().position(Option::is_some) {
            None => Ok(Arc::new(NullArray::new(values.len()))),
            Some(row) => Err(mismatch(field, values, row)),
        },
        DataType::Boolean => Ok(Arc::new(BooleanArray::from(each(field, values, boolean)?))),
        DataType::Int8 => integers::<Int8Type>(field, values),
        DataType::Int16 => integers::<Int16Type>(field, values),
        DataType::Int32 => integers::<Int32Type>(field, values),
        DataType::Int64 => integers::<Int64Type>(field, values),
        DataType::UInt8 => integers::<UInt8Type>(field, values),
        DataType::UInt16 => integers::<UInt16Type>(field, values),
        DataType::UInt32 => integers::<UInt32Type>(field, values),
        DataType::UInt64 => integers::<UInt64Type>(field, values),
        DataType::Float16 => cast(field, values, floats::<Float32Type>(field, values)?, ""),
        DataType::Float32 => floats::<Float32Type>(field, values),
        DataType::Float64 => floats::<Float64Type>(field, values),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let texts = each(field, values, |value| value.as_str().map(str::to_owned))?;
            cast(field, values, Arc::new(StringArray::from(texts)), "")
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            binary(field, values)
        }
        DataType::Duration(unit) => {
            let counts = each(field, values, |value| duration(value, unit))
                .map_err(|mismatch| mismatch.hint("a duration is written as PT1H30M, 1h30m or 250ms"))?;
            cast(field, values, Arc::new(Int64Array::from(counts)), "")
        }
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => {
            let texts = each(field, values, |value| decimal(value, *scale))
                .map_err(|mismatch| mismatch.hint(format!("at most {scale} digits follow the point")))?;
            cast(field, values, Arc::new(StringArray::from(texts)), "")
        }
        DataType::Date32 | DataType::Date64 => from_text(field, values, "a date is written as 2026-01-31"),
        DataType::Time32(_) | DataType::Time64(_) => from_text(field, values, "a time is written as 12:30:00.5"),
        DataType::Timestamp(..) => from_text(field, values, "a timestamp is written as 2026-01-31T12:30:00Z"),
        DataType::Interval(_) => from_text(field, values, "an interval is written as '1 year 2 months 3 days'"),
        _ => match values.iter().position(Option::is_some) {
            Some(row) => Err(mismatch(field, values, row).hint("values of this type cannot be written here")),
            None => Ok(arrow_array::new_null_array(field.data_type(), values.len())),
        },
    }
}

fn mismatch(field: &Field, values: &Values<'_>, row: usize) -> Mismatch {
    Mismatch::of(row, field, values.get(row).copied().flatten())
}

/// What `read` makes of each value that is there.
fn each<T>(field: &Field, values: &Values<'_>, read: impl Fn(&Value) -> Option<T>) -> Result<Vec<Option<T>>, Mismatch> {
    let one = |(row, value): (usize, &Option<&Value>)| match value {
        None => Ok(None),
        Some(value) => read(value).map(Some).ok_or_else(|| mismatch(field, values, row)),
    };
    values.iter().enumerate().map(one).collect()
}

fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn integers<T: ArrowPrimitiveType<Native: TryFrom<i128>>>(
    field: &Field,
    values: &Values<'_>,
) -> Result<ArrayRef, Mismatch> {
    let numbers = each(field, values, |value| T::Native::try_from(integer(value)?).ok())?;
    Ok(Arc::new(numbers.into_iter().collect::<PrimitiveArray<T>>()))
}

/// A whole number; `1.0` and `1e3` are some, too.
fn integer(value: &Value) -> Option<i128> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    text.parse().ok().or_else(|| {
        let float = text.parse::<f64>().ok()?;
        // Beyond this, not every whole number is a float, and another one may be meant.
        (float.fract() == 0.0 && float.abs() <= 9_007_199_254_740_992.0).then_some(float as i128)
    })
}

fn floats<T: ArrowPrimitiveType<Native: FromStr>>(field: &Field, values: &Values<'_>) -> Result<ArrayRef, Mismatch> {
    let numbers = each(field, values, |value| match value {
        Value::Number(number) => number.to_string().parse::<T::Native>().ok(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    })?;
    Ok(Arc::new(numbers.into_iter().collect::<PrimitiveArray<T>>()))
}

fn duration(value: &Value, unit: &TimeUnit) -> Option<i64> {
    let nanoseconds = duration::nanoseconds(value.as_str()?)?;
    let unit = match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    };
    // What the type cannot hold is not rounded away.
    (nanoseconds % unit == 0).then(|| i64::try_from(nanoseconds / unit).ok()).flatten()
}

/// A decimal's text, if its type can hold all digits after the point.
fn decimal(value: &Value, scale: i8) -> Option<String> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    let digits = text.split_once('.').map_or("", |(_, digits)| digits.trim_end_matches('0'));
    let plain = text.trim_start_matches(['+', '-']).bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let fits = digits.len() <= usize::try_from(scale).unwrap_or(0);
    (plain && fits && text.bytes().any(|byte| byte.is_ascii_digit())).then_some(text)
}

fn from_text(field: &Field, values: &Values<'_>, hint: &str) -> Result<ArrayRef, Mismatch> {
    let texts = each(field, values, |value| value.as_str().map(|text| text.trim().to_owned()))
        .map_err(|mismatch| mismatch.hint(hint))?;
    cast(field, values, Arc::new(StringArray::from(texts)), hint)
}

/// Converts what was written to the type of the field; finds the value that cannot be.
fn cast(field: &Field, values: &Values<'_>, array: ArrayRef, hint: &str) -> Result<ArrayRef, Mismatch> {
    if array.data_type() == field.data_type() {
        return Ok(array);
    }
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(&array, field.data_type(), &strict).map_err(|_| {
        let wrong = |row: &usize| cast_with_options(&array.slice(*row, 1), field.data_type(), &strict).is_err();
        let row = (0..array.len()).find(wrong).unwrap_or(0);
        let mismatch = mismatch(field, values, row);
        if hint.is_empty() { mismatch } else { mismatch.hint(hint) }
    })
}

fn binary(field: &Field, values: &Values<'_>) -> Result<ArrayRef, Mismatch> {
    let bytes = each(field, values, bytes).map_err(|mismatch| mismatch.hint("bytes are written as base64"))?;
    match field.data_type() {
        DataType::LargeBinary => {
            let mut builder = LargeBinaryBuilder::new();
            bytes.iter().for_each(|bytes| builder.append_option(bytes.as_ref()));
            Ok(Arc::new(builder.finish()))
        }
        DataType::FixedSizeBinary(width) => {
            let mut builder = FixedSizeBinaryBuilder::new(*width);
            for (row, bytes) in bytes.iter().enumerate() {
                match bytes {
                    None => builder.append_null(),
                    Some(bytes) => builder
                        .append_value(bytes)
                        .map_err(|_| Mismatch::new(row, field, format_args!("{} bytes", bytes.len())))?,
                }
            }
            Ok(Arc::new(builder.finish()))
        }
        _ => {
            let mut builder = BinaryBuilder::new();
            bytes.iter().for_each(|bytes| builder.append_option(bytes.as_ref()));
            cast(field, values, Arc::new(builder.finish()), "")
        }
    }
}

/// Base64, with or without padding; a record as JSON becomes an IPC stream.
fn bytes(value: &Value) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    match value {
        Value::String(text) => {
            GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT).decode(text.trim().as_bytes()).ok()
        }
        Value::Object(members) => record::encode(members),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray as _;
    use arrow_cast::display::array_value_to_string;
    use serde_json::json;

    use super::*;

    fn one(data_type: DataType, value: &Value) -> Result<String, String> {
        let field = Field::new("x", data_type.clone(), true);
        let array = super::super::column(&field, &[Some(value)]).map_err(|mismatch| mismatch.named("x"))?;
        assert_eq!(array.data_type(), &data_type);
        Ok(array_value_to_string(&array, 0).unwrap())
    }

    #[test]
    fn text_and_json_become_values_of_every_type() {
        let us = TimeUnit::Microsecond;
        let utc = || Some("UTC".into());
        for (data_type, value, expected) in [
            (DataType::Boolean, json!("true"), "true"),
            (DataType::Int8, json!("-128"), "-128"),
            (DataType::UInt64, json!(u64::MAX), "18446744073709551615"),
            (DataType::Int64, json!(1e3), "1000"),
            (DataType::Float16, json!(1.5), "1.5"),
            (DataType::Float32, json!("0.1"), "0.1"),
            (DataType::Float64, json!("-inf"), "-inf"),
            (DataType::Float64, json!(0.1), "0.1"),
            (DataType::Utf8, json!(" a "), " a "),
            (DataType::LargeUtf8, json!("a"), "a"),
            (DataType::Utf8View, json!("a"), "a"),
            (DataType::Binary, json!("AQI"), "0102"),
            (DataType::LargeBinary, json!("AQI="), "0102"),
            (DataType::BinaryView, json!("AQI="), "0102"),
            (DataType::FixedSizeBinary(2), json!("AQI="), "0102"),
            (DataType::Decimal128(20, 4), json!("12.3400"), "12.3400"),
            (DataType::Decimal128(20, 4), json!(-1.5), "-1.5000"),
            (DataType::Decimal256(50, 0), json!(7), "7"),
            (DataType::Date32, json!("2026-01-31"), "2026-01-31"),
            (DataType::Date64, json!("2026-01-31"), "2026-01-31T00:00:00"),
            (DataType::Time64(us), json!("12:30:00.5"), "12:30:00.500"),
            (DataType::Time32(TimeUnit::Second), json!("12:30:00"), "12:30:00"),
            (DataType::Timestamp(us, None), json!("2026-01-31T12:30:00.25"), "2026-01-31T12:30:00.250"),
            (DataType::Timestamp(us, utc()), json!("2026-01-31T12:30:00+01:00"), "2026-01-31T11:30:00Z"),
            (DataType::Timestamp(us, utc()), json!("2026-01-31 12:30:00"), "2026-01-31T12:30:00Z"),
            (
                DataType::Timestamp(us, Some("Europe/Berlin".into())),
                json!("2026-01-31T11:30:00Z"),
                "2026-01-31T12:30:00+01:00",
            ),
            (DataType::Duration(us), json!("PT1.5S"), "PT1.5S"),
            (DataType::Duration(TimeUnit::Second), json!("1h"), "PT3600S"),
            (DataType::Null, json!(null), ""),
            (DataType::Utf8, json!(null), ""),
        ] {
            assert_eq!(one(data_type.clone(), &value), Ok(expected.to_owned()), "{data_type}");
        }
    }

    #[test]
    fn what_is_no_value_of_the_type_is_told_with_both() {
        for (data_type, value, expected) in [
            (DataType::Int64, json!("abc"), "'x' takes int64?, not 'abc'"),
            (DataType::Int8, json!(128), "'x' takes int8?, not 128"),
            (DataType::UInt8, json!(-1), "'x' takes uint8?, not -1"),
            (DataType::Int64, json!(1.5), "'x' takes int64?, not 1.5"),
            (DataType::Boolean, json!("yes"), "'x' takes bool?, not 'yes'"),
            (DataType::Utf8, json!(1), "'x' takes utf8?, not 1"),
            (DataType::Float64, json!([1]), "'x' takes float64?, not [1]"),
            (DataType::Binary, json!("$"), "'x' takes binary?, not '$': bytes are written as base64"),
            (DataType::FixedSizeBinary(8), json!("AQI="), "'x' takes fixed_size_binary(8)?, not 2 bytes"),
            (
                DataType::Date32,
                json!("yesterday"),
                "'x' takes date32?, not 'yesterday': a date is written as 2026-01-31",
            ),
            (
                DataType::Decimal128(5, 2),
                json!("1.234"),
                "'x' takes decimal128(5,2)?, not '1.234': at most 2 digits follow the point",
            ),
            (DataType::Decimal128(5, 2), json!("123456"), "'x' takes decimal128(5,2)?, not '123456'"),
            (
                DataType::Duration(TimeUnit::Second),
                json!("1ms"),
                "'x' takes duration(s)?, not '1ms': a duration is written as PT1H30M, 1h30m or 250ms",
            ),
        ] {
            assert_eq!(one(data_type, &value), Err(expected.to_owned()));
        }
    }

    #[test]
    fn null_needs_a_nullable_field() {
        let field = Field::new("x", DataType::Int64, false);
        let error = super::super::column(&field, &[Some(&json!(1)), None]).unwrap_err();
        assert_eq!((error.row, error.named("x").as_str()), (1, "'x' takes int64, not null"));
    }

    #[test]
    fn an_object_is_a_record_where_bytes_are_taken() {
        let field = Field::new("x", DataType::Binary, false);
        let record = json!({"x": 1.0, "label": "a", "bytes": {"$binary": "AQI="}, "day": {"$date32": "2026-01-31"}});
        let array = super::super::column(&field, &[Some(&record)]).unwrap();
        let bytes = array.as_binary::<i32>().value(0).to_vec();
        let batch = tower_vgi::wire::decode_batch(bytes.into(), tower_vgi::wire::Limits::default()).unwrap().batch;
        assert_eq!((batch.num_rows(), batch.schema().field(1).name().as_str()), (1, "label"));
        let types: Vec<DataType> = batch.schema().fields().iter().map(|field| field.data_type().clone()).collect();
        assert_eq!(types, [DataType::Float64, DataType::Utf8, DataType::Binary, DataType::Date32]);
        assert_eq!(batch.column(2).as_binary::<i32>().value(0), [1, 2]);
    }
}
