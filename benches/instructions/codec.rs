//! The codec by itself, on what a small unary call has.

use std::hint::black_box;
use std::sync::Arc;

use tower_vgi::wire::{Decoder, Limits, Metadata, SchemaCache, StreamEncoder, WireSchema, encode_batch, keys};

use crate::support::Arguments;
use crate::{HotPath, TIMES};

/// The parameters of `add`, checked and decoded.
pub(crate) fn decode() -> HotPath {
    let parameters = Arguments::none().with("a", 1.5).with("b", 2.25).batch();
    let metadata =
        Metadata::from_iter([(keys::METHOD, "add"), (keys::REQUEST_VERSION, "1"), (keys::PROTOCOL, "Bench")]);
    let body = encode_batch(&parameters, &metadata).unwrap();
    let cache = Arc::new(SchemaCache::default());
    Box::new(move || {
        let (body, cache) = (arrow_buffer::Buffer::from(&body[..]), cache.clone());
        Box::new(move || {
            for _ in 0..TIMES {
                let mut decoder = Decoder::new(body.clone(), Limits::default()).with_schema_cache(cache.clone());
                decoder.next_stream().unwrap().unwrap();
                black_box(decoder.next_batch().unwrap().unwrap());
                decoder.skip_rest().unwrap();
            }
        })
    })
}

/// The result of `add`, as a stream.
pub(crate) fn encode() -> HotPath {
    let result = Arguments::none().with("result", 3.75).batch();
    let schema = WireSchema::new(result.schema()).unwrap();
    Box::new(move || {
        let (result, schema) = (result.clone(), schema.clone());
        Box::new(move || {
            for _ in 0..TIMES {
                let mut frames = tower_vgi::wire::Frames::new();
                let mut encoder = StreamEncoder::new(schema.clone());
                encoder.write_schema(&mut frames);
                encoder.write_batch(&result, &Metadata::new(), &mut frames).unwrap();
                encoder.write_end(&mut frames);
                black_box(frames);
            }
        })
    })
}
