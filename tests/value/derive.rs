//! What `#[derive(VgiArrow)]` makes of structs and enums, and how payloads are read.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, BinaryArray, Float64Array, Int64Array, RecordBatch, StringArray, StructArray, new_null_array,
};
use arrow_schema::{DataType, Field, Schema};
use bytes::Bytes;
use tower_vgi::value::{ValueError, ValueErrorKind};
use tower_vgi::wire::{Frames, Metadata, StreamEncoder, WireSchema, encode_batch};
use tower_vgi::{Record, VgiArrow};

use crate::samples::POINT;
use crate::types::Point;

#[derive(VgiArrow, Debug, Default, PartialEq)]
struct Settings {
    name: String,
    #[vgi(default)]
    note: Option<String>,
    #[vgi(default = 3)]
    retries: i64,
    #[vgi(skip)]
    cached: usize,
    #[vgi(skip, default = 9)]
    nine: usize,
}

#[derive(VgiArrow, Debug, Default, PartialEq)]
struct Lenient {
    #[vgi(default)]
    count: i64,
}

#[derive(VgiArrow, Debug, PartialEq)]
struct Empty {}

#[derive(VgiArrow, Debug, PartialEq)]
#[vgi(rename_all = "camelCase")]
struct Names {
    first_name: i64,
    #[vgi(rename = "LAST")]
    last_name: i64,
    r#type: i64,
}

#[derive(VgiArrow, Debug, PartialEq)]
struct Nullability {
    #[vgi(nullable)]
    value: i64,
    #[vgi(not_null)]
    option: Option<i64>,
}

#[derive(VgiArrow, Debug, PartialEq)]
struct Parcel {
    #[vgi(binary)]
    point: Point,
    #[vgi(binary)]
    maybe: Option<Point>,
    inline: Option<Point>,
}

#[derive(VgiArrow, Debug, PartialEq)]
struct Page<T, const N: usize> {
    items: Vec<T>,
    digest: [u8; N],
}

#[derive(VgiArrow, Debug, PartialEq)]
struct Id(i64);

#[derive(VgiArrow, Debug, PartialEq)]
struct Wrapped(Option<Point>);

#[derive(VgiArrow, Clone, Copy, Debug, PartialEq)]
#[vgi(rename_all = "kebab-case")]
enum Colour {
    DarkRed = 1,
    #[vgi(rename = "GRÜN", alias = "green", alias = "verde")]
    Green,
}

fn columns<const N: usize>(columns: [(&str, ArrayRef); N]) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).unwrap()
}

fn int(value: i64) -> ArrayRef {
    Arc::new(Int64Array::from(vec![value]))
}

fn text(value: &str) -> ArrayRef {
    Arc::new(StringArray::from(vec![value]))
}

fn from_payload<R: Record + VgiArrow>(payload: &[u8]) -> Result<R, ValueError> {
    R::from_parameter(&BinaryArray::from(vec![payload]), 0)
}

fn from_batch<R: Record + VgiArrow>(batch: &RecordBatch) -> Result<R, ValueError> {
    from_payload(&encode_batch(batch, &Metadata::new()).unwrap())
}

#[test]
fn columns_are_found_by_name_and_unknown_ones_ignored() {
    let batch = columns([
        ("y", Arc::new(Float64Array::from(vec![-2.5]))),
        ("z", int(0)),
        ("x", Arc::new(Float64Array::from(vec![1.5]))),
    ]);
    assert_eq!(from_batch::<Point>(&batch).unwrap(), POINT);
    assert_eq!(Point::from_batch(&batch, 0).unwrap(), POINT);
    let inline = StructArray::from(batch);
    assert_eq!(Point::from_array(&inline, 0).unwrap(), POINT);
}

#[test]
fn absent_columns_take_their_default() {
    let settings = from_batch::<Settings>(&columns([("name", text("a"))])).unwrap();
    assert_eq!(settings, Settings { name: "a".to_owned(), note: None, retries: 3, cached: 0, nine: 9 });
    let names: Vec<_> = Settings::schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["name", "note", "retries"]);
}

#[test]
fn absent_columns_without_a_default_are_errors() {
    let error = from_batch::<Settings>(&columns([("retries", int(1))])).unwrap_err();
    assert_eq!((error.kind(), error.path()), (ValueErrorKind::Missing, "name"));
    assert_eq!(error.to_string(), "name: the column is missing and has no default (expected type Utf8)");
}

