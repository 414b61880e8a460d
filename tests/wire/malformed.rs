//! Streams that are damaged in one particular way, and the limits at their exact value.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, DictionaryArray, FixedSizeBinaryArray, Int32Array, Int64Array, NullArray, RecordBatch,
    RecordBatchOptions, RunArray, StringArray, StructArray,
};
use arrow_buffer::Buffer;
use arrow_schema::{DataType, Field, Schema};
use bytes::Bytes;
use tower_vgi::wire::{
    Decoder, Event, Frames, IncrementalDecoder, Limits, Metadata, StreamEncoder, WireError, WireErrorKind, WireSchema,
    decode_batch, encode_batch, encode_schema,
};

fn numbers() -> RecordBatch {
    let column: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    RecordBatch::try_from_iter([("n", column)]).unwrap()
}

fn column(array: impl Array + 'static) -> RecordBatch {
    RecordBatch::try_from_iter([("c", Arc::new(array) as ArrayRef)]).unwrap()
}

fn encoded(batch: &RecordBatch) -> Vec<u8> {
    encode_batch(batch, &Metadata::from_iter([("key", "value")])).unwrap().to_vec()
}

fn decode(bytes: &[u8]) -> Result<RecordBatch, WireError> {
    decode_batch(Buffer::from(bytes), Limits::default()).map(|decoded| decoded.batch)
}

fn incremental(bytes: &[u8], limits: Limits) -> Result<usize, WireError> {
    let mut decoder = IncrementalDecoder::new(limits);
    decoder.push(Bytes::copy_from_slice(bytes));
    let mut batches = 0;
    while let Some(event) = decoder.next_event()? {
        batches += usize::from(matches!(event, Event::Batch(_)));
    }
    decoder.finish().map(|()| batches)
}

/// Changes the first place where some bytes stand.
fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    replace_nth(bytes, 0, from, to)
}

fn replace_nth(bytes: &[u8], nth: usize, from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut places = bytes.windows(from.len()).enumerate().filter(|(_, window)| *window == from);
    let (place, _) = places.nth(nth).expect("the bytes are there");
    [&bytes[..place], to, &bytes[place + from.len()..]].concat()
}

fn kind(result: Result<RecordBatch, WireError>) -> WireErrorKind {
    result.unwrap_err().kind()
}

#[test]
fn what_is_no_stream_is_malformed() {
    for bytes in [&b""[..], b"\0", b"hello, world", b"\xff\xff\xff\xff", b"{\"json\": true}", &[0; 64], &[0xff; 64]] {
        let error = decode(bytes).unwrap_err();
        assert_eq!(error.kind(), WireErrorKind::Malformed, "{bytes:?}: {error}");
        assert_eq!(error.exception_type(), "ArrowInvalid");
    }
}

#[test]
fn every_truncation_is_noticed_or_harmless() {
    let bytes = encoded(&numbers());
    let schema_end = encode_schema(&numbers().schema()).unwrap().len();
    for length in 0..bytes.len() {
        let whole = decode(&bytes[..length]);
        let pieces = incremental(&bytes[..length], Limits::default());
        if length == schema_end {
            assert_eq!(kind(whole), WireErrorKind::NoBatch);
            assert_eq!(pieces.unwrap(), 0);
        } else if length == bytes.len() - 8 {
            // The end mark may be missing, but not be cut.
            assert_eq!(whole.unwrap(), numbers());
            assert_eq!(pieces.unwrap(), 1);
        } else {
            assert_eq!(kind(whole), WireErrorKind::Malformed, "{length}");
            assert!(pieces.is_err() || length == 0, "{length}");
        }
    }
}

#[test]
fn one_batch_means_one() {
    let schema = WireSchema::new(numbers().schema()).unwrap();
    for count in [0, 2] {
        let mut frames = Frames::new();
        let mut encoder = StreamEncoder::new(schema.clone());
        encoder.write_schema(&mut frames);
        (0..count).for_each(|_| encoder.write_batch(&numbers(), &Metadata::new(), &mut frames).unwrap());
        encoder.write_end(&mut frames);
        let error = decode(&frames.into_bytes()).unwrap_err();
        assert_eq!(error.exception_type(), if count == 0 { "StopIteration" } else { "ArrowInvalid" });
    }
}

#[test]
fn a_body_outside_the_stream_is_refused() {
    let bytes = encoded(&column(Int64Array::from(vec![0; 1000])));
    // First the length of the batch's body, then that of its only data buffer.
    for (nth, length) in [(0, 1 << 40), (0, -8), (0, 16), (1, 8008), (1, 8001), (1, -8000), (1, i64::MAX), (1, 7992)] {
        let mut numbers: Vec<_> = bytes.as_chunks::<8>().0.to_vec();
        let mut places = numbers.iter_mut().filter(|number| **number == 8000_i64.to_le_bytes());
        *places.nth(nth).unwrap() = i64::to_le_bytes(length);
        assert_eq!(kind(decode(&numbers.into_flattened())), WireErrorKind::Malformed, "{nth}: {length}");
    }
}

