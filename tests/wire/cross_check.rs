//! arrow-ipc reads what we write, and the other way round.

use std::io::Cursor;

use arrow_ipc::CompressionType;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use proptest::prelude::*;
use tower_vgi::wire::{Decoder, Limits, Metadata};

use crate::generate::Random;
use crate::round_trip::{encode, stream, validate};

proptest! {
    #[test]
    fn arrow_ipc_reads_what_we_write(seed: u64) {
        let mut sent = stream(&mut Random::new(seed));
        // It refuses what is not UTF-8, even though it shows none of it.
        sent.batches.iter_mut().for_each(|batch| batch.metadata = Metadata::from_iter([("key", "välue")]));
        let bytes = encode(std::slice::from_ref(&sent), true);
        let mut reader = StreamReader::try_new(Cursor::new(bytes), None).unwrap();
        prop_assert_eq!(&reader.schema(), sent.schema.schema());
        for batch in &sent.batches {
            let read = reader.next().unwrap().unwrap();
            prop_assert_eq!(&read, &batch.batch);
        }
        prop_assert!(reader.next().is_none());
    }

    #[test]
    fn we_read_what_arrow_ipc_writes(seed: u64, compression in 0..3, alignment in prop::sample::select(vec![8_usize, 64])) {
        let sent = stream(&mut Random::new(seed));
        // It gets empty slices of run-end encoded views and unions wrong; its own reader panics.
        let types = format!("{:?}", sent.schema.schema());
        if types.contains("RunEndEncoded") && (types.contains("View") || types.contains("Union")) {
            return Ok(());
        }
        let compression = [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)][compression as usize];
        let options = IpcWriteOptions::try_new(alignment, false, arrow_ipc::MetadataVersion::V5).unwrap();
        let options = options.try_with_compression(compression).unwrap();
        let mut writer = StreamWriter::try_new_with_options(Vec::new(), sent.schema.schema(), options).unwrap();
        for batch in &sent.batches {
            writer.write(&batch.batch).unwrap();
        }
        let bytes = writer.into_inner().unwrap();
        let mut decoder = Decoder::new(bytes.into(), Limits::default());
        let schema = decoder.next_stream().unwrap().unwrap();
        prop_assert_eq!(schema.schema(), sent.schema.schema());
        for batch in &sent.batches {
            let read = decoder.next_batch().unwrap().unwrap();
            prop_assert_eq!(&read.batch, &batch.batch);
            prop_assert!(read.metadata.is_empty());
            validate(&read.batch);
        }
        prop_assert!(decoder.next_batch().unwrap().is_none());
    }
}

#[test]
fn what_compressed_buffers_become_is_known() {
    use arrow_array::{ArrayRef, Int64Array, RecordBatch};

    let column: ArrayRef = std::sync::Arc::new(Int64Array::from(vec![7; 100_000]));
    let batch = RecordBatch::try_from_iter([("n", column)]).unwrap();
    for (compression, expected) in [(None, 0), (Some(CompressionType::ZSTD), 800_000)] {
        let options = IpcWriteOptions::default().try_with_compression(compression).unwrap();
        let mut writer = StreamWriter::try_new_with_options(Vec::new(), &batch.schema(), options).unwrap();
        writer.write(&batch).unwrap();
        let mut decoder = Decoder::new(writer.into_inner().unwrap().into(), Limits::default());
        decoder.next_stream().unwrap();
        assert_eq!(decoder.decompressed(), 0);
        decoder.next_batch().unwrap().unwrap();
        assert_eq!(decoder.decompressed(), expected);
    }
}
