#![no_main]

use arrow_buffer::Buffer;
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use tower_vgi::wire::{AnnotatedBatch, Decoder, Event, IncrementalDecoder, Limits, WireError};

fuzz_target!(|input: &[u8]| {
    let Some((size, body)) = input.split_first() else { return };
    let limits = Limits::default().with_max_decoded_bytes(1 << 20).with_max_unbacked_rows(1 << 12);
    let whole = whole(body, limits.clone());
    let pieces = pieces(body, usize::from(*size) + 1, limits);
    // The limits are for a body in one case and for a message in the other, so one may refuse
    // what the other takes. What both take is the same, compared as text: a NaN is not equal to
    // itself.
    if let (Ok(whole), Ok(pieces)) = (whole, pieces) {
        assert_eq!(format!("{whole:?}"), format!("{pieces:?}"));
    }
});

fn whole(body: &[u8], limits: Limits) -> Result<Vec<AnnotatedBatch>, WireError> {
    let mut decoder = Decoder::new(Buffer::from(body), limits);
    let mut batches = Vec::new();
    while decoder.next_stream()?.is_some() {
        while let Some(batch) = decoder.next_batch()? {
            batches.push(batch);
        }
    }
    Ok(batches)
}

fn pieces(body: &[u8], size: usize, limits: Limits) -> Result<Vec<AnnotatedBatch>, WireError> {
    let mut decoder = IncrementalDecoder::new(limits);
    let mut batches = Vec::new();
    for piece in body.chunks(size) {
        decoder.push(Bytes::copy_from_slice(piece));
        while let Some(event) = decoder.next_event()? {
            if let Event::Batch(batch) = event {
                batches.push(batch);
            }
        }
    }
    decoder.finish()?;
    Ok(batches)
}
