//! A collector: receives OTLP over HTTP, as exporters send it.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

use crate::receiver::{listen, read_message};

/// What has come so far.
#[derive(Clone, Default)]
pub(crate) struct Received {
    spans: Arc<Mutex<Vec<Span>>>,
    metrics: Arc<Mutex<Vec<String>>>,
}

impl Received {
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.spans.lock().unwrap().clone()
    }

    /// The names of the metrics.
    pub(crate) fn metrics(&self) -> Vec<String> {
        self.metrics.lock().unwrap().clone()
    }

    fn take(&self, head: &str, body: &[u8]) {
        if head.starts_with("POST /v1/traces ") {
            let request = ExportTraceServiceRequest::decode(body).unwrap();
            let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
            self.spans.lock().unwrap().extend(scopes.flat_map(|scope| scope.spans));
        } else if head.starts_with("POST /v1/metrics ") {
            let request = ExportMetricsServiceRequest::decode(body).unwrap();
            let scopes = request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
            self.metrics.lock().unwrap().extend(scopes.flat_map(|scope| scope.metrics).map(|metric| metric.name));
        }
    }
}

/// Listens until the process ends.
pub(crate) fn start() -> (SocketAddr, Received) {
    let received = Received::default();
    let shared = received.clone();
    let address = listen("Content-Type: application/x-protobuf\r\n", move |head, body| shared.take(head, body));
    (address, received)
}

/// Sends what an exporter has to send. Exporters run in threads of their own, where this may block.
#[derive(Debug)]
pub(crate) struct Sender;

#[async_trait::async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let authority = request.uri().authority().unwrap().to_string();
        let mut stream = TcpStream::connect(&authority)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {authority}\r\nContent-Type: application/x-protobuf\r\nContent-Length: {}\r\n\r\n",
            request.uri().path(),
            request.body().len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(request.body())?;
        let (head, _) = read_message(&mut stream);
        let status: u16 = head.split(' ').nth(1).unwrap_or("500").parse()?;
        Ok(Response::builder().status(status).body(Bytes::new())?)
    }
}
