//! The span of one request: begun where its parent is known, filled in the end.

use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use http::Request;
use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::{Span as _, SpanKind, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue};
use tower_vgi::CallRecord;
use tower_vgi::call_record::{CallListener, SpanIds};
use tower_vgi::rpc::Call;

use super::attributes::{Head, describe};
use super::conventions as names;
use super::propagation;
use super::scope;
use super::status::status;
use crate::observe::Outcome;
use crate::scrub::scrub;

/// How spans are made.
#[derive(Clone, Debug)]
pub(super) struct Spans {
    pub(super) tracer: Arc<BoxedTracer>,
    pub(super) legacy: bool,
    pub(super) attributes: Vec<KeyValue>,
    pub(super) claims: Vec<(String, String)>,
}

/// The span of a request.
#[derive(Debug)]
pub(super) struct RequestSpan {
    spans: Arc<Spans>,
    began: SystemTime,
    head: Head,
    /// What the headers say, if they say anything.
    outer: Option<Context>,
    /// That of the span once it has begun, in which everything is done from then on.
    inner: OnceLock<Context>,
}

impl RequestSpan {
    /// The span begins at once if the headers say of what it is a part, else with the call: the metadata of its batch may
    /// say it.
    pub(super) fn new<B>(spans: Arc<Spans>, request: &mut Request<B>) -> Arc<Self> {
        let outer = propagation::of_headers(request.headers());
        let is_part = outer.as_ref().is_some_and(propagation::has_span);
        let head = Head::of(request);
        let record = CallRecord::of(request.extensions_mut());
        let span = Arc::new(Self { spans, began: SystemTime::now(), head, outer, inner: OnceLock::new() });
        match &span.outer {
            Some(parent) if is_part => _ = span.begin(parent, Some(&record)),
            _ => record.listen(span.clone()),
        }
        span
    }

    /// The context in which the request's work is done, if it has one of its own.
    pub(super) fn context(&self) -> Option<&Context> {
        self.inner.get().or(self.outer.as_ref())
    }

    /// Begins the span, unless it has, and notes its ids.
    fn begin(&self, parent: &Context, record: Option<&CallRecord>) -> &Context {
        let Self { spans, began, head, inner, .. } = self;
        inner.get_or_init(|| {
            let builder = spans
                .tracer
                .span_builder(head.method_name())
                .with_kind(SpanKind::Server)
                .with_start_time(*began)
                .with_attributes([KeyValue::new(names::RPC_SYSTEM_NAME, names::VGI_RPC)]);
            let span = spans.tracer.build_with_context(builder, parent);
            let context = span.span_context();
            if let Some(record) = record.filter(|_| context.is_valid()) {
                let ids = SpanIds { trace_id: context.trace_id().to_bytes(), span_id: context.span_id().to_bytes() };
                record.update(|call| call.span = Some(ids));
            }
            if span.is_recording() {
                parent.with_span(span)
            } else {
                // Whatever is begun inside needs to know that it is not recorded, and of which trace; no more.
                parent.with_remote_span_context(context.clone())
            }
        })
    }

    /// Says everything that is known in the end.
    pub(super) fn end(&self, outcome: &Outcome<'_>) {
        // Requests that were refused before the call have not begun theirs, and nobody will ask for its ids.
        let context = match self.inner.get() {
            Some(context) => context,
            None => self.begin(self.outer.as_ref().unwrap_or(&Context::new()), None),
        };
        let span = context.span();
        if !span.is_recording() {
            return;
        }
        if let Some(dispatched) = &outcome.call.dispatched {
            let method = &dispatched.method;
            span.update_name(format!("{}/{}", method.protocol, method.description.name));
        }
        span.set_attributes(describe(&self.spans, &self.head, outcome));
        if let Some(error) = &outcome.call.error {
            let text = [
                KeyValue::new(names::EXCEPTION_TYPE, error.type_name().to_owned()),
                KeyValue::new(names::EXCEPTION_MESSAGE, scrub(error.message()).into_owned()),
            ];
            span.add_event(names::EXCEPTION, text.to_vec());
        }
        span.set_status(status(outcome));
        span.end();
    }
}

impl CallListener for RequestSpan {
    /// Begins as a part of what the metadata says, or else of what surrounds the call, so that what layers have begun
    /// meanwhile is no trace of its own.
    fn dispatched(&self, call: &Call, record: &CallRecord) {
        let parent = propagation::of_metadata(&call.input.metadata).unwrap_or_else(Context::current);
        scope::enter(self.begin(&parent, Some(record)));
    }
}
