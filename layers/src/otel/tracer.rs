//! Any tracer, whatever its spans are.

use opentelemetry::Context;
use opentelemetry::trace::{Span as _, SpanBuilder, TraceContextExt as _, Tracer};

/// A tracer of which no more is known than that it begins spans.
pub(super) trait BeginSpan: Send + Sync {
    /// Begins a span that is a part of the one of `parent`: the context in which it is current.
    fn begin(&self, span: SpanBuilder, parent: &Context) -> Context;
}

impl<T> BeginSpan for T
where
    T: Tracer<Span: Send + Sync + 'static> + Send + Sync,
{
    fn begin(&self, span: SpanBuilder, parent: &Context) -> Context {
        let span = self.build_with_context(span, parent);
        if span.is_recording() {
            parent.with_span(span)
        } else {
            // Whatever is begun inside needs to know that it is not recorded, and of which trace; no more.
            parent.with_remote_span_context(span.span_context().clone())
        }
    }
}
