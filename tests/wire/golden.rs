//! Files that pyarrow wrote (`tests/data/wire/make.py`).

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, Int32Type, Int64Type};
use arrow_array::{Array, RecordBatch, StringArray};
use arrow_buffer::Buffer;
use arrow_schema::DataType;
use tower_vgi::wire::{
    AnnotatedBatch, Decoder, Frames, Limits, Metadata, StreamEncoder, WireErrorKind, WireSchema, decode_batch,
};

use crate::round_trip::validate;

macro_rules! golden {
    ($name:literal) => {
        Buffer::from(&include_bytes!(concat!("../data/wire/", $name))[..])
    };
}

fn batches(bytes: Buffer) -> Vec<AnnotatedBatch> {
    let mut decoder = Decoder::new(bytes, Limits::default());
    decoder.next_stream().unwrap().unwrap();
    let batches = std::iter::from_fn(|| decoder.next_batch().unwrap()).collect();
    assert!(decoder.next_stream().unwrap().is_none());
    batches
}

fn strings(batch: &RecordBatch) -> Vec<String> {
    let values = batch.column(0).as_dictionary::<Int8Type>();
    values
        .downcast_dict::<StringArray>()
        .unwrap()
        .into_iter()
        .map(|value: Option<&str>| value.unwrap().to_owned())
        .collect()
}

#[test]
fn every_type_of_pyarrow_is_read() {
    let batches = batches(golden!("every_type.arrow"));
    let [whole, slice, empty] = batches.as_slice() else { panic!("expected three batches") };
    assert_eq!(whole.batch.schema().metadata().get("of").map(String::as_str), Some("the schema"));
    assert_eq!(whole.metadata.get_str("text"), Some("grün"));
    assert_eq!(whole.metadata.iter().last(), Some((&b"bytes \xff"[..], &b"\x00\xfe"[..])));
    assert_eq!(slice.batch, whole.batch.slice(1, 2));
    assert_eq!(empty.batch.num_rows(), 0);
    batches.iter().for_each(|batch| validate(&batch.batch));

    let column = |name: &str| whole.batch.column_by_name(name).unwrap();
    assert_eq!(column("utf8").as_string::<i32>().value(2), "äöü 漢 🦀");
    assert_eq!(column("utf8_view").as_string_view().value(2), "longer than twelve bytes");
    assert_eq!(
        column("list").as_list::<i32>().value(0).as_primitive::<Int64Type>().iter().collect::<Vec<_>>(),
        [Some(1), None]
    );
    assert_eq!(column("map").as_map().value(2).column(0).as_string::<i32>().value(1), "y");
    assert_eq!(column("union").as_union().value(1).as_string::<i32>().value(0), "x");
    let dictionary = column("dictionary").as_dictionary::<Int32Type>().downcast_dict::<StringArray>().unwrap();
    assert_eq!(dictionary.into_iter().collect::<Vec<Option<&str>>>(), [Some("a"), None, Some("b")]);
    assert_eq!(column("runs").as_run::<Int32Type>().values().as_string::<i32>().value(0), "a");
    for (column, field) in whole.batch.columns().iter().zip(whole.batch.schema().fields()) {
        let is_bare =
            matches!(field.data_type(), DataType::Null | DataType::Union(_, _) | DataType::RunEndEncoded(_, _));
        assert_eq!(column.null_count(), usize::from(!is_bare), "{field}");
    }
}

#[test]
fn a_schema_message_is_kept_as_it_came() {
    let bytes = golden!("schema.arrow");
    let schema = WireSchema::from_message(&bytes).unwrap();
    assert_eq!(schema.message()[..], bytes[..]);

    // Its dictionary ids are those of the message, so batches can follow it.
    let mut frames = Frames::new();
    let mut encoder = StreamEncoder::new(schema);
    let sent = batches(golden!("every_type.arrow")).remove(0);
    encoder.write_schema(&mut frames);
    encoder.write_batch(&sent.batch, &sent.metadata, &mut frames).unwrap();
    assert_eq!(decode_batch(frames.into_bytes().into(), Limits::default()).unwrap(), sent);
}

#[test]
fn compressed_buffers_are_read() {
    for bytes in [golden!("lz4.arrow"), golden!("zstd.arrow")] {
        let batch = decode_batch(bytes.clone(), Limits::default()).unwrap().batch;
        let numbers = batch.column(0).as_primitive::<Int64Type>();
        assert!(numbers.values().iter().copied().eq(0..1000));
        assert!(batch.column(1).as_string::<i32>().iter().all(|value| value == Some("abc")));

        // Numbers, offsets and text, and nothing for what there is not.
        let needed = 8000 + 4004 + 3000;
        decode_batch(bytes.clone(), Limits::default().with_max_decoded_bytes(needed)).unwrap();
        let error = decode_batch(bytes, Limits::default().with_max_decoded_bytes(needed - 1)).unwrap_err();
        assert!(error.is_too_large(), "{error}");
    }
}

#[test]
fn dictionaries_are_extended_and_replaced() {
    let batches = batches(golden!("dictionary_deltas.arrow"));
    let strings: Vec<_> = batches.iter().map(|batch| strings(&batch.batch)).collect();
    assert_eq!(strings, [["a", "b"], ["a", "b"], ["a", "c"], ["a", "d"], ["x", "y"]]);
}

#[test]
fn old_framing_is_read() {
    let batch = decode_batch(golden!("legacy.arrow"), Limits::default()).unwrap().batch;
    assert_eq!(batch.column(0).as_primitive::<Int64Type>().values()[..], [1, 2, 3]);
}

#[test]
fn a_null_where_none_may_be_has_its_own_error() {
    let error = decode_batch(golden!("unexpected_null.arrow"), Limits::default()).unwrap_err();
    assert_eq!((error.kind(), error.exception_type()), (WireErrorKind::UnexpectedNull, "TypeError"));
    assert_eq!(error.to_string(), r#"column "n" must not be null"#);
}

#[test]
fn dictionaries_are_sent_once_until_they_change() {
    let all = batches(golden!("dictionary_deltas.arrow"));
    let schema = WireSchema::new(all[0].batch.schema()).unwrap();
    let mut encoder = StreamEncoder::new(schema);
    let mut lengths = Vec::new();
    let mut all_frames = Frames::new();
    encoder.write_schema(&mut all_frames);
    for batch in &all {
        let mut frames = Frames::new();
        encoder.write_batch(&batch.batch, &Metadata::new(), &mut frames).unwrap();
        lengths.push(frames.len());
        all_frames.append(frames);
    }
    encoder.write_end(&mut all_frames);
    assert!(lengths[1] < lengths[0] && lengths[1] < lengths[2], "{lengths:?}");
    let decoded = batches(all_frames.into_bytes().into());
    assert!(decoded.iter().zip(&all).all(|(decoded, sent)| decoded.batch == sent.batch));
    assert!(Arc::ptr_eq(&decoded[0].batch.schema(), &decoded[1].batch.schema()));
}
