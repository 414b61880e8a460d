//! Every row of the table of types: the exact Arrow type and nullability, and the way there and back.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Debug;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int16Type;
use arrow_array::{Array, BinaryArray, Int16Array, RecordBatch};
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use bytes::Bytes;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use indexmap::{IndexMap, IndexSet};
use tower_vgi::VgiArrow;
use tower_vgi::value::{Decimal, DictionaryString, LargeBinary, LargeString, ValueErrorKind};

use crate::samples::{amount, batch, date};
use crate::types::{Point, Status};

/// The type, and round trips: as a parameter, as one column with nulls between, and out of a slice of it.
fn check<T: VgiArrow + PartialEq + Debug>(expected: &DataType, values: &[T]) {
    assert_eq!(T::field("f"), Field::new("f", expected.clone(), false));
    for value in values {
        let column = value.to_parameter().unwrap();
        assert_eq!((column.data_type(), column.len(), column.null_count()), (&T::parameter_type(), 1, 0));
        assert_eq!(&T::from_parameter(&column, 0).unwrap(), value);
    }

    let rows = || values.iter().flat_map(|value| [Some(value), None]);
    let column = T::to_array(rows()).unwrap();
    assert_eq!((column.data_type(), column.len()), (expected, values.len() * 2));
    assert_eq!(column.null_count(), values.len());
    for (row, value) in rows().enumerate() {
        let slice = column.slice(row, 1);
        for (column, row) in [(&column, row), (&slice, 0)] {
            assert_eq!(Option::<T>::from_array(column, row).unwrap().as_ref(), value);
            match value {
                Some(value) => assert_eq!(&T::from_array(column, row).unwrap(), value),
                None => assert_eq!(T::from_array(column, row).unwrap_err().kind(), ValueErrorKind::Null),
            }
        }
    }
    assert_eq!(T::from_array(&column, column.len()).unwrap_err().kind(), ValueErrorKind::Array);
    assert_eq!(T::to_array([None; 0].into_iter()).unwrap().len(), 0);
    check_optional::<T>(values);
}

fn check_optional<T: VgiArrow + PartialEq + Debug>(values: &[T]) {
    assert_eq!(Option::<T>::field("f"), T::field("f").with_nullable(true));
    assert_eq!(Option::<T>::parameter_field("f"), T::parameter_field("f").with_nullable(true));
    assert_eq!(Option::<T>::is_record(), T::is_record());
    let none = None::<T>.to_parameter().unwrap();
    assert_eq!((none.data_type(), none.len(), none.null_count()), (&T::parameter_type(), 1, 1));
    assert_eq!(Option::<T>::from_parameter(&none, 0).unwrap(), None);
    assert_eq!(T::from_parameter(&none, 0).unwrap_err().kind(), ValueErrorKind::Null);
    for value in values {
        let column = value.to_parameter().unwrap();
        assert_eq!(Option::<T>::from_parameter(&column, 0).unwrap().as_ref(), Some(value));
    }
}

fn list(items: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", items, true)))
}

fn map(keys: DataType, values: DataType) -> DataType {
    let entries = Fields::from(vec![Field::new("key", keys, false), Field::new("value", values, true)]);
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries), false)), false)
}

fn dictionary() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int16), Box::new(DataType::Utf8))
}

fn strings<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

#[test]
fn numbers() {
    check::<bool>(&DataType::Boolean, &[true, false]);
    check::<i8>(&DataType::Int8, &[i8::MIN, 0, i8::MAX]);
    check::<i16>(&DataType::Int16, &[i16::MIN, 0, i16::MAX]);
    check::<i32>(&DataType::Int32, &[i32::MIN, 0, i32::MAX]);
    check::<i64>(&DataType::Int64, &[i64::MIN, 0, i64::MAX]);
    check::<u8>(&DataType::UInt8, &[0, u8::MAX]);
    check::<u16>(&DataType::UInt16, &[0, u16::MAX]);
    check::<u32>(&DataType::UInt32, &[0, u32::MAX]);
    check::<u64>(&DataType::UInt64, &[0, u64::MAX]);
    check::<f32>(&DataType::Float32, &[-0.5, f32::MAX, f32::INFINITY]);
    check::<f64>(&DataType::Float64, &[-0.5, f64::MAX, f64::NEG_INFINITY]);
}

