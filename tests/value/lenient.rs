//! Reading other types of the same family, and refusing what would lose something.

use std::sync::Arc;

use arrow_array::builder::{FixedSizeListBuilder, Int64Builder};
use arrow_array::types::{Int8Type, Int32Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BinaryViewArray, Date32Array, Date64Array, Decimal64Array, Decimal128Array, Decimal256Array,
    DictionaryArray, DurationNanosecondArray, DurationSecondArray, FixedSizeBinaryArray, Float32Array, Float64Array,
    Int8Array, Int32Array, Int64Array, LargeBinaryArray, LargeListArray, LargeStringArray, ListViewArray, NullArray,
    RunArray, StringArray, StringViewArray, Time32SecondArray, Time64MicrosecondArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray, UInt64Array,
};
use arrow_buffer::i256;
use bytes::Bytes;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use tower_vgi::VgiArrow;
use tower_vgi::value::{Decimal, DictionaryString, LargeString, ValueErrorKind};

use crate::samples::{amount, date};
use crate::types::Status;

fn read<T: VgiArrow>(array: impl Array) -> Result<T, ValueErrorKind> {
    T::from_array(&array, 0).map_err(|error| error.kind())
}

#[test]
fn integers_of_another_width_as_far_as_they_fit() {
    assert_eq!(read::<i64>(Int8Array::from(vec![-3])), Ok(-3));
    assert_eq!(read::<u8>(Int64Array::from(vec![255])), Ok(255));
    assert_eq!(read::<u8>(Int64Array::from(vec![256])), Err(ValueErrorKind::Range));
    assert_eq!(read::<i64>(UInt64Array::from(vec![u64::MAX])), Err(ValueErrorKind::Range));
    assert_eq!(read::<i64>(Float64Array::from(vec![1.0])), Err(ValueErrorKind::Type));
    assert_eq!(read::<i64>(StringArray::from(vec!["1"])), Err(ValueErrorKind::Type));
    assert_eq!(read::<bool>(Int64Array::from(vec![1])), Err(ValueErrorKind::Type));
}

#[test]
fn numbers_as_floats_when_exact() {
    assert_eq!(read::<f64>(Float32Array::from(vec![0.5])), Ok(0.5));
    assert_eq!(read::<f64>(Int64Array::from(vec![1 << 53])), Ok(9_007_199_254_740_992.0));
    assert_eq!(read::<f64>(Int64Array::from(vec![(1 << 53) + 1])), Err(ValueErrorKind::Range));
    assert_eq!(read::<f32>(Float64Array::from(vec![0.5])), Ok(0.5));
    assert_eq!(read::<f32>(Float64Array::from(vec![0.1])), Err(ValueErrorKind::Range));
    assert!(read::<f32>(Float64Array::from(vec![f64::NAN])).unwrap().is_nan());
}

#[test]
fn any_text_type() {
    let dictionary: DictionaryArray<Int32Type> = ["x"].into_iter().collect();
    let large = DictionaryArray::<Int8Type>::new(Int8Array::from(vec![0]), Arc::new(LargeStringArray::from(vec!["x"])));
    let arrays: [ArrayRef; 5] = [
        Arc::new(StringArray::from(vec!["x"])),
        Arc::new(LargeStringArray::from(vec!["x"])),
        Arc::new(StringViewArray::from(vec!["x"])),
        Arc::new(dictionary),
        Arc::new(large),
    ];
    for array in arrays {
        assert_eq!(read::<String>(&array), Ok("x".to_owned()));
        assert_eq!(read::<LargeString>(&array), Ok("x".into()));
        assert_eq!(read::<DictionaryString>(&array), Ok("x".into()));
    }
    assert_eq!(read::<String>(LargeBinaryArray::from_vec(vec![b"x"])), Err(ValueErrorKind::Type));
}

