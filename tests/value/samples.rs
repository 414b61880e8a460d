//! The values behind the payloads in tests/data/value, as generate.py has them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::{Int32Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use bytes::Bytes;
use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use crate::types::*;

pub(crate) const POINT: Point = Point { x: 1.5, y: -2.5 };

pub(crate) fn batch() -> RecordBatch {
    let schema = Schema::new(vec![Field::new("n", DataType::Int32, true), Field::new("s", DataType::Utf8, true)]);
    let columns: Vec<arrow_array::ArrayRef> = vec![
        Arc::new(Int32Array::from(vec![Some(1), None, Some(3)])),
        Arc::new(StringArray::from(vec![Some("a"), Some("b"), None])),
    ];
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

pub(crate) fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

fn noon() -> NaiveDateTime {
    date(2026, 4, 25).and_hms_micro_opt(12, 30, 45, 123_456).unwrap()
}

pub(crate) fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

pub(crate) fn bounding_boxes() -> Vec<BoundingBox> {
    vec![BoundingBox {
        top_left: Point { x: 0.0, y: 10.0 },
        bottom_right: Point { x: 10.0, y: 0.0 },
        label: "box".to_owned(),
    }]
}

pub(crate) fn headers() -> Vec<ConformanceHeader> {
    vec![ConformanceHeader { total_expected: 7, description: "seven".to_owned() }]
}

pub(crate) fn rich_headers() -> Vec<RichHeader> {
    (0..6).map(RichHeader::from_seed).collect()
}

pub(crate) fn all_types() -> Vec<AllTypes> {
    vec![
        AllTypes {
            str_field: "héllo".to_owned(),
            bytes_field: Bytes::from_static(b"\x00\xff"),
            int_field: i64::MIN,
            float_field: 1e300,
            bool_field: true,
            list_of_int: vec![1, 2, 3],
            list_of_str: vec!["a".to_owned(), String::new()],
            dict_field: BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), -2)]),
            enum_field: Status::Active,
            nested_point: POINT,
            optional_str: Some("some".to_owned()),
            optional_int: Some(42),
            optional_nested: Some(POINT),
            list_of_nested: vec![POINT, Point::default()],
            annotated_int32: i32::MAX,
            annotated_float32: 0.5,
            nested_list: vec![vec![1], vec![], vec![2, 3]],
            dict_str_str: BTreeMap::from([("k".to_owned(), "v".to_owned())]),
        },
        AllTypes {
            str_field: String::new(),
            bytes_field: Bytes::new(),
            int_field: 0,
            float_field: 0.0,
            bool_field: false,
            list_of_int: vec![],
            list_of_str: vec![],
            dict_field: BTreeMap::new(),
            enum_field: Status::Pending,
            nested_point: POINT,
            optional_str: None,
            optional_int: None,
            optional_nested: None,
            list_of_nested: vec![],
            annotated_int32: 0,
            annotated_float32: 0.0,
            nested_list: vec![],
            dict_str_str: BTreeMap::new(),
        },
    ]
}

pub(crate) fn wide_types() -> Vec<WideTypes> {
    vec![WideTypes {
        int8_field: i8::MIN,
        int16_field: i16::MIN,
        int32_field: i32::MIN,
        uint8_field: u8::MAX,
        uint16_field: u16::MAX,
        uint32_field: u32::MAX,
        uint64_field: u64::MAX,
        float32_field: 0.25,
        date_field: date(2026, 4, 25),
        timestamp_field: noon(),
        timestamp_utc_field: noon().and_utc(),
        time_field: NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999).unwrap(),
        duration_field: TimeDelta::days(-1) + TimeDelta::microseconds(5),
        decimal_field: amount("-12345.6789"),
        large_string_field: "large".into(),
        large_binary_field: vec![1, 2].into(),
        fixed_binary_field: *b"12345678",
    }]
}

pub(crate) fn container_wide_types() -> Vec<ContainerWideTypes> {
    vec![ContainerWideTypes {
        list_decimal: vec![amount("1.5"), amount("-2.25")],
        list_date: vec![date(1970, 1, 1), date(1969, 12, 31)],
        list_timestamp: vec![date(2000, 1, 1).and_hms_micro_opt(0, 0, 0, 1).unwrap()],
        optional_date: None,
        optional_decimal: Some(amount("99")),
        optional_timestamp: None,
        dict_str_decimal: BTreeMap::from([("a".to_owned(), amount("0.0001"))]),
        frozenset_int: BTreeSet::from([1, 2, 3]),
        list_optional_int: vec![Some(1), None, Some(3)],
    }]
}

pub(crate) fn deep_nested() -> Vec<DeepNested> {
    vec![
        DeepNested {
            list_of_lists_decimal: vec![vec![amount("1")], vec![]],
            optional_list_date: Some(vec![date(2026, 1, 1)]),
            dict_encoded_string: "red".into(),
            list_of_dict_encoded: vec!["red".into(), "green".into(), "red".into()],
        },
        DeepNested {
            list_of_lists_decimal: vec![],
            optional_list_date: None,
            dict_encoded_string: "".into(),
            list_of_dict_encoded: vec![],
        },
    ]
}

pub(crate) fn embedded() -> Vec<EmbeddedArrow> {
    vec![EmbeddedArrow { batch: batch(), schema: batch().schema() }]
}

pub(crate) fn nested_containers() -> Vec<NestedContainers> {
    vec![
        NestedContainers {
            statuses: vec![Status::Closed, Status::Pending],
            points: vec![POINT],
            status_by_name: BTreeMap::from([("x".to_owned(), Status::Active)]),
            frozen_statuses: BTreeSet::from([Status::Closed]),
            tagged_status: Some(Status::Active),
            tagged_point: Some(POINT),
            tagged_batch: Some(batch()),
        },
        NestedContainers {
            statuses: vec![],
            points: vec![],
            status_by_name: BTreeMap::new(),
            frozen_statuses: BTreeSet::new(),
            tagged_status: None,
            tagged_point: None,
            tagged_batch: None,
        },
    ]
}
