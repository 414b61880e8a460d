//! A decoded response.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use tower_vgi::wire::{AnnotatedBatch, BatchKind, Decoder, Limits, keys};
use tower_vgi::{Record, VgiArrow};

/// A response: its head, and every IPC stream of its body.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub streams: Vec<(SchemaRef, Vec<AnnotatedBatch>)>,
}

impl Answer {
    pub fn decode(status: StatusCode, headers: HeaderMap, body: Vec<u8>) -> Self {
        let mut decoder = Decoder::new(body.into(), Limits::default());
        let mut streams = Vec::new();
        while let Some(schema) = decoder.next_stream().expect("an IPC stream") {
            let mut batches = Vec::new();
            while let Some(batch) = decoder.next_batch().expect("a batch") {
                batches.push(batch);
            }
            streams.push((schema.schema().clone(), batches));
        }
        Self { status, headers, streams }
    }

    /// All batches of all streams.
    pub fn batches(&self) -> impl Iterator<Item = &AnnotatedBatch> {
        self.streams.iter().flat_map(|(_, batches)| batches)
    }

    /// The batches with data, those of a header included.
    pub fn data(&self) -> Vec<&AnnotatedBatch> {
        self.batches().filter(|batch| batch.kind() == BatchKind::Data).collect()
    }

    /// Levels and texts of the log messages.
    pub fn logs(&self) -> Vec<(String, String)> {
        let logs = self.batches().filter_map(|batch| match batch.kind() {
            BatchKind::Log { level, message } => Some((level.into_owned(), message.into_owned())),
            _ => None,
        });
        logs.collect()
    }

    /// Type and text of the error, if this is one.
    pub fn error(&self) -> Option<(String, String)> {
        let error = self.batches().find(|batch| matches!(batch.kind(), BatchKind::Error { .. }))?;
        let extra: Value = serde_json::from_slice(error.metadata.get(keys::LOG_EXTRA)?).ok()?;
        let text = |key: &str| extra.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        Some((text("exception_type"), text("exception_message")))
    }

    /// The error, where one has to be.
    pub fn unwrap_error(&self) -> (String, String) {
        self.error().unwrap_or_else(|| panic!("expected an error, got {self:?}"))
    }

    /// The only data batch.
    pub fn single(&self) -> &RecordBatch {
        match self.data().as_slice() {
            [only] => &only.batch,
            _ => panic!("expected one batch of data, got {self:?}"),
        }
    }

    /// The result of a unary method.
    pub fn value<T: VgiArrow>(&self) -> T {
        let batch = self.single();
        let column = batch.column_by_name("result").unwrap_or_else(|| panic!("no result in {self:?}"));
        T::from_parameter(column, 0).unwrap()
    }

    /// The rows of every data batch of the last stream.
    pub fn rows<R: Record>(&self) -> Vec<R> {
        let (_, batches) = self.streams.last().expect("a stream");
        let data = batches.iter().filter(|batch| batch.batch.num_rows() > 0);
        data.flat_map(|batch| R::rows(&batch.batch).unwrap()).collect()
    }

    /// A metadata value of any batch.
    pub fn metadata(&self, key: &str) -> Option<String> {
        self.batches().find_map(|batch| batch.metadata.get_str(key)).map(str::to_owned)
    }
}