#[test]
fn enums_from_any_text_by_name_or_alias() {
    assert_eq!(read::<Status>(StringArray::from(vec!["ACTIVE"])), Ok(Status::Active));
    assert_eq!(read::<Status>(LargeStringArray::from(vec!["closed"])), Ok(Status::Closed));
    let error = Status::from_array(&StringArray::from(vec!["Active"]), 0).unwrap_err();
    assert_eq!(error.kind(), ValueErrorKind::Name);
    assert_eq!(error.to_string(), "`Active` is no Status: expected one of PENDING, ACTIVE, CLOSED");
}

#[test]
fn any_bytes_type() {
    let fixed = || FixedSizeBinaryArray::try_from_iter([b"ab"].into_iter()).unwrap();
    assert_eq!(read::<Vec<u8>>(LargeBinaryArray::from_vec(vec![b"ab"])), Ok(b"ab".to_vec()));
    assert_eq!(read::<Bytes>(BinaryViewArray::from_iter_values([b"ab"])), Ok(Bytes::from_static(b"ab")));
    assert_eq!(read::<Bytes>(fixed()), Ok(Bytes::from_static(b"ab")));
    assert_eq!(read::<[u8; 2]>(LargeBinaryArray::from_vec(vec![b"ab"])), Ok(*b"ab"));
    assert_eq!(read::<[u8; 3]>(fixed()), Err(ValueErrorKind::Range));
    assert_eq!(read::<Vec<u8>>(StringArray::from(vec!["ab"])), Err(ValueErrorKind::Type));
}

#[test]
fn dates_and_times_of_other_units_when_exact() {
    let second = || date(1970, 1, 1).and_hms_opt(0, 0, 1).unwrap();
    assert_eq!(read::<NaiveDateTime>(TimestampMillisecondArray::from(vec![1_000])), Ok(second()));
    assert_eq!(read::<NaiveDateTime>(TimestampNanosecondArray::from(vec![1_000_000_000])), Ok(second()));
    assert_eq!(read::<NaiveDateTime>(TimestampNanosecondArray::from(vec![1])), Err(ValueErrorKind::Range));
    assert_eq!(read::<NaiveDateTime>(TimestampMillisecondArray::from(vec![i64::MAX])), Err(ValueErrorKind::Range));
    assert_eq!(read::<NaiveDate>(Date64Array::from(vec![-86_400_000])), Ok(date(1969, 12, 31)));
    assert_eq!(read::<NaiveDate>(Date64Array::from(vec![1])), Err(ValueErrorKind::Range));
    assert_eq!(read::<NaiveDate>(Date32Array::from(vec![i32::MAX])), Err(ValueErrorKind::Range));
    assert_eq!(read::<NaiveTime>(Time32SecondArray::from(vec![1])), Ok(second().time()));
    for outside in [-1, 86_400_000_000] {
        assert_eq!(read::<NaiveTime>(Time64MicrosecondArray::from(vec![outside])), Err(ValueErrorKind::Range));
    }
    assert_eq!(read::<TimeDelta>(DurationSecondArray::from(vec![-1])), Ok(TimeDelta::seconds(-1)));
    assert_eq!(read::<TimeDelta>(DurationNanosecondArray::from(vec![1])), Err(ValueErrorKind::Range));
}

#[test]
fn an_instant_is_the_same_in_every_zone_but_not_without_one() {
    let array = TimestampMicrosecondArray::from(vec![0]);
    assert_eq!(read::<DateTime<Utc>>(array.clone().with_timezone("+02:00")), Ok(DateTime::UNIX_EPOCH));
    assert_eq!(read::<DateTime<Utc>>(array.clone()), Err(ValueErrorKind::Type));
    assert_eq!(read::<NaiveDateTime>(array.with_timezone("UTC")), Err(ValueErrorKind::Type));
    let far = TimestampMicrosecondArray::from(vec![i64::MAX]);
    assert_eq!(read::<NaiveDateTime>(far), Err(ValueErrorKind::Range));
}

