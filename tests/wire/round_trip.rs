//! What is encoded comes back, whatever the types and however the bytes are cut.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use bytes::Bytes;
use proptest::prelude::*;
use tower_vgi::wire::{
    AnnotatedBatch, Decoder, Event, Frames, IncrementalDecoder, Limits, Metadata, SchemaCache, StreamEncoder,
    WireSchema,
};

use crate::generate::{self, Random};

/// A stream's schema and batches.
pub(crate) struct Stream {
    pub(crate) schema: Arc<WireSchema>,
    pub(crate) batches: Vec<AnnotatedBatch>,
}

pub(crate) fn stream(random: &mut Random) -> Stream {
    let schema = WireSchema::new(generate::schema(random)).unwrap();
    let mut batches: Vec<AnnotatedBatch> = Vec::new();
    for _ in 0..random.below(4) {
        let rows = random.below(30);
        let batch = match batches.last() {
            // Dictionaries that stay the same.
            Some(last) if random.chance(3) && rows <= last.batch.num_rows() => last.batch.slice(0, rows),
            _ => generate::batch(random, schema.schema(), rows),
        };
        batches.push(AnnotatedBatch::new(batch, generate::metadata(random)));
    }
    Stream { schema, batches }
}

pub(crate) fn encode(streams: &[Stream], ends: bool) -> Bytes {
    let mut frames = Frames::new();
    for Stream { schema, batches } in streams {
        let mut encoder = StreamEncoder::new(schema.clone());
        encoder.write_schema(&mut frames);
        for batch in batches {
            encoder.write_batch(&batch.batch, &batch.metadata, &mut frames).unwrap();
        }
        if ends {
            encoder.write_end(&mut frames);
        }
    }
    let length = frames.len();
    let bytes = frames.into_bytes();
    assert_eq!(bytes.len(), length);
    bytes
}

fn assert_same(decoded: &AnnotatedBatch, sent: &AnnotatedBatch) {
    assert_eq!(decoded.metadata, sent.metadata);
    assert_eq!(decoded.batch.schema(), sent.batch.schema());
    assert_eq!(decoded.batch, sent.batch);
    validate(&decoded.batch);
}

pub(crate) fn validate(batch: &RecordBatch) {
    for column in batch.columns() {
        column.to_data().validate_full().unwrap();
    }
}

proptest! {
    #[test]
    fn every_type_comes_back(seed: u64, ends: bool, aligned: bool) {
        let mut random = Random::new(seed);
        let streams: Vec<Stream> = (0..if ends { 1 + random.below(3) } else { 1 }).map(|_| stream(&mut random)).collect();
        let bytes = encode(&streams, ends);
        let shifted = Buffer::from([&[0_u8][..], &bytes].concat().as_slice()).slice(1);
        let body = if aligned { Buffer::from(&bytes[..]) } else { shifted };

        let mut decoder = Decoder::new(body, Limits::default()).with_schema_cache(Arc::new(SchemaCache::new()));
        for sent in &streams {
            let schema = decoder.next_stream().unwrap().unwrap();
            prop_assert_eq!(schema.schema(), sent.schema.schema());
            prop_assert_eq!(schema.message(), sent.schema.message());
            for batch in &sent.batches {
                assert_same(&decoder.next_batch().unwrap().unwrap(), batch);
            }
            prop_assert!(decoder.next_batch().unwrap().is_none());
            prop_assert!(decoder.next_batch().unwrap().is_none());
        }
        prop_assert!(decoder.next_stream().unwrap().is_none());
        prop_assert_eq!(decoder.remaining(), 0);
    }

    #[test]
    fn pieces_of_any_size_give_the_same(seed: u64, most in 1_usize..400) {
        let mut random = Random::new(seed);
        let streams = [stream(&mut random), stream(&mut random)];
        let mut bytes = encode(&streams, true);

        let mut decoder = IncrementalDecoder::new(Limits::default());
        let mut events = Vec::new();
        while !bytes.is_empty() {
            decoder.push(bytes.split_to((1 + random.below(most)).min(bytes.len())));
            if random.chance(2) {
                while let Some(event) = decoder.next_event().unwrap() {
                    events.push(event);
                }
            }
        }
        while let Some(event) = decoder.next_event().unwrap() {
            events.push(event);
        }
        decoder.finish().unwrap();

        let mut events = events.into_iter();
        for stream in &streams {
            match events.next() {
                Some(Event::Schema(schema)) => prop_assert_eq!(schema.schema(), stream.schema.schema()),
                other => prop_assert!(false, "expected a schema, got {:?}", other),
            }
            for sent in &stream.batches {
                match events.next() {
                    Some(Event::Batch(batch)) => assert_same(&batch, sent),
                    other => prop_assert!(false, "expected a batch, got {:?}", other),
                }
            }
            prop_assert!(matches!(events.next(), Some(Event::EndOfStream)));
        }
        prop_assert!(events.next().is_none());
    }

    #[test]
    fn streams_are_skipped_unread(seed: u64, read in 0_usize..3) {
        let mut random = Random::new(seed);
        let streams = [stream(&mut random), stream(&mut random)];
        let mut decoder = Decoder::new(encode(&streams, true).into(), Limits::default());
        decoder.next_stream().unwrap().unwrap();
        for _ in 0..read {
            decoder.next_batch().unwrap();
        }
        let second = decoder.next_stream().unwrap().unwrap();
        prop_assert_eq!(second.schema(), streams[1].schema.schema());
        decoder.skip_rest().unwrap();
        prop_assert!(decoder.next_batch().unwrap().is_none());
        prop_assert!(decoder.next_stream().unwrap().is_none());
    }

    #[test]
    fn any_metadata_comes_back(entries in proptest::collection::vec((any::<Vec<u8>>(), any::<Vec<u8>>()), 0..20)) {
        let mut metadata = Metadata::new();
        entries.iter().for_each(|(key, value)| metadata.append(key, value));
        let batch = RecordBatch::new_empty(WireSchema::empty().schema().clone());
        let bytes = tower_vgi::wire::encode_batch(&batch, &metadata).unwrap();
        let decoded = tower_vgi::wire::decode_batch(bytes.into(), Limits::default()).unwrap();
        prop_assert_eq!(decoded.metadata, metadata);
    }
}
