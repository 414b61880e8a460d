//! How spans are made.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry::trace::{SpanBuilder, SpanKind, TraceContextExt as _};
use opentelemetry::{Context, KeyValue, StringValue};
use tower_vgi::CallRecord;
use tower_vgi::call_record::{CalledMethod, SpanIds};

use super::conventions as names;
use super::tracer::BeginSpan;
use crate::observe::PerMethod;

/// Room for the attributes of many spans, in what an allocator still has at hand: a kibibyte.
const ROOM: usize = 18;

/// How spans are made.
pub(super) struct Spans {
    pub(super) tracer: Arc<dyn BeginSpan>,
    pub(super) legacy: bool,
    pub(super) attributes: Vec<KeyValue>,
    pub(super) claims: Vec<(String, String)>,
    /// Full names of methods, which are given to spans without being copied.
    pub(super) methods: PerMethod<StringValue>,
}

impl Spans {
    /// Begins a request's span, and notes its ids in the record: the context in which everything is done from then on.
    pub(super) fn begin(
        &self,
        name: Cow<'static, str>,
        began: SystemTime,
        parent: &Context,
        record: Option<&CallRecord>,
    ) -> Context {
        // A span that is recorded goes on with these, and cannot be told later that there will be more.
        let mut attributes = Vec::with_capacity(ROOM);
        attributes.push(KeyValue::new(names::RPC_SYSTEM_NAME, names::VGI_RPC));
        let span = SpanBuilder {
            name,
            span_kind: Some(SpanKind::Server),
            start_time: Some(began),
            attributes: Some(attributes),
            events: None,
            links: None,
        };
        let context = self.tracer.begin(span, parent);
        if let Some(record) = record {
            note(&context, record);
        }
        context
    }

    /// As in `rpc.method`.
    pub(super) fn full_name(&self, method: &Arc<CalledMethod>) -> StringValue {
        (*self.methods.of(method, |method| names::full_name(method).into())).clone()
    }
}

fn note(context: &Context, record: &CallRecord) {
    let span = context.span();
    let span = span.span_context();
    if span.is_valid() {
        let ids = SpanIds { trace_id: span.trace_id().to_bytes(), span_id: span.span_id().to_bytes() };
        record.update(|call| call.span = Some(ids));
    }
}

impl fmt::Debug for Spans {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Spans")
    }
}