#[test]
fn text_and_bytes() {
    check::<String>(&DataType::Utf8, &strings(["", "héllo", "\0", &"é".repeat(2_000)]));
    check::<LargeString>(&DataType::LargeUtf8, &["".into(), "héllo".into()]);
    check::<DictionaryString>(&dictionary(), &["b".into(), "a".into(), "b".into(), "".into()]);
    check::<Vec<u8>>(&DataType::Binary, &[vec![], vec![0, 255]]);
    check::<Bytes>(&DataType::Binary, &[Bytes::new(), Bytes::from_static(b"\x00\xff")]);
    check::<LargeBinary>(&DataType::LargeBinary, &[vec![].into(), vec![0, 255].into()]);
    check::<[u8; 8]>(&DataType::FixedSizeBinary(8), &[*b"12345678", [0; 8]]);
    check::<[u8; 0]>(&DataType::FixedSizeBinary(0), &[[], []]);
}

#[test]
fn dates_and_times() {
    let instant = date(2026, 4, 25).and_hms_micro_opt(1, 2, 3, 456_789).unwrap();
    check::<NaiveDate>(&DataType::Date32, &[date(1, 1, 1), date(1970, 1, 1), NaiveDate::MIN, NaiveDate::MAX]);
    check::<NaiveTime>(&DataType::Time64(TimeUnit::Microsecond), &[NaiveTime::MIN, instant.time()]);
    check::<NaiveDateTime>(
        &DataType::Timestamp(TimeUnit::Microsecond, None),
        &[instant, date(1969, 12, 31).and_hms_micro_opt(23, 59, 59, 999_999).unwrap(), NaiveDateTime::MIN],
    );
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    check::<DateTime<Utc>>(&utc, &[instant.and_utc(), DateTime::UNIX_EPOCH]);
    let spans = [TimeDelta::zero(), TimeDelta::microseconds(-1), TimeDelta::microseconds(i64::MAX)];
    check::<TimeDelta>(&DataType::Duration(TimeUnit::Microsecond), &spans);
}

#[test]
fn finer_parts_than_microseconds_are_cut_off() {
    let time = NaiveTime::from_hms_nano_opt(0, 0, 0, 1_999).unwrap();
    let read = NaiveTime::from_parameter(&time.to_parameter().unwrap(), 0).unwrap();
    assert_eq!(read, NaiveTime::from_hms_micro_opt(0, 0, 0, 1).unwrap());
}

#[test]
fn decimals() {
    let values = [amount("1.5"), amount("-0.0001"), Decimal::MAX, Decimal::MIN];
    check::<Decimal<20, 4>>(&DataType::Decimal128(20, 4), &values);
    check::<Decimal<38, 0>>(&DataType::Decimal128(38, 0), &[Decimal::MAX, Decimal::MIN]);
    check::<Decimal<3, -2>>(&DataType::Decimal128(3, -2), &["99900".parse().unwrap()]);
}

#[test]
fn decimals_as_text() {
    for (text, shown) in [("1.5", "1.5000"), ("-.0001", "-0.0001"), ("+007.", "7.0000"), ("0.10000000", "0.1000")] {
        assert_eq!(amount(text).to_string(), shown);
    }
    assert_eq!(format!("{:>10}|{:+}", amount("1"), amount("2")), "    1.0000|+2.0000");
    assert_eq!("1200".parse::<Decimal<3, -2>>().unwrap().to_string(), "1200");
    for text in ["", ".", "-", "1e5", "1.2.3", "--1", "0.00001", "10000000000000000", "9".repeat(60).as_str()] {
        assert!(text.parse::<Decimal<20, 4>>().is_err(), "{text}");
    }
    assert!("1201".parse::<Decimal<3, -2>>().is_err());
}

