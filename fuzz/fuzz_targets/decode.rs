#![no_main]

use arrow_array::Array;
use arrow_buffer::Buffer;
use libfuzzer_sys::fuzz_target;
use tower_vgi::wire::{Decoder, Limits, WireError};

fuzz_target!(|body: &[u8]| {
    let _ = decode(body);
});

fn decode(body: &[u8]) -> Result<(), WireError> {
    let limits = Limits::default().with_max_decoded_bytes(1 << 20).with_max_unbacked_rows(1 << 12);
    let mut decoder = Decoder::new(Buffer::from(body), limits);
    while decoder.next_stream()?.is_some() {
        while let Some(batch) = decoder.next_batch()? {
            for column in batch.batch.columns() {
                column.to_data().validate_full().expect("decoded arrays are valid");
            }
        }
    }
    Ok(())
}
