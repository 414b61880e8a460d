//! Where callers put the context of their trace.

use http::HeaderMap;
use opentelemetry::propagation::Extractor;
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry::{Context, global};
use tower_vgi::wire::Metadata;

/// The context that an HTTP request is a part of: what surrounds us in this process, else what the headers say.
pub(super) fn of_headers(headers: &HeaderMap) -> Context {
    let here = Context::current();
    if here.span().span_context().is_valid() { here } else { extract(&here, &Headers(headers)) }
}

/// The context in a batch's metadata, if there is one.
pub(super) fn of_metadata(metadata: &Metadata) -> Option<Context> {
    if metadata.is_empty() {
        return None;
    }
    let context = extract(&Context::current(), &Batch(metadata));
    is_remote(&context).then_some(context)
}

/// Whether a context is that of a span elsewhere.
pub(super) fn is_remote(context: &Context) -> bool {
    context.has_active_span() && context.span().span_context().is_valid()
}

fn extract(base: &Context, from: &dyn Extractor) -> Context {
    global::get_text_map_propagator(|propagator| propagator.extract_with_context(base, from))
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
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