#[test]
fn null_is_an_error_unless_the_field_is_optional() {
    let null = new_null_array(&DataType::Int64, 1);
    let error = from_batch::<Settings>(&columns([("name", text("a")), ("retries", null)])).unwrap_err();
    assert_eq!((error.kind(), error.path()), (ValueErrorKind::Null, "retries"));
}

#[test]
fn nothing_stands_for_a_record_of_defaults() {
    let schema_only = |schema: Schema| {
        let mut encoder = StreamEncoder::new(WireSchema::new(Arc::new(schema)).unwrap());
        let mut frames = Frames::new();
        encoder.write_schema(&mut frames);
        encoder.write_end(&mut frames);
        frames.into_bytes()
    };
    let with_column = schema_only(Lenient::schema().as_ref().clone());
    for payload in [Bytes::new(), schema_only(Schema::empty()), with_column] {
        assert_eq!(from_payload::<Lenient>(&payload).unwrap(), Lenient { count: 0 });
        let error = from_payload::<Point>(&payload).unwrap_err();
        assert_eq!((error.kind(), error.path()), (ValueErrorKind::Missing, "x"));
    }
}

#[test]
fn a_record_is_exactly_one_row() {
    let two = Point::to_batch([POINT, POINT].iter()).unwrap();
    assert_eq!(from_batch::<Point>(&two).unwrap_err().kind(), ValueErrorKind::Payload);

    let one = Point::to_batch([POINT].iter()).unwrap();
    let mut encoder = StreamEncoder::new(Point::wire_schema().unwrap());
    let mut frames = Frames::new();
    encoder.write_schema(&mut frames);
    for _ in 0..2 {
        encoder.write_batch(&one, &Metadata::new(), &mut frames).unwrap();
    }
    encoder.write_end(&mut frames);
    assert_eq!(from_payload::<Point>(&frames.into_bytes()).unwrap_err().kind(), ValueErrorKind::Payload);
}

#[test]
fn bytes_that_are_no_stream_are_errors() {
    for payload in [b"x".as_slice(), &[0xff; 64], &encode(&POINT)[..100]] {
        assert_eq!(from_payload::<Point>(payload).unwrap_err().kind(), ValueErrorKind::Payload);
    }
    let error = Point::from_parameter(&int(1), 0).unwrap_err();
    assert_eq!(error.to_string(), "expected a value of type Binary, got one of type Int64");
}

#[test]
fn errors_name_the_field_within_fields_and_items() {
    let point = |x: ArrayRef| -> ArrayRef {
        Arc::new(StructArray::from(columns([("x", x), ("y", Arc::new(Float64Array::from(vec![0.0])))])))
    };
    let bad = point(new_null_array(&DataType::Float64, 1));
    let item = Arc::new(Field::new("item", bad.data_type().clone(), true));
    let list = arrow_array::ListArray::new(item, arrow_buffer::OffsetBuffer::from_lengths([1]), bad, None);
    let batch = columns([("items", Arc::new(list)), ("digest", int(0))]);
    let error = Page::<Point, 1>::from_batch(&batch, 0).unwrap_err();
    assert_eq!(error.to_string(), "items[0].x: null for a value that is not optional");
}

#[test]
fn names_follow_the_attributes() {
    let names: Vec<_> = Names::schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["firstName", "LAST", "type"]);
    let value = Names { first_name: 1, last_name: 2, r#type: 3 };
    assert_eq!(Names::from_parameter(&value.to_parameter().unwrap(), 0).unwrap(), value);
}

#[test]
fn nullability_can_be_overridden() {
    let schema = Nullability::schema();
    assert_eq!(schema.fields().iter().map(|field| field.is_nullable()).collect::<Vec<_>>(), [true, false]);
    let some = Nullability { value: 1, option: Some(2) };
    assert_eq!(Nullability::from_parameter(&some.to_parameter().unwrap(), 0).unwrap(), some);
    let none = Nullability { value: 1, option: None };
    let error = none.to_parameter().unwrap_err();
    assert_eq!((error.kind(), error.path()), (ValueErrorKind::Null, "option"));
    // A null row around it is something else.
    assert!(Option::<Nullability>::to_array([Some(&None), Some(&Some(some))].into_iter()).is_ok());
}

