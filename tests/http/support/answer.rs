//! Responses, decoded.

use arrow_schema::SchemaRef;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;
use tower_vgi::VgiArrow;
use tower_vgi::rpc::ARROW_STREAM;
use tower_vgi::wire::{AnnotatedBatch, BatchKind, Decoder, Limits, Metadata, keys};

/// A whole response.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What a caller carries to its next turn.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tokens {
    pub(crate) cursor: Option<String>,
    pub(crate) call: Option<String>,
}

/// An error batch.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) exception: String,
    pub(crate) message: String,
    pub(crate) kind: Option<String>,
    pub(crate) code: String,
    pub(crate) details: Option<Value>,
    pub(crate) extra: Value,
    pub(crate) metadata: Metadata,
}

impl Tokens {
    /// Those of a batch, where it has any.
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let text = |key| metadata.get_str(key).map(str::to_owned);
        Self { cursor: text(keys::STREAM_STATE), call: text(keys::CALL_STATE) }
    }

    /// Only the newest cursor, as callers of the oldest releases have it.
    pub(crate) fn cursor_only(&self) -> Self {
        Self { cursor: self.cursor.clone(), call: None }
    }

    /// The newer cursor with the call token from the start.
    pub(crate) fn moved_to(&self, newer: &Self) -> Self {
        Self { cursor: newer.cursor.clone(), call: self.call.clone() }
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn is_arrow(&self) -> bool {
        self.header(header::CONTENT_TYPE.as_str()) == Some(ARROW_STREAM)
    }

    pub(crate) fn is_json(&self) -> bool {
        self.header(header::CONTENT_TYPE.as_str()) == Some("application/json")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Whether the response says that it carries an error in spite of its status.
    pub(crate) fn says_error(&self) -> bool {
        self.header("x-vgi-rpc-error") == Some("true")
    }

    /// All IPC streams of the body.
    pub(crate) fn streams(&self) -> Vec<(SchemaRef, Vec<AnnotatedBatch>)> {
        assert!(self.is_arrow(), "{} {:?}", self.status, self.headers);
        let mut decoder = Decoder::new(self.body.clone().into(), Limits::default());
        let mut streams = Vec::new();
        while let Some(schema) = decoder.next_stream().unwrap() {
            let mut batches = Vec::new();
            while let Some(batch) = decoder.next_batch().unwrap() {
                batches.push(batch);
            }
            streams.push((schema.schema().clone(), batches));
        }
        streams
    }

    /// The batches of the last stream: the only one unless there is a header.
    pub(crate) fn batches(&self) -> Vec<AnnotatedBatch> {
        self.streams().pop().expect("a stream").1
    }

    /// The schema of the last stream.
    pub(crate) fn schema(&self) -> SchemaRef {
        self.streams().pop().expect("a stream").0
    }

    /// The batches with rows.
    pub(crate) fn data(&self) -> Vec<AnnotatedBatch> {
        self.batches().into_iter().filter(|batch| batch.batch.num_rows() > 0).collect()
    }

    /// Levels and texts of the log batches.
    pub(crate) fn logs(&self) -> Vec<(String, String)> {
        let batches = self.streams().into_iter().flat_map(|(_, batches)| batches);
        let logs = batches.filter_map(|batch| match batch.kind() {
            BatchKind::Log { level, message } => Some((level.into_owned(), message.into_owned())),
            _ => None,
        });
        logs.collect()
    }

    /// The error batch, wherever it stands.
    pub(crate) fn failure(&self) -> Option<Failure> {
        let batches = self.streams().into_iter().flat_map(|(_, batches)| batches);
        let mut errors = batches.filter(|batch| matches!(batch.kind(), BatchKind::Error { .. }));
        let metadata = errors.next()?.metadata;
        assert!(errors.next().is_none(), "two errors in one response");
        let extra: Value = serde_json::from_str(metadata.get_str(keys::LOG_EXTRA).unwrap()).unwrap();
        let exception = extra["exception_type"].as_str().unwrap().to_owned();
        let message = extra["exception_message"].as_str().unwrap().to_owned();
        assert_eq!(metadata.get_str(keys::LOG_MESSAGE), Some(format!("{exception}: {message}").as_str()));
        let text = |key| metadata.get_str(key).map(str::to_owned);
        Some(Failure {
            exception,
            message,
            kind: text(keys::ERROR_KIND),
            code: text(keys::ERROR_CODE).expect("every error has a code"),
            details: text(keys::ERROR_DETAILS).map(|text| serde_json::from_str(&text).unwrap()),
            extra,
            metadata,
        })
    }

    /// The failure of a response that has to be one.
    pub(crate) fn expect_failure(&self) -> Failure {
        self.failure().unwrap_or_else(|| panic!("no error in {self:?}"))
    }

    /// The value of a unary response that has to be good.
    pub(crate) fn result<T: VgiArrow>(&self) -> T {
        assert_eq!((self.status, self.failure().map(|f| f.message)), (StatusCode::OK, None));
        let batches = self.batches();
        let data = batches.last().unwrap();
        assert_eq!(data.batch.schema_ref().field(0).name(), "result");
        T::from_parameter(data.batch.column(0).as_ref(), 0).unwrap()
    }

    /// The tokens of the last batch that carries any.
    pub(crate) fn tokens(&self) -> Tokens {
        let batches = self.batches();
        let last = batches.iter().rev().find(|batch| batch.metadata.contains(keys::STREAM_STATE));
        let mut tokens = last.map(|batch| Tokens::of(&batch.metadata)).unwrap_or_default();
        if tokens.call.is_none() {
            tokens.call = batches.iter().find_map(|batch| Tokens::of(&batch.metadata).call);
        }
        tokens
    }

    /// Whether the stream goes on.
    pub(crate) fn goes_on(&self) -> bool {
        self.tokens().cursor.is_some()
    }
}

impl Answer {
    /// Reads a response to its end.
    pub(crate) async fn collect<B>(response: http::Response<B>) -> Self
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: std::fmt::Debug,
    {
        super::connection::collect(response).await
    }
}
