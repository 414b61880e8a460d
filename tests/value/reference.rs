//! Schemas and payloads of two releases of the Python package.

use std::collections::BTreeMap;
use std::fmt::Debug;

use arrow_array::{Array, BinaryArray};
use arrow_buffer::Buffer;
use arrow_schema::{DataType, Schema};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use serde::Deserialize;
use tower_vgi::value::{DictionaryString, LargeBinary, LargeString};
use tower_vgi::{Record, VgiArrow};

use crate::samples;
use crate::types::*;

#[derive(Deserialize)]
struct Reference {
    release: String,
    records: BTreeMap<String, RecordType>,
    methods: BTreeMap<String, Method>,
}

#[derive(Deserialize)]
struct RecordType {
    schema: String,
    payloads: Vec<String>,
}

#[derive(Deserialize)]
struct Method {
    params: String,
    result: Option<String>,
}

fn releases() -> [Reference; 2] {
    [
        serde_json::from_str(include_str!("../data/value/reference-0.42.3.json")).unwrap(),
        serde_json::from_str(include_str!("../data/value/reference-0.52.2.json")).unwrap(),
    ]
}

impl Reference {
    fn is_flat(&self) -> bool {
        self.release.starts_with("0.42")
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn schema(hex: &str) -> Schema {
    Schema::from_array(&BinaryArray::from(vec![bytes(hex).as_slice()]), 0).unwrap()
}

/// The flat generation has optional fields with an explicit type non-null.
fn all_nullable(schema: &Schema) -> Schema {
    Schema::new(schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect::<Vec<_>>())
}

fn check<R: Record + VgiArrow + PartialEq + Debug>(name: &str, values: Vec<R>) {
    for reference in releases() {
        let Some(record) = reference.records.get(name) else {
            assert!(reference.is_flat() && name == "NestedContainers", "{name} in {}", reference.release);
            continue;
        };
        let (theirs, ours) = (schema(&record.schema), R::schema());
        if reference.is_flat() && ["ContainerWideTypes", "DeepNested"].contains(&name) {
            assert_eq!(all_nullable(&theirs), all_nullable(&ours));
        } else {
            assert_eq!(&theirs, ours.as_ref(), "{name} in {}", reference.release);
        }
        assert_eq!(R::data_type(), DataType::Struct(ours.fields().clone()));

        assert_eq!(record.payloads.len(), values.len());
        for (payload, value) in record.payloads.iter().zip(&values) {
            let column = BinaryArray::from(vec![bytes(payload).as_slice()]);
            let read = R::from_parameter(&column, 0).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(&read, value, "{name} in {}", reference.release);
            let written = value.to_parameter().unwrap();
            assert_eq!(written.data_type(), &DataType::Binary);
            assert_eq!(&R::from_parameter(&written, 0).unwrap(), value);
        }
    }
}

#[test]
fn points() {
    check("Point", vec![samples::POINT]);
}

#[test]
fn bounding_boxes() {
    check("BoundingBox", samples::bounding_boxes());
}

#[test]
fn headers() {
    check("ConformanceHeader", samples::headers());
}

#[test]
fn rich_headers() {
    check("RichHeader", samples::rich_headers());
}

#[test]
fn all_types() {
    check("AllTypes", samples::all_types());
}

#[test]
fn wide_types() {
    check("WideTypes", samples::wide_types());
}

#[test]
fn container_wide_types() {
    check("ContainerWideTypes", samples::container_wide_types());
}

#[test]
fn deep_nested() {
    check("DeepNested", samples::deep_nested());
}

#[test]
fn embedded_arrow() {
    check("EmbeddedArrow", samples::embedded());
}

#[test]
fn nested_containers() {
    check("NestedContainers", samples::nested_containers());
}

#[test]
fn a_payload_that_starts_anywhere_in_memory_is_read() {
    let [_, reference] = releases();
    let payload = bytes(&reference.records["AllTypes"].payloads[0]);
    for shift in 0..8 {
        let column = BinaryArray::from(vec![vec![0; shift].as_slice(), payload.as_slice()]);
        let column = BinaryArray::new(column.offsets().clone(), Buffer::from(column.value_data()), None);
        assert_eq!(AllTypes::from_parameter(&column, 1).unwrap(), samples::all_types()[0]);
    }
}

/// A method with one parameter of a type and the result of the same type.
fn echo<T: VgiArrow>(method: &str) {
    for reference in releases() {
        let Some(method) = reference.methods.get(method) else {
            assert!(reference.is_flat(), "{method} in {}", reference.release);
            continue;
        };
        let params = schema(&method.params);
        let field = params.field(0);
        assert_eq!(*field, T::parameter_field(field.name()));
        let result = schema(method.result.as_ref().unwrap());
        // The flat generation has records nullable.
        let nullable = T::NULLABLE || (T::is_record() && reference.is_flat());
        assert_eq!(result, Schema::new(vec![T::parameter_field("result").with_nullable(nullable)]));
    }
}

#[test]
fn parameters_and_results_have_the_types_of_the_reference() {
    echo::<AllTypes>("echo_all_types");
    echo::<Option<i32>>("echo_annotated_optional_int");
    echo::<bool>("echo_bool");
    echo::<BoundingBox>("echo_bounding_box");
    echo::<bytes::Bytes>("echo_bytes");
    echo::<Vec<u8>>("echo_bytes");
    echo::<ContainerWideTypes>("echo_container_wide_types");
    echo::<NaiveDate>("echo_date");
    echo::<Amount>("echo_decimal");
    echo::<DeepNested>("echo_deep_nested");
    echo::<BTreeMap<String, i64>>("echo_dict");
    echo::<DictionaryString>("echo_dict_encoded_string");
    echo::<TimeDelta>("echo_duration");
    echo::<EmbeddedArrow>("echo_embedded_arrow");
    echo::<Status>("echo_enum");
    echo::<[u8; 8]>("echo_fixed_binary");
    echo::<f64>("echo_float");
    echo::<f32>("echo_float32");
    echo::<i64>("echo_int");
    echo::<i16>("echo_int16");
    echo::<i32>("echo_int32");
    echo::<i8>("echo_int8");
    echo::<LargeBinary>("echo_large_binary");
    echo::<LargeString>("echo_large_string");
    echo::<Vec<String>>("echo_list");
    echo::<Vec<Vec<i64>>>("echo_nested_list");
    echo::<Option<i64>>("echo_optional_int");
    echo::<Option<Point>>("echo_optional_point");
    echo::<Option<String>>("echo_optional_string");
    echo::<i32>("echo_outer_optional_non_null");
    echo::<Point>("echo_point");
    echo::<Vec<Status>>("echo_status_list");
    echo::<String>("echo_string");
    echo::<NaiveTime>("echo_time");
    echo::<NaiveDateTime>("echo_timestamp");
    echo::<DateTime<Utc>>("echo_timestamp_utc");
    echo::<u16>("echo_uint16");
    echo::<u32>("echo_uint32");
    echo::<u64>("echo_uint64");
    echo::<u8>("echo_uint8");
    echo::<WideTypes>("echo_wide_types");
}
