//! Requests, good unless a test spoils them.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field, Schema};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use http_body_util::Full;
use tower_vgi::rpc::{ARROW_STREAM, Generation};
use tower_vgi::wire::{Metadata, encode_batch, keys};

use super::answer::Tokens;
use super::service::{PROTOCOL, VERSION};

/// One request of a protocol of the test server.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) verb: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) metadata: Metadata,
    pub(crate) batch: RecordBatch,
    body: Option<Bytes>,
}

/// Both generations, for tests that hold for either.
pub(crate) const fn both() -> [Generation; 2] {
    [Generation::Flat, Generation::Namespaced]
}

impl Ask {
    /// A call of a unary method of the primary protocol.
    pub(crate) fn unary(generation: Generation, method: &str, batch: RecordBatch) -> Self {
        Self::call(generation, PROTOCOL, method, "", batch)
    }

    /// Opens a stream of the primary protocol.
    pub(crate) fn init(generation: Generation, method: &str, batch: RecordBatch) -> Self {
        Self::call(generation, PROTOCOL, method, "/init", batch)
    }

    /// The next turn of a stream.
    pub(crate) fn turn(generation: Generation, method: &str, tokens: &Tokens, batch: RecordBatch) -> Self {
        let mut ask = Self::call(generation, PROTOCOL, method, "/exchange", batch);
        ask.metadata = Metadata::new();
        ask.tokens(tokens)
    }

    /// The next turn of a producer: a batch without rows and columns.
    pub(crate) fn tick(generation: Generation, method: &str, tokens: &Tokens) -> Self {
        Self::turn(generation, method, tokens, row([]).slice(0, 0))
    }

    /// Any call of any protocol.
    pub(crate) fn call(
        generation: Generation,
        protocol: &str,
        method: &str,
        endpoint: &str,
        batch: RecordBatch,
    ) -> Self {
        let mut metadata = Metadata::from_iter([(keys::METHOD, method), (keys::REQUEST_VERSION, "1")]);
        let path = match generation {
            Generation::Flat => format!("/{method}{endpoint}"),
            Generation::Namespaced => {
                metadata.insert(keys::PROTOCOL, protocol);
                format!("/{protocol}/{method}{endpoint}")
            }
        };
        if protocol == PROTOCOL {
            metadata.insert(keys::PROTOCOL_VERSION, VERSION);
        }
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(ARROW_STREAM))]);
        Self { verb: Method::POST, path, headers, metadata, batch, body: None }
    }

    /// The good call that every test server answers with 3.
    pub(crate) fn add(generation: Generation) -> Self {
        Self::unary(generation, "add", row([("a", column(1.0)), ("b", column(2.0))]))
    }

    pub(crate) fn tokens(mut self, tokens: &Tokens) -> Self {
        for (key, value) in [(keys::STREAM_STATE, &tokens.cursor), (keys::CALL_STATE, &tokens.call)] {
            if let Some(value) = value {
                self.metadata.insert(key, value);
            }
        }
        self
    }

    pub(crate) fn verb(mut self, verb: Method) -> Self {
        self.verb = verb;
        self
    }

    pub(crate) fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        self
    }

    pub(crate) fn content_type(mut self, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(value).unwrap()),
            None => self.headers.remove(header::CONTENT_TYPE),
        };
        self
    }

    pub(crate) fn with(mut self, key: &str, value: impl AsRef<[u8]>) -> Self {
        self.metadata.insert(key, value);
        self
    }

    pub(crate) fn without(mut self, key: &str) -> Self {
        self.metadata.remove(key);
        self
    }

    pub(crate) fn batch(mut self, batch: RecordBatch) -> Self {
        self.batch = batch;
        self
    }

    /// These bytes in place of the batch.
    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// The bytes that are sent.
    pub(crate) fn bytes(&self) -> Bytes {
        self.body.clone().unwrap_or_else(|| encode_batch(&self.batch, &self.metadata).unwrap())
    }

    pub(crate) fn request(self) -> Request<Full<Bytes>> {
        let body = self.bytes();
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = self.verb;
        *request.uri_mut() = self.path.parse().unwrap();
        *request.headers_mut() = self.headers;
        request
    }
}

/// A column of one value, not nullable.
pub(crate) fn column<T: tower_vgi::VgiArrow>(value: T) -> (Field, ArrayRef) {
    (T::parameter_field(""), value.to_parameter().unwrap())
}

/// A batch of named columns; without columns it has one row.
pub(crate) fn row<const N: usize>(columns: [(&str, (Field, ArrayRef)); N]) -> RecordBatch {
    let rows = columns.first().map_or(1, |(_, (_, array))| array.len());
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) =
        columns.into_iter().map(|(name, (field, array))| (field.with_name(name), array)).unzip();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options).unwrap()
}

/// A column of any array.
impl Ask {
    pub(crate) fn array(array: ArrayRef, nullable: bool) -> (Field, ArrayRef) {
        (Field::new("", DataType::clone(array.data_type()), nullable), array)
    }
}
