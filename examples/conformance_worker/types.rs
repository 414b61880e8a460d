//! The record types of the conformance protocols.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use bytes::Bytes;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use tower_vgi::VgiArrow;
use tower_vgi::value::{Decimal, DictionaryString, LargeBinary, LargeString};

/// The decimals of the conformance protocols.
pub(crate) type Amount = Decimal<20, 4>;

/// An enum: on the wire the name. The lower-case forms are the values of the reference's enum, which it reads too.
#[derive(VgiArrow, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[vgi(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Status {
    #[vgi(alias = "pending")]
    Pending,
    #[vgi(alias = "active")]
    Active,
    #[vgi(alias = "closed")]
    Closed,
}

/// A point in the plane.
#[derive(VgiArrow, Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
}

/// Structs within a struct.
#[derive(VgiArrow, Clone, Debug, PartialEq)]
pub(crate) struct BoundingBox {
    pub(crate) top_left: Point,
    pub(crate) bottom_right: Point,
    pub(crate) label: String,
}

/// One field of each kind that needs no annotation.
#[derive(VgiArrow, Clone, Debug, PartialEq)]
pub(crate) struct AllTypes {
    pub(crate) str_field: String,
    pub(crate) bytes_field: Bytes,
    pub(crate) int_field: i64,
    pub(crate) float_field: f64,
    pub(crate) bool_field: bool,
    pub(crate) list_of_int: Vec<i64>,
    pub(crate) list_of_str: Vec<String>,
    pub(crate) dict_field: BTreeMap<String, i64>,
    pub(crate) enum_field: Status,
    pub(crate) nested_point: Point,
    pub(crate) optional_str: Option<String>,
    pub(crate) optional_int: Option<i64>,
    pub(crate) optional_nested: Option<Point>,
    pub(crate) list_of_nested: Vec<Point>,
    pub(crate) annotated_int32: i32,
    pub(crate) annotated_float32: f32,
    pub(crate) nested_list: Vec<Vec<i64>>,
    pub(crate) dict_str_str: BTreeMap<String, String>,
}

/// One field of each Arrow type.
#[derive(VgiArrow, Clone, Debug, PartialEq)]
pub(crate) struct WideTypes {
    pub(crate) int8_field: i8,
    pub(crate) int16_field: i16,
    pub(crate) int32_field: i32,
    pub(crate) uint8_field: u8,
    pub(crate) uint16_field: u16,
    pub(crate) uint32_field: u32,
    pub(crate) uint64_field: u64,
    pub(crate) float32_field: f32,
    pub(crate) date_field: NaiveDate,
    pub(crate) timestamp_field: NaiveDateTime,
    pub(crate) timestamp_utc_field: DateTime<Utc>,
    pub(crate) time_field: NaiveTime,
    pub(crate) duration_field: TimeDelta,
    pub(crate) decimal_field: Amount,
    pub(crate) large_string_field: LargeString,
    pub(crate) large_binary_field: LargeBinary,
    pub(crate) fixed_binary_field: [u8; 8],
}

/// Such types within containers.
#[derive(VgiArrow, Clone, Debug, PartialEq)]
pub(crate) struct ContainerWideTypes {
    pub(crate) list_decimal: Vec<Amount>,
    pub(crate) list_date: Vec<NaiveDate>,
    pub(crate) list_timestamp: Vec<NaiveDateTime>,
    pub(crate) optional_date: Option<NaiveDate>,
    pub(crate) optional_decimal: Option<Amount>,
    pub(crate) optional_timestamp: Option<NaiveDateTime>,
    pub(crate) dict_str_decimal: BTreeMap<String, Amount>,
    pub(crate) frozenset_int: BTreeSet<i64>,
    pub(crate) list_optional_int: Vec<Option<i64>>,
}

