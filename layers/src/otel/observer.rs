//! What [`OtelLayer`](super::OtelLayer) observes with.

use std::sync::Arc;

use http::{Method, Request};

use super::metrics::Metrics;
use super::scope;
use super::span::RequestSpan;
use super::spans::Spans;
use crate::observe::{Observe, Outcome};

/// Makes a span of each request, and counts it.
#[derive(Clone, Debug)]
pub struct Otel(Arc<Both>);

#[derive(Debug)]
struct Both {
    spans: Option<Arc<Spans>>,
    metrics: Option<Metrics>,
}

/// What is kept of a request: its span. `None` for requests that are not of the protocol, such as those for health.
#[derive(Debug)]
pub struct Seen(Option<Option<RequestSpan>>);

impl Otel {
    pub(super) fn new(spans: Option<Spans>, metrics: Option<Metrics>) -> Self {
        Self(Arc::new(Both { spans: spans.map(Arc::new), metrics }))
    }
}

impl Observe for Otel {
    type Seen = Seen;

    fn begin<B>(&self, request: &mut Request<B>) -> Seen {
        if !matches!(*request.method(), Method::POST | Method::DELETE) {
            return Seen(None);
        }
        Seen(Some(self.0.spans.as_ref().map(|spans| RequestSpan::new(spans, request))))
    }

    fn in_scope<R>(&self, seen: &Seen, work: impl FnOnce() -> R) -> R {
        match seen {
            Seen(Some(Some(span))) => scope::within(span.context(), work),
            _ => work(),
        }
    }

    fn end(&self, seen: Seen, outcome: Outcome<'_>) {
        let Seen(Some(span)) = seen else { return };
        if let Some(span) = span {
            span.end(&outcome);
        }
        if let Some(metrics) = &self.0.metrics {
            metrics.record(&outcome);
        }
    }
}
