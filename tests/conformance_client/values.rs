//! Arguments: ordinary ones, and those at the edges.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use bytes::Bytes;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use tower_vgi::value::{DictionaryString, LargeBinary, LargeString};

use crate::types::{
    AllTypes, Amount, BoundingBox, ContainerWideTypes, DeepNested, EmbeddedArrow, Point, Status, WideTypes,
};

pub(crate) fn date() -> NaiveDate {
    NaiveDate::from_ymd_opt(2024, 2, 29).unwrap()
}

pub(crate) fn time() -> NaiveTime {
    NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999).unwrap()
}

pub(crate) fn timestamp() -> NaiveDateTime {
    date().and_time(time())
}

pub(crate) fn moment() -> DateTime<Utc> {
    timestamp().and_utc()
}

pub(crate) fn duration() -> TimeDelta {
    TimeDelta::microseconds(-1_234_567_890)
}

pub(crate) fn amount(mantissa: i128) -> Amount {
    Amount::new(mantissa).unwrap()
}

pub(crate) fn point(x: f64, y: f64) -> Point {
    Point { x, y }
}

pub(crate) fn bounding_box() -> BoundingBox {
    BoundingBox { top_left: point(0.0, -1.5), bottom_right: point(1e300, 2.25), label: "β".to_owned() }
}

pub(crate) fn all_types(with_options: bool) -> AllTypes {
    AllTypes {
        str_field: "text \u{1f600}".to_owned(),
        bytes_field: Bytes::from_static(b"\x00\xff"),
        int_field: i64::MIN,
        float_field: f64::MIN_POSITIVE,
        bool_field: true,
        list_of_int: vec![1, -2, i64::MAX],
        list_of_str: vec![String::new(), "b".to_owned()],
        dict_field: BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]),
        enum_field: Status::Active,
        nested_point: point(1.0, 2.0),
        optional_str: with_options.then(|| "here".to_owned()),
        optional_int: with_options.then_some(7),
        optional_nested: with_options.then_some(Point { x: 3.0, y: 4.0 }),
        list_of_nested: vec![point(5.0, 6.0)],
        annotated_int32: i32::MIN,
        annotated_float32: 0.5,
        nested_list: vec![vec![1], vec![], vec![2, 3]],
        dict_str_str: BTreeMap::from([("k".to_owned(), "v".to_owned())]),
    }
}

pub(crate) fn wide_types() -> WideTypes {
    WideTypes {
        int8_field: i8::MIN,
        int16_field: i16::MIN,
        int32_field: i32::MAX,
        uint8_field: u8::MAX,
        uint16_field: u16::MAX,
        uint32_field: u32::MAX,
        uint64_field: u64::MAX,
        float32_field: 1.5,
        date_field: date(),
        timestamp_field: timestamp(),
        timestamp_utc_field: moment(),
        time_field: time(),
        duration_field: duration(),
        decimal_field: amount(-123_456_789),
        large_string_field: LargeString("large".to_owned()),
        large_binary_field: LargeBinary(Bytes::from_static(b"large")),
        fixed_binary_field: *b"12345678",
    }
}

pub(crate) fn container_wide_types(with_options: bool) -> ContainerWideTypes {
    ContainerWideTypes {
        list_decimal: vec![amount(1), amount(-20_000)],
        list_date: vec![date()],
        list_timestamp: vec![timestamp()],
        optional_date: with_options.then(date),
        optional_decimal: with_options.then(|| amount(5)),
        optional_timestamp: with_options.then(timestamp),
        dict_str_decimal: BTreeMap::from([("a".to_owned(), amount(10_000))]),
        frozenset_int: BTreeSet::from([1, 2, 3]),
        list_optional_int: vec![Some(1), None, Some(3)],
    }
}

pub(crate) fn deep_nested(with_options: bool) -> DeepNested {
    DeepNested {
        list_of_lists_decimal: vec![vec![amount(1)], vec![]],
        optional_list_date: with_options.then(|| vec![date()]),
        dict_encoded_string: DictionaryString("once".to_owned()),
        list_of_dict_encoded: vec![DictionaryString("a".to_owned()), DictionaryString("a".to_owned())],
    }
}

pub(crate) fn batch() -> RecordBatch {
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
    RecordBatch::try_from_iter_with_nullable([("numbers", numbers, true), ("texts", texts, true)]).unwrap()
}

pub(crate) fn embedded_arrow() -> EmbeddedArrow {
    EmbeddedArrow { schema: batch().schema(), batch: batch() }
}
