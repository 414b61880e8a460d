//! Valid streams, damaged: whatever is done to them gives an error or a valid batch, without a
//! panic and within the limits.

use std::io::Cursor;
use std::sync::Arc;

use arrow_buffer::Buffer;
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{DictionaryHandling, IpcWriteOptions, StreamWriter};
use bytes::Bytes;
use tower_vgi::wire::{
    AnnotatedBatch, Decoder, Event, Frames, IncrementalDecoder, Limits, SchemaCache, StreamEncoder, WireError,
    WireSchema,
};

use crate::allocated;
use crate::generate::{self, Random};

const STREAMS: u64 = 400;
const MUTATIONS: usize = 60;
const CAP: usize = 256 << 10;

pub(crate) fn damaged_streams_give_an_error_or_a_batch() {
    let cache = Arc::new(SchemaCache::new());
    let mut accepted = 0;
    for seed in 0..STREAMS {
        let mut random = Random::new(seed);
        let valid = if random.chance(2) { ours(&mut random) } else { arrow_ipcs(&mut random) };
        let other = ours(&mut random);
        for mutation in 0..MUTATIONS {
            let damaged = mutate(&mut random, &valid, &other);
            let limits = Limits::default().with_max_decoded_bytes(CAP).with_max_unbacked_rows(10_000);
            // As `Limits` has it, with temporary memory too: this counts all that was allocated,
            // not what is held at a time.
            let most = 2 * CAP + 128 * damaged.len() + (16 << 10);
            let context = format!("seed {seed}, mutation {mutation}");

            let body = Buffer::from(&damaged[..]);
            let (whole, bytes) = allocated(|| decode(body, limits.clone(), &cache));
            assert!(bytes <= most, "{context}: decoding {} bytes allocated {bytes}", damaged.len());
            accepted += usize::from(whole.is_ok());

            let pieces = in_pieces(&mut random, &damaged);
            let (incremental, bytes) = allocated(|| decode_pieces(pieces, limits));
            assert!(bytes <= most, "{context}: decoding {} bytes in pieces allocated {bytes}", damaged.len());

            for batches in [&whole, &incremental].into_iter().flatten() {
                for column in batches.iter().flat_map(|batch| batch.batch.columns()) {
                    column.to_data().validate_full().unwrap_or_else(|error| panic!("{context}: {error}"));
                }
            }
            if let (Ok(whole), Ok(incremental)) = (whole, incremental) {
                // Compared as text: a NaN does not equal itself.
                assert_eq!(format!("{whole:?}"), format!("{incremental:?}"), "{context}");
            }
        }
    }
    // Many mutations hit values, which may be anything.
    assert!(accepted > 1000, "only {accepted} mutated streams were accepted");
}

fn decode(body: Buffer, limits: Limits, cache: &Arc<SchemaCache>) -> Result<Vec<AnnotatedBatch>, WireError> {
    let mut decoder = Decoder::new(body, limits).with_schema_cache(cache.clone());
    let mut batches = Vec::new();
    while decoder.next_stream()?.is_some() {
        while let Some(batch) = decoder.next_batch()? {
            batches.push(batch);
        }
    }
    Ok(batches)
}

fn decode_pieces(pieces: Vec<Bytes>, limits: Limits) -> Result<Vec<AnnotatedBatch>, WireError> {
    let mut decoder = IncrementalDecoder::new(limits);
    let mut batches = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        while let Some(event) = decoder.next_event()? {
            if let Event::Batch(batch) = event {
                batches.push(batch);
            }
        }
    }
    decoder.finish()?;
    Ok(batches)
}

fn in_pieces(random: &mut Random, bytes: &[u8]) -> Vec<Bytes> {
    let mut bytes = Bytes::copy_from_slice(bytes);
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        let length = (1 + random.below(2000)).min(bytes.len());
        pieces.push(bytes.split_to(length));
    }
    pieces
}

fn ours(random: &mut Random) -> Vec<u8> {
    let schema = WireSchema::new(generate::schema(random)).unwrap();
    let mut frames = Frames::new();
    let mut encoder = StreamEncoder::new(schema.clone());
    encoder.write_schema(&mut frames);
    for _ in 0..1 + random.below(3) {
        let rows = random.below(20);
        let batch = generate::batch(random, schema.schema(), rows);
        encoder.write_batch(&batch, &generate::metadata(random), &mut frames).unwrap();
    }
    encoder.write_end(&mut frames);
    frames.into_bytes().to_vec()
}

/// Compressed buffers and dictionary deltas, which we do not write.
fn arrow_ipcs(random: &mut Random) -> Vec<u8> {
    let compression = [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)][random.below(3)];
    let options = IpcWriteOptions::default().with_dictionary_handling(DictionaryHandling::Delta);
    let schema = generate::schema(random);
    let options = options.try_with_compression(compression).unwrap();
    let mut writer = StreamWriter::try_new_with_options(Cursor::new(Vec::new()), &schema, options).unwrap();
    for _ in 0..1 + random.below(3) {
        let rows = random.below(20);
        writer.write(&generate::batch(random, &schema, rows)).unwrap();
    }
    writer.into_inner().unwrap().into_inner()
}

fn mutate(random: &mut Random, valid: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = valid.to_vec();
    match random.below(12) {
        0 => bytes.truncate(random.below(valid.len())),
        1 => {
            let (cut, from) = (8 * random.below(valid.len() / 8), 8 * random.below(other.len() / 8));
            bytes.truncate(cut);
            bytes.extend_from_slice(&other[from..]);
        }
        2 => {
            let (start, length) = (random.below(valid.len()), random.below(64));
            bytes.drain(start..(start + length).min(valid.len()));
        }
        3 => {
            let start = 8 * random.below(valid.len() / 8);
            let number: i64 = [0, 1, -1, 7, 8, 1 << 31, 1 << 62, i64::MIN, i64::MAX][random.below(9)];
            let end = (start + 8).min(valid.len());
            bytes[start..end].copy_from_slice(&number.to_le_bytes()[..end - start]);
        }
        _ => {
            for _ in 0..1 + random.below(4) {
                let place = random.below(valid.len());
                bytes[place] = match random.below(4) {
                    0 => bytes[place] ^ (1 << random.below(8)),
                    1 => bytes[place].wrapping_add(1),
                    2 => [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
                    _ => random.next() as u8,
                };
            }
        }
    }
    bytes
}
