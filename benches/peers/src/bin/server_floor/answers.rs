//! [`Answers`]: every response body, made before the first request.

use std::convert::Infallible;

use anyhow::Result;
use arrow_array::RecordBatch;
use bytes::Bytes;
use futures_util::stream;
use http_body::Frame;
use http_body_util::{Either, Full, StreamBody};
use peers::{Template, data, keys, template};

type Frames = stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, Infallible>>>;

/// One piece, or several.
pub(crate) type Answer = Either<Full<Bytes>, StreamBody<Frames>>;

pub(crate) struct Answers {
    pub(crate) add: Bytes,
    pub(crate) echo_compressed: Bytes,
    pub(crate) produce_first: Bytes,
    pub(crate) produce_next: Bytes,
    pub(crate) produce_last: Bytes,
    pub(crate) scale_init: Bytes,
    /// Each with the least size of a request that it answers.
    echoes: Vec<(usize, Bytes)>,
    scaled: Vec<(usize, Bytes)>,
    streamed: Vec<Bytes>,
}

impl Answers {
    pub(crate) fn new() -> Result<Self> {
        // As long as real ones: a sealed cursor and a sealed call.
        let (cursor, call) = ("A".repeat(104), "B".repeat(328));
        let next = [(keys::STREAM_STATE, cursor.as_str())];
        let first = [(keys::STREAM_STATE, cursor.as_str()), (keys::CALL_STATE, call.as_str())];
        let mut echoes = Vec::new();
        for bytes in data::ECHO_BYTES {
            echoes.push((bytes, stream_of(&data::binary("result", &data::noise(bytes))?, &[])?));
        }
        let mut scaled = Vec::new();
        for (at_least, rows) in [(0, 1), (32 << 10, 8192)] {
            scaled.push((at_least, stream_of(&data::scaled(&data::values(rows)?, data::FACTOR)?, &next)?));
        }
        let words = stream_of(&data::binary("result", &data::words(data::ECHO_BYTES[1]))?, &[])?;
        Ok(Self {
            add: stream_of(&data::floats([("result", 3.75)])?, &[])?,
            echo_compressed: zstd::bulk::compress(&words, 1)?.into(),
            produce_first: batch_with(Some(&first))?,
            produce_next: batch_with(Some(&next))?,
            produce_last: batch_with(None)?,
            scale_init: stream_of(&RecordBatch::new_empty(data::value_schema()), &first)?,
            echoes,
            scaled,
            streamed: streamed()?,
        })
    }

    /// For a request of so many bytes.
    pub(crate) fn echo(&self, size: usize) -> Option<&Bytes> {
        largest(&self.echoes, size)
    }

    /// For a request of so many bytes.
    pub(crate) fn scale(&self, size: usize) -> Option<&Bytes> {
        largest(&self.scaled, size)
    }

    /// A whole producer in one body, a frame for each batch.
    pub(crate) fn produce_streamed(&self) -> StreamBody<Frames> {
        let frames: Vec<_> = self.streamed.iter().map(|bytes| Ok(Frame::data(bytes.clone()))).collect();
        StreamBody::new(stream::iter(frames))
    }
}

fn largest(answers: &[(usize, Bytes)], size: usize) -> Option<&Bytes> {
    answers.iter().rfind(|(at_least, _)| *at_least <= size).map(|(_, bytes)| bytes)
}

fn stream_of(batch: &RecordBatch, metadata: &template::Metadata<'_>) -> Result<Bytes> {
    Ok(Template::new(batch)?.stream(metadata)?.into())
}

/// A step of a producer: the batch, and the tokens on one without rows after it.
fn batch_with(tokens: Option<&template::Metadata<'_>>) -> Result<Bytes> {
    let samples = Template::new(&data::samples(data::PRODUCED_ROWS)?)?;
    let mut body = Vec::new();
    samples.write_schema(&mut body);
    samples.write_batch(&mut body, &[])?;
    if let Some(tokens) = tokens {
        Template::new(&RecordBatch::new_empty(data::sample_schema()))?.write_batch(&mut body, tokens)?;
    }
    template::write_end(&mut body);
    Ok(body.into())
}

fn streamed() -> Result<Vec<Bytes>> {
    let samples = Template::new(&data::samples(data::PRODUCED_ROWS)?)?;
    let (mut head, mut batch, mut end) = (Vec::new(), Vec::new(), Vec::new());
    samples.write_schema(&mut head);
    samples.write_batch(&mut batch, &[])?;
    template::write_end(&mut end);
    let batch = Bytes::from(batch);
    let batches = (0..data::PRODUCED_BATCHES).map(|_| batch.clone());
    Ok(std::iter::once(head.into()).chain(batches).chain([end.into()]).collect())
}
