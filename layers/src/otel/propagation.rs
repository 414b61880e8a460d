//! Where callers put the context of their trace.

use std::cell::Cell;

use http::HeaderMap;
use opentelemetry::propagation::Extractor;
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry::{Context, global};
use tower_vgi::wire::Metadata;

/// What keys of the protocol's own begin with.
const OWN: &[u8] = b"vgi_rpc.";

/// The context that an HTTP request is a part of: the span that surrounds us in this process, else what the headers say;
/// `None` where they say nothing.
pub(super) fn of_headers(headers: &HeaderMap) -> Option<Context> {
    if Context::map_current(has_span) {
        return Some(Context::current());
    }
    let headers = Headers { headers, say: Cell::new(false) };
    let context = extract(&headers);
    headers.say.get().then_some(context)
}

/// The context in a batch's metadata, if there is one.
pub(super) fn of_metadata(metadata: &Metadata) -> Option<Context> {
    // Most batches have keys of the protocol only, where no propagator has anything to look for.
    if metadata.iter().all(|(key, _)| key.starts_with(OWN)) {
        return None;
    }
    let context = extract(&Batch(metadata));
    // Also where it is current, it is not what the metadata says.
    Context::map_current(|current| span_id(current) != span_id(&context)).then_some(context).filter(has_span)
}

/// Whether a context is that of a span.
pub(super) fn has_span(context: &Context) -> bool {
    context.has_active_span() && context.span().span_context().is_valid()
}

fn span_id(context: &Context) -> opentelemetry::SpanId {
    context.span().span_context().span_id()
}

fn extract(from: &dyn Extractor) -> Context {
    global::get_text_map_propagator(|propagator| propagator.extract(from))
}

struct Headers<'a> {
    headers: &'a HeaderMap,
    /// Whether they say anything that is asked for.
    say: Cell<bool>,
}

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        let value = self.headers.get(key)?;
        self.say.set(true);
        value.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.say.set(true);
        self.headers.keys().map(http::HeaderName::as_str).collect()
    }
}

struct Batch<'a>(&'a Metadata);

impl Extractor for Batch<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get_str(key)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().filter_map(|(key, _)| std::str::from_utf8(key).ok()).collect()
    }
}
