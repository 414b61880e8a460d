//! A span of OpenTelemetry for each request, and its context in the request's headers; that of a call in the metadata of
//! its batch as well.
//!
//! With what the program has set up for all of it: without a provider and a propagator nothing is made and nothing sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::{HeaderMap, HeaderName, HeaderValue, Response, Uri};
use opentelemetry::context::FutureExt as _;
use opentelemetry::propagation::{Injector, TextMapPropagator};
use opentelemetry::trace::{SpanKind, Status, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue, global};

use crate::generation::Generation;
use crate::wire::Metadata;
use crate::{Body, RpcError};

/// The span of a request, named after its method. It ends with the request, also with one that is given up. Clones are the
/// same span.
#[derive(Clone)]
pub(crate) struct RequestSpan {
    context: Context,
    /// Whether the head of the response speaks of an error.
    refused: Arc<AtomicBool>,
}

impl RequestSpan {
    /// Begins it, as a part of what is current.
    pub(super) fn begin(uri: &Uri, generation: Generation) -> Self {
        let method = method(uri.path(), generation);
        let tracer = global::tracer("tower-vgi");
        let mut attributes = vec![
            KeyValue::new("rpc.system.name", "vgi_rpc"),
            KeyValue::new("rpc.method", method.clone()),
            KeyValue::new("http.request.method", "POST"),
            KeyValue::new("url.path", uri.path().to_owned()),
        ];
        attributes.extend(uri.host().map(|host| KeyValue::new("server.address", host.to_owned())));
        attributes.extend(uri.port_u16().map(|port| KeyValue::new("server.port", i64::from(port))));
        let builder = tracer.span_builder(method).with_kind(SpanKind::Client).with_attributes(attributes);
        Self { context: Context::current_with_span(tracer.build(builder)), refused: Arc::default() }
    }

    /// Tells whoever reads the batch of which trace the request is a part. Servers of the reference listen to this before
    /// they do to the headers. What the application says itself counts.
    pub(super) fn add_to(&self, metadata: &mut Metadata) {
        let propagate = |propagator: &dyn TextMapPropagator| {
            propagator.inject_context(&self.context, &mut Batch(metadata));
        };
        global::get_text_map_propagator(propagate);
    }

    /// Sends the request within the span.
    pub(super) async fn around<T>(self, work: impl Future<Output = Result<T, RpcError>>) -> Result<T, RpcError> {
        let result = work.with_context(self.context.clone()).await;
        let span = self.context.span();
        match &result {
            Err(error) => {
                span.set_attribute(KeyValue::new("error.type", error.code().as_str()));
                span.set_status(Status::error(error.type_name().to_owned()));
            }
            Ok(_) if self.refused.load(Ordering::Relaxed) => {
                span.set_status(Status::error("the server answered with an error"));
            }
            Ok(_) => {}
        }
        span.end();
        result
    }

    /// Says in the span what the head of the response says: of the last one, where the request was sent again.
    pub(super) fn responded(&self, response: &Response<Body>) {
        let status = response.status();
        self.context.span().set_attribute(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
        let refused = !status.is_success() || response.headers().contains_key("x-vgi-rpc-error");
        self.refused.store(refused, Ordering::Relaxed);
    }
}

/// Tells the server of which trace the request is a part. What the application says itself counts.
pub(super) fn inject(headers: &mut HeaderMap) {
    global::get_text_map_propagator(|propagator| propagator.inject(&mut Headers(headers)));
}

struct Headers<'a>(&'a mut HeaderMap);

impl Injector for Headers<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.entry(name).or_insert(value);
        }
    }
}

struct Batch<'a>(&'a mut Metadata);

impl Injector for Batch<'_> {
    fn set(&mut self, key: &str, value: String) {
        if self.0.get(key).is_none() {
            self.0.insert(key, value);
        }
    }
}

/// `Protocol/method`, or on the flat routes the method alone.
fn method(path: &str, generation: Generation) -> String {
    let path = path.strip_suffix("/init").or_else(|| path.strip_suffix("/exchange")).unwrap_or(path);
    let mut segments = path.rsplit('/');
    let method = segments.next().unwrap_or_default();
    match (generation, segments.next()) {
        (Generation::Namespaced, Some(protocol)) if !protocol.is_empty() => format!("{protocol}/{method}"),
        _ => method.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_application_says_itself_counts() {
        let (mut headers, mut metadata) = (HeaderMap::new(), Metadata::default());
        headers.insert("traceparent", HeaderValue::from_static("own"));
        metadata.insert("traceparent", "own");
        for (key, expected) in [("traceparent", "own"), ("tracestate", "ours")] {
            Headers(&mut headers).set(key, "ours".to_owned());
            Batch(&mut metadata).set(key, "ours".to_owned());
            assert_eq!((headers[key].to_str().unwrap(), metadata.get(key)), (expected, Some(expected.as_bytes())));
        }
    }

    #[test]
    fn spans_are_named_after_methods() {
        for (path, generation, expected) in [
            ("/vgi/Calc/add", Generation::Namespaced, "Calc/add"),
            ("/Calc/count/init", Generation::Namespaced, "Calc/count"),
            ("/vgi/add", Generation::Flat, "add"),
            ("/count/exchange", Generation::Flat, "count"),
        ] {
            assert_eq!(method(path, generation), expected);
        }
    }
}
