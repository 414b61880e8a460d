//! Sends requests of either wire generation to a service.

use arrow_array::RecordBatch;
use http::{HeaderMap, Request, Response, header};
use http_body_util::BodyExt as _;
use tower::{Service, ServiceExt as _};
use tower_vgi::Body;
use tower_vgi::rpc::{ARROW_STREAM, Generation};
use tower_vgi::wire::{Metadata, encode_batch, keys};

use super::{Answer, Arguments};

/// Calls one protocol of a service, in one generation of the wire.
#[derive(Clone)]
pub struct Caller<S> {
    service: S,
    generation: Generation,
    protocol: String,
    version: Option<String>,
    headers: HeaderMap,
}

/// What a stream's next request needs of the last answer.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    pub cursor: Option<String>,
    pub call: Option<String>,
}

impl<S, B> Caller<S>
where
    S: Service<Request<Body>, Response = Response<B>> + Clone,
    S::Error: std::fmt::Debug,
    B: http_body::Body,
    B::Error: std::fmt::Debug,
{
    pub fn flat(service: S) -> Self {
        Self::new(service, Generation::Flat, "")
    }

    pub fn namespaced(service: S, protocol: &str) -> Self {
        Self::new(service, Generation::Namespaced, protocol)
    }

    /// A caller of each generation.
    pub fn both(service: S, protocol: &str) -> [Self; 2] {
        [Self::flat(service.clone()), Self::namespaced(service, protocol)]
    }

    fn new(service: S, generation: Generation, protocol: &str) -> Self {
        Self { service, generation, protocol: protocol.to_owned(), version: None, headers: HeaderMap::new() }
    }

    /// Says with each request which version of the protocol is wanted.
    pub fn version(mut self, version: &str) -> Self {
        self.version = Some(version.to_owned());
        self
    }

    /// Sends a header with each request.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    /// Calls a unary method.
    pub async fn call(&self, method: &str, arguments: Arguments) -> Answer {
        self.send(&self.path(method, ""), arguments.batch(), self.envelope(method)).await
    }

    /// Opens a stream.
    pub async fn open(&self, method: &str, arguments: Arguments) -> (Answer, Stream) {
        let answer = self.send(&self.path(method, "/init"), arguments.batch(), self.envelope(method)).await;
        let stream = Stream::default().after(&answer);
        (answer, stream)
    }

    /// Takes a producer's or an exchange's next turn.
    pub async fn turn(&self, method: &str, stream: &Stream, input: RecordBatch) -> (Answer, Stream) {
        let answer = self.send(&self.path(method, "/exchange"), input, stream.metadata()).await;
        let next = stream.clone().after(&answer);
        (answer, next)
    }

    /// Gives up on a stream.
    pub async fn cancel(&self, method: &str, stream: &Stream) -> Answer {
        let mut metadata = stream.metadata();
        metadata.insert(keys::CANCEL, "1");
        self.send(&self.path(method, "/exchange"), Arguments::none().batch(), metadata).await
    }

    /// Opens a producer and follows it to its end: every answer.
    pub async fn produce(&self, method: &str, arguments: Arguments) -> Vec<Answer> {
        let (answer, mut stream) = self.open(method, arguments).await;
        let mut answers = vec![answer];
        while stream.cursor.is_some() {
            let (answer, next) = self.turn(method, &stream, Arguments::none().batch()).await;
            stream = next;
            answers.push(answer);
        }
        answers
    }

    /// Sends any batch anywhere.
    pub async fn send(&self, path: &str, batch: RecordBatch, metadata: Metadata) -> Answer {
        let body = encode_batch(&batch, &metadata).unwrap();
        let mut request = Request::post(path).body(Body::from(body)).unwrap();
        request.headers_mut().extend(self.headers.clone());
        request.headers_mut().insert(header::CONTENT_TYPE, content_type());
        let response = self.service.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer::decode(parts.status, parts.headers, body.to_vec())
    }

    /// The metadata of a request that names its method.
    pub fn envelope(&self, method: &str) -> Metadata {
        let mut metadata = Metadata::from_iter([(keys::METHOD, method), (keys::REQUEST_VERSION, "1")]);
        if self.generation == Generation::Namespaced {
            metadata.insert(keys::PROTOCOL, &self.protocol);
        }
        if let Some(version) = &self.version {
            metadata.insert(keys::PROTOCOL_VERSION, version);
        }
        metadata
    }

    fn path(&self, method: &str, endpoint: &str) -> String {
        match self.generation {
            Generation::Flat => format!("/{method}{endpoint}"),
            Generation::Namespaced => format!("/{}/{method}{endpoint}", self.protocol),
        }
    }
}

impl Stream {
    fn after(self, answer: &Answer) -> Self {
        Self { cursor: answer.metadata(keys::STREAM_STATE), call: answer.metadata(keys::CALL_STATE).or(self.call) }
    }

    fn metadata(&self) -> Metadata {
        let mut metadata = Metadata::new();
        if let Some(cursor) = &self.cursor {
            metadata.insert(keys::STREAM_STATE, cursor);
        }
        if let Some(call) = &self.call {
            metadata.insert(keys::CALL_STATE, call);
        }
        metadata
    }
}

/// The content type of every body.
pub fn content_type() -> http::HeaderValue {
    http::HeaderValue::from_static(ARROW_STREAM)
}
