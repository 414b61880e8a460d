//! Round trips of arbitrary values, and payloads damaged at will.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::{Array, BinaryArray};
use bytes::Bytes;
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use tower_vgi::value::{Decimal, DictionaryString, LargeBinary, LargeString};
use tower_vgi::{Record, VgiArrow};

use crate::samples;
use crate::types::{AllTypes, EmbeddedArrow, NestedContainers, Status, WideTypes};

/// Containers and wide types within each other.
#[derive(VgiArrow, Clone, Debug, PartialEq)]
struct Mixed {
    numbers: Numbers,
    texts: Vec<Option<DictionaryString>>,
    by_name: BTreeMap<String, Option<Numbers>>,
    sets: Option<BTreeSet<Vec<u8>>>,
    statuses: BTreeMap<i64, Vec<Status>>,
    nested: Vec<Vec<Option<Vec<LargeString>>>>,
    #[vgi(binary)]
    payload: Option<Numbers>,
}

#[derive(VgiArrow, Clone, Debug, PartialEq)]
struct Numbers {
    integer: i64,
    byte: u8,
    float: f64,
    flag: Option<bool>,
    decimal: Decimal<20, 4>,
    date: NaiveDate,
    time: NaiveTime,
    instant: Option<DateTime<Utc>>,
    span: TimeDelta,
    bytes: Bytes,
    large: LargeBinary,
    fixed: [u8; 3],
}

fn numbers() -> impl Strategy<Value = Numbers> {
    let plain = (any::<i64>(), any::<u8>(), -1e300..1e300, any::<Option<bool>>());
    let decimals = -99_999_999_999_999_999_999_i128..=99_999_999_999_999_999_999;
    let times =
        (0_u32..86_400, 0_u32..1_000_000, -100_000_i32..100_000, option::of(-1e15 as i64..1e15 as i64), any::<i64>());
    let bytes = (vec(any::<u8>(), 0..20), vec(any::<u8>(), 0..20), any::<[u8; 3]>());
    (plain, decimals, times, bytes).prop_map(|(plain, decimal, times, bytes)| Numbers {
        integer: plain.0,
        byte: plain.1,
        float: plain.2,
        flag: plain.3,
        decimal: Decimal::new(decimal).unwrap(),
        date: NaiveDate::from_num_days_from_ce_opt(times.2).unwrap(),
        time: NaiveTime::from_num_seconds_from_midnight_opt(times.0, times.1 * 1_000).unwrap(),
        instant: times.3.map(|instant| DateTime::from_timestamp_micros(instant).unwrap()),
        span: TimeDelta::microseconds(times.4),
        bytes: bytes.0.into(),
        large: bytes.1.into(),
        fixed: bytes.2,
    })
}

fn status() -> impl Strategy<Value = Status> {
    prop_oneof![Just(Status::Pending), Just(Status::Active), Just(Status::Closed)]
}

fn mixed() -> impl Strategy<Value = Mixed> {
    let texts = vec(option::of("[a-c]{0,2}".prop_map(DictionaryString::from)), 0..6);
    let sets = option::of(btree_set(vec(any::<u8>(), 0..4), 0..4));
    let nested = vec(vec(option::of(vec(".{0,3}".prop_map(LargeString::from), 0..3)), 0..3), 0..3);
    (
        numbers(),
        texts,
        btree_map(".{0,3}", option::of(numbers()), 0..3),
        sets,
        btree_map(any::<i64>(), vec(status(), 0..4), 0..3),
        nested,
        option::of(numbers()),
    )
        .prop_map(|(numbers, texts, by_name, sets, statuses, nested, payload)| Mixed {
            numbers,
            texts,
            by_name,
            sets,
            statuses,
            nested,
            payload,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn rows_survive_a_batch(rows in vec(mixed(), 0..5)) {
        let batch = Mixed::to_batch(rows.iter()).unwrap();
        prop_assert_eq!(batch.schema(), Mixed::schema());
        prop_assert_eq!(Mixed::rows(&batch).unwrap(), rows);
    }

    #[test]
    fn a_record_survives_as_a_payload(value in mixed()) {
        let column = value.to_parameter().unwrap();
        prop_assert_eq!(Mixed::from_parameter(&column, 0).unwrap(), value);
    }

    #[test]
    fn optional_records_survive_inline(rows in vec(option::of(mixed()), 0..5), start in 0_usize..5) {
        let column = Option::<Mixed>::to_array(rows.iter().map(Some)).unwrap();
        let start = start.min(rows.len());
        let column = column.slice(start, rows.len() - start);
        for (row, value) in rows[start..].iter().enumerate() {
            prop_assert_eq!(&Option::<Mixed>::from_array(&column, row).unwrap(), value);
        }
    }

    #[test]
    fn decimals_survive_as_text(mantissa in -99_999_999_i128..=99_999_999) {
        let value = Decimal::<8, 3>::new(mantissa).unwrap();
        prop_assert_eq!(value.to_string().parse::<Decimal<8, 3>>().unwrap(), value);
    }

    #[test]
    fn a_damaged_payload_is_an_error_or_a_value(edits in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), cut: prop::sample::Index) {
        fn damage<R: Record + VgiArrow>(value: &R, edits: &[(prop::sample::Index, u8)], cut: prop::sample::Index) {
            let mut payload = Vec::from_array(&value.to_parameter().unwrap(), 0).unwrap();
            for (place, byte) in edits {
                let place = place.index(payload.len());
                payload[place] = *byte;
            }
            let _ = R::from_parameter(&BinaryArray::from(vec![payload.as_slice()]), 0);
            payload.truncate(cut.index(payload.len()));
            let _ = R::from_parameter(&BinaryArray::from(vec![payload.as_slice()]), 0);
        }
        damage::<AllTypes>(&samples::all_types()[0], &edits, cut);
        damage::<WideTypes>(&samples::wide_types()[0], &edits, cut);
        damage::<EmbeddedArrow>(&samples::embedded()[0], &edits, cut);
        damage::<NestedContainers>(&samples::nested_containers()[0], &edits, cut);
    }
}

/// A record within itself as bytes: the type is finite, what is sent need not be.
#[derive(VgiArrow, Debug)]
struct Node {
    #[vgi(binary)]
    next: Option<Box<Link>>,
}

#[derive(VgiArrow, Debug)]
struct Link {
    #[vgi(binary)]
    node: Option<Box<Node>>,
}

#[test]
fn streams_within_streams_are_bounded() {
    let chain = |levels: usize| {
        (0..levels)
            .fold(Node { next: None }, |node, _| Node { next: Some(Box::new(Link { node: Some(Box::new(node)) })) })
    };
    let read = |levels| Node::from_parameter(&chain(levels).to_parameter().unwrap(), 0);
    assert!(read(8).is_ok());
    let error = read(20).unwrap_err();
    assert!(error.message().contains("deeper than"), "{error}");
    assert!(read(8).is_ok());
}