#[test]
fn buffers_may_not_overlap() {
    let column: ArrayRef = Arc::new(Int64Array::from(vec![0x0101, 0x0202, 0x0303, 0x0404]));
    let batch = RecordBatch::try_from_iter([("a", column.clone()), ("b", column)]).unwrap();
    let bytes = encoded(&batch);
    let second = [32_i64.to_le_bytes(), 32_i64.to_le_bytes()].concat();
    let first = [0_i64.to_le_bytes(), 64_i64.to_le_bytes()].concat();
    // The first match ends in the empty bitmap of the second column.
    let error = decode(&replace_nth(&bytes, 1, &second, &first)).unwrap_err();
    assert!(error.to_string().contains("overlap"), "{error}");
}

#[test]
fn values_are_validated() {
    let text = encoded(&column(StringArray::from(vec!["héllo", "wörld"])));
    assert!(decode(&text).is_ok());
    assert!(decode(&replace(&text, "é".as_bytes(), b"\xff\xff")).is_err());
    let offsets = [6_i32.to_le_bytes(), 12_i32.to_le_bytes()].concat();
    for wrong in [[-1, 12], [13, 12], [2, 12], [6, 13], [6, i32::MAX]] {
        let wrong = wrong.map(i32::to_le_bytes).concat();
        assert!(decode(&replace(&text, &offsets, &wrong)).is_err());
    }

    let keys = Int32Array::from(vec![1, 0, 1]);
    let dictionary = DictionaryArray::<Int32Type>::new(keys, Arc::new(StringArray::from(vec!["a", "b"])));
    let bytes = encoded(&column(dictionary));
    assert!(decode(&bytes).is_ok());
    let keys = [1_i32, 0, 1].map(i32::to_le_bytes).concat();
    for wrong in [[2, 0, 1], [-1, 0, 1]] {
        assert!(decode(&replace(&bytes, &keys, &wrong.map(i32::to_le_bytes).concat())).is_err());
    }
}

#[test]
fn rows_without_data_are_limited() {
    let few = Limits::default().with_max_unbacked_rows(100);
    let nothing = |rows| {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options).unwrap()
    };
    let runs = |rows| {
        let ends = Int32Array::from(vec![rows]);
        column(RunArray::try_new(&ends, &Int64Array::from(vec![7])).unwrap())
    };
    let at_limit = [
        nothing(100),
        column(NullArray::new(100)),
        column(StructArray::new_empty_fields(100, None)),
        column(FixedSizeBinaryArray::try_new_with_len(0, Buffer::default(), None, 100).unwrap()),
        runs(100),
    ];
    let above = [
        nothing(101),
        column(NullArray::new(101)),
        column(StructArray::new_empty_fields(101, None)),
        column(FixedSizeBinaryArray::try_new_with_len(0, Buffer::default(), None, 101).unwrap()),
        runs(101),
    ];
    for (fits, above) in at_limit.iter().zip(&above) {
        assert_eq!(&decode_batch(encoded(fits).into(), few.clone()).unwrap().batch, fits);
        assert!(decode_batch(encoded(above).into(), few.clone()).unwrap_err().is_too_large());
    }
}

#[test]
fn rows_fields_depth_and_headers_are_limited() {
    let too_large =
        |batch: &RecordBatch, limits| decode_batch(encoded(batch).into(), limits).unwrap_err().is_too_large();
    assert!(decode_batch(encoded(&numbers()).into(), Limits::default().with_max_rows(3)).is_ok());
    assert!(too_large(&numbers(), Limits::default().with_max_rows(2)));
    assert!(decode_batch(encoded(&numbers()).into(), Limits::default().with_max_fields(1)).is_ok());
    assert!(too_large(&numbers(), Limits::default().with_max_fields(0)));
    assert!(too_large(&numbers(), Limits::default().with_max_header_bytes(64)));

    let deep = |depth| {
        let data_type = (1..depth).fold(DataType::Int8, |inner, _| DataType::new_list(inner, true));
        RecordBatch::new_empty(Arc::new(Schema::new(vec![Field::new("c", data_type, true)])))
    };
    for depth in [1, 5, 32] {
        assert!(decode_batch(encoded(&deep(depth)).into(), Limits::default().with_max_depth(depth)).is_ok());
        assert!(decode_batch(encoded(&deep(depth)).into(), Limits::default().with_max_depth(depth - 1)).is_err());
    }
    assert!(WireSchema::new(deep(64).schema()).is_ok());
    assert!(WireSchema::new(deep(65).schema()).unwrap_err().is_too_large());
}

#[test]
fn a_message_is_limited_before_it_is_gathered() {
    let bytes = encoded(&numbers());
    assert_eq!(incremental(&bytes, Limits::default().with_max_decoded_bytes(24)).unwrap(), 1);
    assert!(incremental(&bytes, Limits::default().with_max_decoded_bytes(23)).unwrap_err().is_too_large());
}

