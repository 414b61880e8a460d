//! The span of one request: begun where its parent is known, filled in the end.

use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use http::Request;
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry::{Context, KeyValue};
use tower_vgi::CallRecord;
use tower_vgi::call_record::CallListener;
use tower_vgi::rpc::Call;

use super::attributes::describe;
use super::conventions as names;
use super::head::{Head, method_name};
use super::propagation;
use super::scope;
use super::spans::Spans;
use super::status::status;
use crate::observe::Outcome;
use crate::scrub::scrub;

/// The span of a request.
#[derive(Debug)]
pub(super) enum RequestSpan {
    /// It has begun and is not recorded: nobody asks for more than its context.
    Unrecorded(Context),
    /// It may be recorded.
    Kept(Arc<KeptSpan>),
}

/// What is known of a span's request until it can be said.
#[derive(Debug)]
pub(super) struct KeptSpan {
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
    pub(super) fn new<B>(spans: &Arc<Spans>, request: &Request<B>) -> Self {
        let began = SystemTime::now();
        let record = request.extensions().get::<CallRecord>();
        let outer = propagation::of_headers(request.headers());
        let inner = match &outer {
            Some(parent) if propagation::has_span(parent) => {
                let context = spans.begin(method_name(request.method()), began, parent, record);
                if !context.span().is_recording() {
                    return Self::Unrecorded(context);
                }
                OnceLock::from(context)
            }
            _ => OnceLock::new(),
        };
        let listens = inner.get().is_none();
        let span = Arc::new(KeptSpan { spans: spans.clone(), began, head: Head::of(request), outer, inner });
        if let Some(record) = record.filter(|_| listens) {
            record.listen(span.clone());
        }
        Self::Kept(span)
    }

    /// The context in which the request's work is done, if it has one of its own.
    pub(super) fn context(&self) -> Option<&Context> {
        match self {
            Self::Unrecorded(context) => Some(context),
            Self::Kept(span) => span.inner.get().or(span.outer.as_ref()),
        }
    }

    /// Says everything that is known in the end.
    pub(super) fn end(&self, outcome: &Outcome<'_>) {
        if let Self::Kept(span) = self {
            span.end(outcome);
        }
    }
}

impl KeptSpan {
    /// Begins the span, unless it has.
    fn begin(&self, parent: &Context, record: Option<&CallRecord>) -> &Context {
        self.inner.get_or_init(|| self.spans.begin(self.head.method_name(), self.began, parent, record))
    }

    fn end(&self, outcome: &Outcome<'_>) {
        // Requests that were refused before the call have not begun theirs, and nobody will ask for its ids.
        let context = match self.inner.get() {
            Some(context) => context,
            None => self.begin(self.outer.as_ref().unwrap_or(&Context::new()), None),
        };
        let span = context.span();
        if !span.is_recording() {
            return;
        }
        let method = outcome.call.dispatched.as_ref().map(|dispatched| self.spans.full_name(&dispatched.method));
        if let Some(method) = &method {
            span.update_name(method.as_str().to_owned());
        }
        describe(&span, &self.spans, &self.head, method, outcome);
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

impl CallListener for KeptSpan {
    /// Begins as a part of what the metadata says, or else of what surrounds the call, so that what layers have begun
    /// meanwhile is no trace of its own.
    fn dispatched(&self, call: &Call, record: &CallRecord) {
        let parent = propagation::of_metadata(&call.input.metadata).unwrap_or_else(Context::current);
        scope::enter(self.begin(&parent, Some(record)));
    }
}