#[test]
fn decimals_of_another_scale_when_exact() {
    let with = |value, scale| Decimal128Array::from(vec![value]).with_precision_and_scale(38, scale).unwrap();
    assert_eq!(read::<Decimal<20, 4>>(with(15, 1)), Ok(amount("1.5")));
    assert_eq!(read::<Decimal<20, 4>>(with(1_500_000, 6)), Ok(amount("1.5")));
    assert_eq!(read::<Decimal<20, 4>>(with(1, 6)), Err(ValueErrorKind::Range));
    assert_eq!(read::<Decimal<20, 4>>(with(10_i128.pow(20), 4)), Err(ValueErrorKind::Range));
    assert_eq!(read::<Decimal<20, 4>>(with(i128::MIN, 0)), Err(ValueErrorKind::Range));
    let narrow = Decimal64Array::from(vec![15]).with_precision_and_scale(18, 1).unwrap();
    assert_eq!(read::<Decimal<20, 4>>(narrow), Ok(amount("1.5")));
    let wide = |value| Decimal256Array::from(vec![value]).with_precision_and_scale(76, 4).unwrap();
    assert_eq!(read::<Decimal<20, 4>>(wide(i256::from_i128(15_000))), Ok(amount("1.5")));
    assert_eq!(read::<Decimal<20, 4>>(wide(i256::MAX)), Err(ValueErrorKind::Range));
    assert_eq!(read::<Decimal<20, 4>>(Int64Array::from(vec![1])), Err(ValueErrorKind::Type));
}

#[test]
fn any_list_type() {
    let large = LargeListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1), Some(2)])]);
    assert_eq!(read::<Vec<i64>>(large), Ok(vec![1, 2]));
    let mut fixed = FixedSizeListBuilder::new(Int64Builder::new(), 2);
    for value in 0..4 {
        fixed.values().append_value(value);
        if value % 2 == 1 {
            fixed.append(true);
        }
    }
    let fixed = fixed.finish();
    assert_eq!(Vec::<i64>::from_array(&fixed, 1).unwrap(), [2, 3]);
    assert_eq!(Vec::<i64>::from_array(&fixed.slice(1, 1), 0).unwrap(), [2, 3]);
    let view = ListViewArray::from_iter_primitive::<Int64Type, _, _>([Some([Some(5)])]);
    assert_eq!(read::<Vec<i64>>(view), Ok(vec![5]));
    assert_eq!(read::<Vec<i64>>(Int64Array::from(vec![1])), Err(ValueErrorKind::Type));
}

#[test]
fn the_place_of_an_error_is_named() {
    let items = LargeListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1), None])]);
    let error = Vec::<i64>::from_array(&items, 0).unwrap_err();
    assert_eq!(error.to_string(), "[1]: null for a value that is not optional");
}

#[test]
fn encoded_arrays_stand_for_their_values() {
    let values: ArrayRef = Arc::new(Int64Array::from(vec![Some(7), None]));
    let dictionary =
        DictionaryArray::<Int8Type>::new(Int8Array::from(vec![Some(0), Some(1), None]), Arc::clone(&values));
    let runs = RunArray::<Int32Type>::try_new(&Int32Array::from(vec![2, 3]), &values).unwrap();
    let arrays: [(ArrayRef, [Option<i64>; 3]); 2] =
        [(Arc::new(dictionary), [Some(7), None, None]), (Arc::new(runs), [Some(7), Some(7), None])];
    for (array, expected) in arrays {
        for (row, expected) in expected.into_iter().enumerate() {
            assert_eq!(Option::<i64>::from_array(&array, row).unwrap(), expected);
            match expected {
                Some(expected) => assert_eq!(i64::from_array(&array, row).unwrap(), expected),
                None => assert_eq!(i64::from_array(&array, row).unwrap_err().kind(), ValueErrorKind::Null),
            }
        }
        assert_eq!(i64::from_array(&array.slice(1, 2), 5).unwrap_err().kind(), ValueErrorKind::Array);
    }
}

#[test]
fn a_null_array_is_all_nulls() {
    assert_eq!(read::<Option<i64>>(NullArray::new(1)), Ok(None));
    assert_eq!(read::<Option<Vec<String>>>(NullArray::new(1)), Ok(None));
    assert_eq!(read::<i64>(NullArray::new(1)), Err(ValueErrorKind::Null));
    assert_eq!(read::<String>(NullArray::new(1)), Err(ValueErrorKind::Null));
}