#[test]
fn deltas_are_limited_in_what_they_copy() {
    let dictionary = |values: &[&str]| {
        let keys = Int32Array::from(vec![0]);
        column(DictionaryArray::<Int32Type>::new(keys, Arc::new(StringArray::from(values.to_vec()))))
    };
    let options = arrow_ipc::writer::IpcWriteOptions::default()
        .with_dictionary_handling(arrow_ipc::writer::DictionaryHandling::Delta);
    let large = "x".repeat(100_000);
    let mut values = vec![large.as_str()];
    let schema = dictionary(&values).schema();
    let mut writer = arrow_ipc::writer::StreamWriter::try_new_with_options(Vec::new(), &schema, options).unwrap();
    for _ in 0..20 {
        writer.write(&dictionary(&values)).unwrap();
        values.push("y");
    }
    let bytes = writer.into_inner().unwrap();
    let count = |limit| {
        let mut decoder = Decoder::new(Buffer::from(&bytes[..]), Limits::default().with_max_decoded_bytes(limit));
        decoder.next_stream().unwrap();
        let mut batches = 0;
        loop {
            match decoder.next_batch() {
                Ok(Some(_)) => batches += 1,
                Ok(None) => return Ok(batches),
                Err(error) => return Err((batches, error.is_too_large())),
            }
        }
    };
    assert_eq!(count(4_000_000), Ok(20));
    assert_eq!(count(1_000_000), Err((11, true)));
}

#[test]
fn schemas_that_cannot_be_are_refused() {
    let refused = |data_type: DataType| {
        let schema = Arc::new(Schema::new(vec![Field::new("c", data_type, true)]));
        WireSchema::new(schema).unwrap_err()
    };
    let inner = DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8));
    refused(DataType::Dictionary(Box::new(DataType::Int8), Box::new(inner)));
    refused(DataType::Dictionary(Box::new(DataType::Utf8), Box::new(DataType::Utf8)));
    refused(DataType::FixedSizeBinary(-1));
    refused(DataType::Decimal128(39, 0));
    refused(DataType::Decimal32(2, 3));
    refused(DataType::Map(Arc::new(Field::new("entries", DataType::Int8, false)), false));
    let run_ends = Arc::new(Field::new("run_ends", DataType::Utf8, false));
    refused(DataType::RunEndEncoded(run_ends, Arc::new(Field::new("values", DataType::Int8, true))));
}

#[test]
fn a_batch_of_another_schema_is_not_written() {
    let schema = WireSchema::new(numbers().schema()).unwrap();
    let mut encoder = StreamEncoder::new(schema);
    let mut frames = Frames::new();
    let other: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
    let name = RecordBatch::try_from_iter([("m", other.clone())]).unwrap();
    let text = RecordBatch::try_from_iter([("n", Arc::new(StringArray::from(vec!["x"])) as ArrayRef)]).unwrap();
    let two = RecordBatch::try_from_iter([("n", other.clone()), ("m", other.clone())]).unwrap();
    let null = RecordBatch::try_from_iter_with_nullable([("n", other, true)]).unwrap();
    for batch in [name, text, two, null] {
        let error = encoder.write_batch(&batch, &Metadata::new(), &mut frames).unwrap_err();
        assert_eq!(error.kind(), WireErrorKind::SchemaMismatch, "{error}");
    }
    assert!(frames.is_empty());
}

#[test]
fn a_slice_does_not_give_away_its_surroundings() {
    let secret = "secret, secret, secret";
    let views = arrow_array::StringViewArray::from(vec![secret, "what is meant to be read", secret]);
    let strings = StringArray::from(vec![secret, "what is meant to be read", secret]);
    for array in [Arc::new(views) as ArrayRef, Arc::new(strings)] {
        let batch = RecordBatch::try_from_iter([("c", array.slice(1, 1))]).unwrap();
        let bytes = encoded(&batch);
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
        assert_eq!(decode(&bytes).unwrap(), batch);
    }
}

#[test]
fn dictionaries_in_use_are_limited_in_sum() {
    let text = "x".repeat(40_000);
    let dictionary = |key| {
        let values = StringArray::from(vec![format!("{key}{text}")]);
        Arc::new(DictionaryArray::<Int32Type>::new(Int32Array::from(vec![0]), Arc::new(values))) as ArrayRef
    };
    let batch = RecordBatch::try_from_iter([("a", dictionary(1)), ("b", dictionary(2))]).unwrap();
    let bytes = encoded(&batch);
    assert_eq!(incremental(&bytes, Limits::default().with_max_decoded_bytes(81_000)).unwrap(), 1);
    assert!(incremental(&bytes, Limits::default().with_max_decoded_bytes(79_000)).unwrap_err().is_too_large());
}