/// Containers within containers, and dictionary-encoded text.
#[derive(VgiArrow, Clone, Debug, PartialEq)]
pub(crate) struct DeepNested {
    pub(crate) list_of_lists_decimal: Vec<Vec<Amount>>,
    pub(crate) optional_list_date: Option<Vec<NaiveDate>>,
    pub(crate) dict_encoded_string: DictionaryString,
    pub(crate) list_of_dict_encoded: Vec<DictionaryString>,
}

/// A batch and a schema as values.
#[derive(VgiArrow, Clone, Debug, PartialEq)]
pub(crate) struct EmbeddedArrow {
    pub(crate) batch: RecordBatch,
    pub(crate) schema: SchemaRef,
}

/// Enums, records and batches within containers.
#[derive(VgiArrow, Clone, Debug, PartialEq)]
pub(crate) struct NestedContainers {
    pub(crate) statuses: Vec<Status>,
    pub(crate) points: Vec<Point>,
    pub(crate) status_by_name: BTreeMap<String, Status>,
    pub(crate) frozen_statuses: BTreeSet<Status>,
    pub(crate) tagged_status: Option<Status>,
    pub(crate) tagged_point: Option<Point>,
    pub(crate) tagged_batch: Option<RecordBatch>,
}

/// The header of a stream.
#[derive(VgiArrow, Clone, Debug, PartialEq)]
pub(crate) struct ConformanceHeader {
    pub(crate) total_expected: i64,
    pub(crate) description: String,
}

/// A header with many types.
#[derive(VgiArrow, Clone, Debug, PartialEq)]
pub(crate) struct RichHeader {
    pub(crate) str_field: String,
    pub(crate) bytes_field: Bytes,
    pub(crate) int_field: i64,
    pub(crate) float_field: f64,
    pub(crate) bool_field: bool,
    pub(crate) list_of_int: Vec<i64>,
    pub(crate) list_of_str: Vec<String>,
    pub(crate) dict_field: BTreeMap<String, i64>,
    pub(crate) enum_field: Status,
    pub(crate) nested_point: Point,
    pub(crate) optional_str: Option<String>,
    pub(crate) optional_int: Option<i64>,
    pub(crate) optional_nested: Option<Point>,
    pub(crate) list_of_nested: Vec<Point>,
    pub(crate) nested_list: Vec<Vec<i64>>,
    pub(crate) annotated_int32: i32,
    pub(crate) annotated_float32: f32,
    pub(crate) dict_str_str: BTreeMap<String, String>,
}

impl RichHeader {
    /// The header that every implementation builds from a seed, where remainders are never negative.
    pub(crate) fn from_seed(seed: i64) -> Self {
        let byte = |offset: i64| (seed + offset).rem_euclid(256) as u8;
        let float = seed as f64;
        Self {
            str_field: format!("seed-{seed}"),
            bytes_field: Bytes::from(vec![byte(0), byte(1), byte(2)]),
            int_field: seed * 7,
            float_field: float * 1.5,
            bool_field: seed % 2 == 0,
            list_of_int: vec![seed, seed + 1, seed + 2],
            list_of_str: vec![format!("item-{seed}"), format!("item-{}", seed + 1)],
            dict_field: BTreeMap::from([("a".to_owned(), seed), ("b".to_owned(), seed + 1)]),
            enum_field: match seed.rem_euclid(3) {
                0 => Status::Pending,
                1 => Status::Active,
                _ => Status::Closed,
            },
            nested_point: Point { x: float, y: float * 2.0 },
            optional_str: (seed % 2 == 0).then(|| format!("opt-{seed}")),
            optional_int: (seed % 2 != 0).then_some(seed * 3),
            optional_nested: (seed % 3 == 0).then_some(Point { x: float, y: 0.0 }),
            list_of_nested: vec![Point { x: float, y: (seed + 1) as f64 }],
            nested_list: vec![vec![seed, seed + 1], vec![seed + 2]],
            annotated_int32: seed.rem_euclid(1000) as i32,
            annotated_float32: (float / 3.0) as f32,
            dict_str_str: BTreeMap::from([("key".to_owned(), format!("val-{seed}"))]),
        }
    }
}
