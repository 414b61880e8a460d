//! [`Scan`]: follows Arrow IPC as it arrives, and decodes nothing but the headers.

use anyhow::{Context as _, Result, bail, ensure};
use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::root_as_message;

use crate::keys;

/// What has been seen of the streams of one body.
#[derive(Debug, Default)]
pub struct Scan {
    /// Rows of the batches whose last byte has arrived.
    pub rows: i64,
    /// How many of these batches had rows.
    pub batches: u64,
    /// The token for the next request.
    pub state: Option<String>,
    /// The same, of a batch without rows: with it a streamed response ends before its stream does.
    pub continuation: Option<String>,
    /// The token that does not change.
    pub call: Option<String>,
    ends: u64,
    next: Part,
    head: Vec<u8>,
}

#[derive(Debug, Default)]
enum Part {
    /// The continuation mark and the header's length.
    #[default]
    Prefix,
    Header(usize),
    Body {
        left: usize,
        rows: Option<i64>,
    },
}

impl Scan {
    pub fn new() -> Self {
        Self::default()
    }

    /// The first batch with rows of a complete body, for the checks of values.
    pub fn first_batch(body: &[u8]) -> Result<RecordBatch> {
        let mut scan = Self::new();
        scan.feed(body)?;
        scan.finish()?;
        for batch in StreamReader::try_new(body, None)? {
            let batch = batch?;
            if batch.num_rows() > 0 {
                return Ok(batch);
            }
        }
        bail!("no batch with rows")
    }

    /// Takes the next bytes of the body.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            match self.next {
                Part::Prefix => {
                    if self.gather(&mut bytes, 8) {
                        let prefix = std::mem::take(&mut self.head);
                        self.next = self.prefix(&prefix)?;
                        self.reuse(prefix);
                    }
                }
                Part::Header(length) => {
                    if self.gather(&mut bytes, length) {
                        let header = std::mem::take(&mut self.head);
                        let (left, rows) = self.header(&header)?;
                        self.reuse(header);
                        self.skip(left, rows, &mut bytes);
                    }
                }
                Part::Body { left, rows } => self.skip(left, rows, &mut bytes),
            }
        }
        Ok(())
    }

    /// At the end of the body: nothing may be half there.
    pub fn finish(&self) -> Result<()> {
        ensure!(matches!(self.next, Part::Prefix) && self.head.is_empty(), "the body ends inside a message");
        ensure!(self.ends > 0, "the body has no end-of-stream mark");
        Ok(())
    }

    /// Moves bytes to `head`; whether it has so many now.
    fn gather(&mut self, bytes: &mut &[u8], length: usize) -> bool {
        let (taken, rest) = bytes.split_at((length - self.head.len()).min(bytes.len()));
        self.head.extend_from_slice(taken);
        *bytes = rest;
        self.head.len() == length
    }

    /// Nothing is allocated for each message: the client's work is a part of every latency.
    fn reuse(&mut self, mut head: Vec<u8>) {
        head.clear();
        self.head = head;
    }

    fn prefix(&mut self, prefix: &[u8]) -> Result<Part> {
        let [0xFF, 0xFF, 0xFF, 0xFF, length @ ..] = prefix else { bail!("not an IPC continuation mark: {prefix:?}") };
        let length = u32::from_le_bytes(length.try_into()?) as usize;
        if length > 0 {
            return Ok(Part::Header(length));
        }
        self.ends += 1;
        Ok(Part::Prefix)
    }

    fn header(&mut self, header: &[u8]) -> Result<(usize, Option<i64>)> {
        let message = root_as_message(header).context("bad message")?;
        let rows = message.header_as_record_batch().map(|batch| batch.length());
        for pair in message.custom_metadata().into_iter().flatten() {
            let value = pair.value().unwrap_or_default();
            match pair.key() {
                Some(keys::STREAM_STATE) => {
                    self.state = Some(value.to_owned());
                    self.continuation = (rows == Some(0)).then(|| value.to_owned());
                }
                Some(keys::CALL_STATE) => self.call = Some(value.to_owned()),
                Some(keys::LOG_LEVEL) => ensure!(value != "EXCEPTION", "the server answered with an error batch"),
                _ => {}
            }
        }
        Ok((usize::try_from(message.bodyLength())?, rows))
    }

    fn skip(&mut self, left: usize, rows: Option<i64>, bytes: &mut &[u8]) {
        let taken = left.min(bytes.len());
        *bytes = &bytes[taken..];
        if taken < left {
            self.next = Part::Body { left: left - taken, rows };
            return;
        }
        self.next = Part::Prefix;
        let rows = rows.unwrap_or_default();
        self.rows += rows;
        self.batches += u64::from(rows > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Template, data};

    fn body() -> Vec<u8> {
        let metadata = [(keys::STREAM_STATE, "cursor"), (keys::CALL_STATE, "call")];
        Template::new(&data::values(5).unwrap()).unwrap().stream(&metadata).unwrap()
    }

    #[test]
    fn any_cut_shows_the_same() {
        let body = body();
        for cut in 0..body.len() {
            let mut scan = Scan::new();
            scan.feed(&body[..cut]).unwrap();
            assert!(scan.finish().is_err(), "{cut}");
            scan.feed(&body[cut..]).unwrap();
            scan.finish().unwrap();
            assert_eq!((scan.rows, scan.batches), (5, 1));
            assert_eq!((scan.state.as_deref(), scan.call.as_deref()), (Some("cursor"), Some("call")));
            assert_eq!(scan.continuation, None);
        }
    }

    #[test]
    fn a_batch_is_counted_with_its_last_byte() {
        let body = body();
        let mut scan = Scan::new();
        scan.feed(&body[..body.len() - 9]).unwrap();
        assert_eq!(scan.batches, 0);
        scan.feed(&body[body.len() - 9..body.len() - 8]).unwrap();
        assert_eq!(scan.batches, 1);
    }

    #[test]
    fn a_batch_without_rows_continues_a_streamed_response() {
        let empty = Template::new(&data::tick().unwrap()).unwrap();
        let mut scan = Scan::new();
        scan.feed(&empty.stream(&[(keys::STREAM_STATE, "more")]).unwrap()).unwrap();
        assert_eq!((scan.continuation.as_deref(), scan.batches), (Some("more"), 0));
    }

    #[test]
    fn an_error_batch_is_an_error() {
        let body = Template::new(&data::tick().unwrap()).unwrap().stream(&[(keys::LOG_LEVEL, "EXCEPTION")]).unwrap();
        assert!(Scan::new().feed(&body).is_err());
    }

    #[test]
    fn the_first_batch_can_be_had() {
        assert_eq!(Scan::first_batch(&body()).unwrap(), data::values(5).unwrap());
        assert!(Scan::first_batch(&body()[..100]).is_err());
    }
}
