//! Arrow IPC streams and files.

use std::io::{self, Cursor, Read};

use arrow_ipc::reader::FileReader;
use bytes::BytesMut;
use tower_vgi::wire::{AnnotatedBatch, Event, IncrementalDecoder, Limits};

use super::Batches;

/// An IPC stream, batch for batch, with the metadata of each.
pub(super) struct Stream<R> {
    source: R,
    decoder: IncrementalDecoder,
    ended: bool,
}

/// As much as is read at once.
const CHUNK: usize = 64 << 10;

impl<R: Read> Stream<R> {
    pub(super) fn new(source: R) -> Self {
        // It is the user's own, and null where the schema has none is for the server to refuse.
        let limits = Limits::default().with_max_decoded_bytes(usize::MAX / 2);
        Self { source, decoder: IncrementalDecoder::new(limits).allow_nulls(), ended: false }
    }

    fn next_batch(&mut self) -> Result<Option<AnnotatedBatch>, String> {
        loop {
            match self.decoder.next_event().map_err(|error| error.to_string())? {
                Some(Event::Batch(batch)) => return Ok(Some(batch)),
                Some(Event::Schema(_) | Event::EndOfStream) => {}
                None => {
                    let mut chunk = BytesMut::zeroed(CHUNK);
                    let read = read(&mut self.source, &mut chunk).map_err(|error| error.to_string())?;
                    if read == 0 {
                        self.decoder.finish().map_err(|error| error.to_string())?;
                        return Ok(None);
                    }
                    chunk.truncate(read);
                    self.decoder.push(chunk.freeze());
                }
            }
        }
    }
}

fn read(source: &mut impl Read, chunk: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

impl<R: Read> Iterator for Stream<R> {
    type Item = Result<AnnotatedBatch, String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.next_batch();
        self.ended = !matches!(next, Ok(Some(_)));
        next.transpose()
    }
}

/// An IPC file. What says where its batches are is at its end: all of it is read first.
pub(super) fn file(mut source: impl Read) -> io::Result<Batches> {
    let mut bytes = Vec::new();
    source.read_to_end(&mut bytes)?;
    let reader = FileReader::try_new(Cursor::new(bytes), None).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(Box::new(reader.map(|batch| batch.map(AnnotatedBatch::from).map_err(|error| error.to_string()))))
}