#[test]
fn records_can_be_streams_within_records() {
    let types: Vec<_> =
        Parcel::schema().fields().iter().map(|field| (field.data_type().clone(), field.is_nullable())).collect();
    assert_eq!(types, [(DataType::Binary, false), (DataType::Binary, true), (Point::data_type(), true)]);
    let parcels = [
        Parcel { point: POINT, maybe: Some(POINT), inline: None },
        Parcel { point: POINT, maybe: None, inline: Some(POINT) },
    ];
    let batch = Parcel::to_batch(parcels.iter()).unwrap();
    assert_eq!(Parcel::rows(&batch).unwrap(), parcels);
    let payload = batch.column(0).as_binary::<i32>().value(1);
    assert_eq!(from_payload::<Point>(payload).unwrap(), POINT);
}

#[test]
fn a_record_without_columns_still_has_rows() {
    let batch = Empty::to_batch([Empty {}, Empty {}].iter()).unwrap();
    assert_eq!((batch.num_columns(), Empty::rows(&batch).unwrap().len()), (0, 2));
    assert_eq!(Empty::from_parameter(&Empty {}.to_parameter().unwrap(), 0).unwrap(), Empty {});
    let nested = vec![Some(Empty {}), None];
    assert_eq!(Vec::<Option<Empty>>::from_array(&nested.to_parameter().unwrap(), 0).unwrap(), nested);
}

#[test]
fn each_instance_of_a_generic_record_has_its_own_schema() {
    let integers = Page { items: vec![1_i64], digest: *b"ab" };
    let points = Page { items: vec![POINT], digest: *b"abc" };
    assert_eq!(Page::<i64, 2>::from_parameter(&integers.to_parameter().unwrap(), 0).unwrap(), integers);
    assert_eq!(Page::<Point, 3>::from_parameter(&points.to_parameter().unwrap(), 0).unwrap(), points);
    assert_ne!(Page::<i64, 2>::schema(), Page::<Point, 3>::schema());
    assert!(Arc::ptr_eq(&Page::<i64, 2>::schema(), &Page::<i64, 2>::schema()));
}

#[test]
fn a_newtype_is_what_is_inside() {
    assert_eq!(Id::parameter_field("id"), i64::parameter_field("id"));
    assert_eq!(Id::from_parameter(&Id(3).to_parameter().unwrap(), 0).unwrap(), Id(3));
    assert_eq!(Wrapped::parameter_field("p"), Option::<Point>::parameter_field("p"));
    assert_eq!(Wrapped::field("p"), Option::<Point>::field("p"));
    assert!(Wrapped::is_record());
    for value in [Wrapped(None), Wrapped(Some(POINT))] {
        assert_eq!(Wrapped::from_parameter(&value.to_parameter().unwrap(), 0).unwrap(), value);
        let column = Wrapped::to_array(std::iter::once(Some(&value))).unwrap();
        assert_eq!(Wrapped::from_array(&column, 0).unwrap(), value);
    }
}

#[test]
fn variants_travel_by_name() {
    let read = |name: &str| Colour::from_array(&text(name), 0).map_err(|error| error.kind());
    for (name, colour) in
        [("dark-red", Colour::DarkRed), ("GRÜN", Colour::Green), ("green", Colour::Green), ("verde", Colour::Green)]
    {
        assert_eq!(read(name), Ok(colour));
    }
    assert_eq!(read("DarkRed"), Err(ValueErrorKind::Name));
    let column = Colour::Green.to_parameter().unwrap();
    assert_eq!(String::from_array(&column, 0).unwrap(), "GRÜN");
}

#[test]
fn rows_of_a_batch_are_read_and_the_bad_one_named() {
    let batch = columns([("count", Arc::new(Int64Array::from(vec![Some(1), None])))]);
    assert_eq!(Lenient::from_batch(&batch, 0).unwrap(), Lenient { count: 1 });
    assert_eq!(Lenient::rows(&batch).unwrap_err().path(), "[1].count");
    assert_eq!(Lenient::from_batch(&batch, 2).unwrap_err().kind(), ValueErrorKind::Array);
}

fn encode(point: &Point) -> Vec<u8> {
    Vec::from_array(&point.to_parameter().unwrap(), 0).unwrap()
}
