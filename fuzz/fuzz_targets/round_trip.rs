#![no_main]

#[allow(dead_code)]
#[path = "../../tests/wire/generate.rs"]
mod generate;

use libfuzzer_sys::fuzz_target;
use tower_vgi::wire::{Decoder, Frames, Limits, StreamEncoder, WireSchema};

fuzz_target!(|seed: u64| {
    let mut random = generate::Random::new(seed);
    let schema = WireSchema::new(generate::schema(&mut random)).expect("the schema can be encoded");
    let mut frames = Frames::new();
    let mut encoder = StreamEncoder::new(schema.clone());
    encoder.write_schema(&mut frames);
    let sent: Vec<_> = (0..random.below(4))
        .map(|_| {
            let rows = random.below(50);
            let batch = generate::batch(&mut random, schema.schema(), rows);
            let metadata = generate::metadata(&mut random);
            encoder.write_batch(&batch, &metadata, &mut frames).expect("the batch can be encoded");
            (batch, metadata)
        })
        .collect();
    encoder.write_end(&mut frames);

    let mut decoder = Decoder::new(frames.into_bytes().into(), Limits::default());
    decoder.next_stream().expect("the schema can be decoded").expect("there is a stream");
    for (batch, metadata) in sent {
        let decoded = decoder.next_batch().expect("the batch can be decoded").expect("there is a batch");
        assert_eq!((decoded.batch, decoded.metadata), (batch, metadata));
    }
    assert!(decoder.next_batch().expect("the stream can be decoded").is_none());
});