#[test]
fn decimals_keep_their_digits_through_serde() {
    let value = amount("-12.34");
    let json = serde_json::to_string(&value).unwrap();
    assert_eq!(json, "\"-12.3400\"");
    assert_eq!(serde_json::from_str::<Decimal<20, 4>>(&json).unwrap(), value);
}

#[test]
fn wrappers_keep_their_value_through_serde() {
    let bytes = LargeBinary::from(vec![0, 255]);
    assert_eq!(serde_json::from_str::<LargeBinary>(&serde_json::to_string(&bytes).unwrap()).unwrap(), bytes);
    let text = DictionaryString::from("a");
    assert_eq!(serde_json::to_string(&text).unwrap(), "\"a\"");
}

#[test]
fn lists_and_sets() {
    check::<Vec<i64>>(&list(DataType::Int64), &[vec![], vec![1, 2, 3], vec![4]]);
    check::<Vec<Option<i64>>>(&list(DataType::Int64), &[vec![Some(1), None], vec![]]);
    check::<Vec<String>>(&list(DataType::Utf8), &[strings(["a", ""])]);
    check::<Vec<Vec<u8>>>(&list(DataType::Binary), &[vec![vec![], vec![1]]]);
    check::<Vec<Vec<i64>>>(&list(list(DataType::Int64)), &[vec![vec![1], vec![], vec![2, 3]], vec![]]);
    check::<Vec<Decimal<20, 4>>>(&list(DataType::Decimal128(20, 4)), &[vec![amount("1")]]);
    check::<BTreeSet<u8>>(&list(DataType::UInt8), &[BTreeSet::from([2, 1]), BTreeSet::new()]);
    check::<HashSet<String>>(&list(DataType::Utf8), &[HashSet::from(["b".to_owned(), "a".to_owned()])]);
    check::<IndexSet<i64>>(&list(DataType::Int64), &[IndexSet::from([2, 1])]);
}

#[test]
fn maps() {
    let pairs = [("b".to_owned(), 1_i64), ("a".to_owned(), 2)];
    let expected = map(DataType::Utf8, DataType::Int64);
    check::<BTreeMap<String, i64>>(&expected, &[BTreeMap::from(pairs.clone()), BTreeMap::new()]);
    check::<HashMap<String, i64>>(&expected, &[HashMap::from(pairs.clone()), HashMap::new()]);
    check::<IndexMap<String, i64>>(&expected, &[IndexMap::from(pairs.clone()), IndexMap::new()]);
    check::<BTreeMap<i64, Option<Vec<u8>>>>(
        &map(DataType::Int64, DataType::Binary),
        &[BTreeMap::from([(1, None), (2, Some(vec![3]))])],
    );
    let ordered = IndexMap::<String, i64>::from(pairs).to_parameter().unwrap();
    assert!(IndexMap::<String, i64>::from_array(&ordered, 0).unwrap().keys().eq(["b", "a"]));
}

#[test]
fn enums() {
    check::<Status>(&dictionary(), &[Status::Closed, Status::Pending, Status::Closed]);
    check::<Vec<Status>>(&list(dictionary()), &[vec![Status::Active, Status::Active], vec![]]);
    let statuses = BTreeMap::from([("a".to_owned(), Status::Active)]);
    check::<BTreeMap<String, Status>>(&map(DataType::Utf8, dictionary()), &[statuses]);
}

#[test]
fn records() {
    let point = DataType::Struct(Fields::from(vec![
        Field::new("x", DataType::Float64, false),
        Field::new("y", DataType::Float64, false),
    ]));
    let values = [Point { x: 1.0, y: 2.0 }, Point::default()];
    check::<Point>(&point, &values);
    check::<Box<Point>>(&point, &values.map(Box::new));
    check::<Vec<Point>>(&list(point.clone()), &[values.to_vec(), vec![]]);
    check::<Vec<Option<Point>>>(&list(point), &[vec![None, Some(values[0])]]);
    assert_eq!((Point::parameter_type(), Point::is_record()), (DataType::Binary, true));
    assert_eq!(Vec::<Point>::parameter_type(), Vec::<Point>::data_type());
    assert!(!Vec::<Point>::is_record());
}

#[test]
fn batches_and_schemas() {
    let mut schema = batch().schema().as_ref().clone();
    schema.metadata.insert("k".to_owned(), "v".to_owned());
    check::<RecordBatch>(&DataType::Binary, &[batch(), RecordBatch::new_empty(batch().schema())]);
    check::<Schema>(&DataType::Binary, &[schema.clone(), Schema::empty()]);
    check::<SchemaRef>(&DataType::Binary, &[Arc::new(schema)]);
}

#[test]
fn a_batch_or_schema_of_no_bytes_is_absent() {
    let empty = BinaryArray::from(vec![b"".as_slice()]);
    assert_eq!(Option::<RecordBatch>::from_parameter(&empty, 0).unwrap(), None);
    assert_eq!(Option::<SchemaRef>::from_parameter(&empty, 0).unwrap(), None);
    assert_eq!(RecordBatch::from_parameter(&empty, 0).unwrap_err().kind(), ValueErrorKind::Payload);
    assert_eq!(Schema::from_parameter(&empty, 0).unwrap_err().kind(), ValueErrorKind::Payload);
    assert_eq!(Option::<Bytes>::from_parameter(&empty, 0).unwrap(), Some(Bytes::new()));
}

#[test]
fn bytes_are_not_copied_in_either_direction() {
    let value = Bytes::from(vec![7; 1 << 20]);
    let column = value.to_parameter().unwrap();
    assert_eq!(column.as_binary::<i32>().value(0).as_ptr(), value.as_ptr());
    let read = Bytes::from_parameter(&column, 0).unwrap();
    assert_eq!((read.as_ptr(), read.len()), (value.as_ptr(), value.len()));

    let large = LargeBinary(value.clone());
    let column = large.to_parameter().unwrap();
    assert_eq!(LargeBinary::from_parameter(&column, 0).unwrap().as_ptr(), value.as_ptr());
}

#[test]
fn a_dictionary_holds_each_text_once_in_order_of_occurrence() {
    let texts = ["b", "a", "a", "b", "c"].map(DictionaryString::from);
    let column = DictionaryString::to_array(texts.iter().map(Some)).unwrap();
    let column = column.as_dictionary::<Int16Type>();
    assert_eq!(column.keys(), &Int16Array::from(vec![0, 1, 1, 0, 2]));
    assert_eq!(column.values().as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["b", "a", "c"]);
}

#[test]
fn a_dictionary_is_full_at_32768_texts() {
    let texts: Vec<_> = (0..=32_768).map(|number| DictionaryString(number.to_string())).collect();
    let full = DictionaryString::to_array(texts[..32_768].iter().map(Some)).unwrap();
    assert_eq!(DictionaryString::from_array(&full, 32_767).unwrap(), "32767");
    let error = DictionaryString::to_array(texts.iter().map(Some)).unwrap_err();
    assert_eq!(error.kind(), ValueErrorKind::Range);
}

#[test]
fn values_that_do_not_fit_are_errors() {
    let leap = NaiveTime::from_hms_micro_opt(23, 59, 59, 1_500_000).unwrap();
    assert_eq!(leap.to_parameter().unwrap_err().kind(), ValueErrorKind::Range);
    assert_eq!(TimeDelta::MAX.to_parameter().unwrap_err().kind(), ValueErrorKind::Range);
    assert_eq!(Decimal::<3, 1>::new(1_000).unwrap_err().kind(), ValueErrorKind::Range);
}

#[test]
fn a_null_key_is_an_error() {
    let map = BTreeMap::from([(None::<String>, 1_i64)]);
    assert!(map.to_parameter().is_err());
}
