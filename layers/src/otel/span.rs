//! The span of one request: begun where its parent is known, filled in the end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use http::{HeaderValue, Request, Uri, Version, header};
use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue};
use tower_vgi::call_record::{RecordedCall, SessionAction, SpanIds};
use tower_vgi::{CallRecord, ErrorCode, PeerAddr};

use super::conventions::{self as names, legacy};
use super::propagation;
use crate::observe::{End, Outcome, scrub};

/// How spans are made.
#[derive(Clone, Debug)]
pub(super) struct Spans {
    pub(super) tracer: Arc<BoxedTracer>,
    pub(super) legacy: bool,
    pub(super) attributes: Vec<KeyValue>,
    pub(super) claims: Vec<(String, String)>,
}

/// The span of a request, shared by both halves of the layer through the request's extensions.
#[derive(Clone, Debug)]
pub(super) struct RequestSpan(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    spans: Arc<Spans>,
    record: CallRecord,
    began: SystemTime,
    head: Head,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// Nobody knows yet of what it is a part.
    Waiting(Context),
    /// In this context everything is done.
    Begun(Context),
}

/// What the span says of the request. Cheap to keep, since most spans may not be recorded.
#[derive(Debug)]
struct Head {
    method: http::Method,
    uri: Uri,
    version: Version,
    user_agent: Option<HeaderValue>,
    peer: Option<PeerAddr>,
}

impl RequestSpan {
    /// The span begins at once if the headers say of what it is a part.
    pub(super) fn new<B>(spans: Arc<Spans>, request: &mut Request<B>) -> Self {
        let parent = propagation::of_headers(request.headers());
        let is_part = propagation::is_remote(&parent);
        let span = Self(Arc::new(Shared {
            spans,
            record: CallRecord::of(request.extensions_mut()),
            began: SystemTime::now(),
            head: Head {
                method: request.method().clone(),
                uri: request.uri().clone(),
                version: request.version(),
                user_agent: request.headers().get(header::USER_AGENT).cloned(),
                peer: request.extensions().get().copied(),
            },
            state: Mutex::new(State::Waiting(parent)),
        }));
        if is_part {
            span.begin(None);
        }
        request.extensions_mut().insert(span.clone());
        span
    }

    /// The context in which the request's work is done.
    pub(super) fn context(&self) -> Context {
        match &*self.lock() {
            State::Waiting(context) | State::Begun(context) => context.clone(),
        }
    }

    /// Begins the span, unless it has: as a part of `parent`, where the headers knew none.
    pub(super) fn begin(&self, parent: Option<Context>) -> Context {
        let context = self.start(parent);
        let ids = context.span().span_context().clone();
        if ids.is_valid() {
            let ids = SpanIds { trace_id: ids.trace_id().to_bytes(), span_id: ids.span_id().to_bytes() };
            self.0.record.update(|call| call.span = Some(ids));
        }
        context
    }

    /// Begins it without a word to the record, which is being read in the end.
    fn start(&self, parent: Option<Context>) -> Context {
        let mut state = self.lock();
        let own = match &*state {
            State::Begun(context) => return context.clone(),
            State::Waiting(context) => context,
        };
        let parent = parent.unwrap_or_else(|| own.clone());
        let shared = &*self.0;
        let builder = shared
            .spans
            .tracer
            .span_builder(shared.head.method.as_str().to_owned())
            .with_kind(SpanKind::Server)
            .with_start_time(shared.began)
            .with_attributes([KeyValue::new(names::RPC_SYSTEM_NAME, names::VGI_RPC)]);
        let span = shared.spans.tracer.build_with_context(builder, &parent);
        let context = parent.with_span(span);
        *state = State::Begun(context.clone());
        context
    }

    /// Says everything that is known in the end.
    pub(super) fn end(&self, outcome: &Outcome<'_>) {
        // Requests that were refused before the call have not begun theirs.
        let context = self.start(None);
        let span = context.span();
        if span.is_recording() {
            let spans = &*self.0.spans;
            let call = outcome.call;
            if let Some(dispatched) = &call.dispatched {
                let method = &dispatched.method;
                span.update_name(format!("{}/{}", method.protocol, method.description.name));
            }
            let mut attributes = spans.attributes.clone();
            self.0.head.describe(&mut attributes);
            describe_call(&mut attributes, call);
            describe_caller(&mut attributes, call, &spans.claims);
            describe_outcome(&mut attributes, outcome);
            if spans.legacy {
                self.describe_as_before(&mut attributes, outcome);
            }
            span.set_attributes(attributes);
            if let Some(error) = &call.error {
                let text = [
                    KeyValue::new(names::EXCEPTION_TYPE, error.type_name().to_owned()),
                    KeyValue::new(names::EXCEPTION_MESSAGE, scrub(error.message()).into_owned()),
                ];
                span.add_event(names::EXCEPTION, text.to_vec());
            }
            span.set_status(status(outcome));
        }
        span.end();
    }

    fn describe_as_before(&self, attributes: &mut Vec<KeyValue>, outcome: &Outcome<'_>) {
        attributes.push(KeyValue::new(legacy::RPC_SYSTEM, names::VGI_RPC));
        if let Some(dispatched) = &outcome.call.dispatched {
            attributes.push(KeyValue::new(legacy::RPC_SERVICE, dispatched.method.protocol.clone()));
        }
        attributes.push(KeyValue::new(legacy::HTTP_METHOD, self.0.head.method.as_str().to_owned()));
        if let Some(status) = outcome.status {
            attributes.push(KeyValue::new(legacy::HTTP_STATUS_CODE, i64::from(status.as_u16())));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Head {
    /// Never the query, in which secrets travel.
    fn describe(&self, attributes: &mut Vec<KeyValue>) {
        attributes.push(KeyValue::new(names::HTTP_REQUEST_METHOD, self.method.as_str().to_owned()));
        attributes.push(KeyValue::new(names::URL_PATH, self.uri.path().to_owned()));
        let version = match self.version {
            Version::HTTP_10 => "1.0",
            Version::HTTP_2 => "2",
            Version::HTTP_3 => "3",
            _ => "1.1",
        };
        attributes.push(KeyValue::new(names::NETWORK_PROTOCOL_VERSION, version));
        if let Some(peer) = self.peer {
            attributes.push(KeyValue::new(names::CLIENT_ADDRESS, peer.0.ip().to_string()));
            attributes.push(KeyValue::new(names::CLIENT_PORT, i64::from(peer.0.port())));
        }
        if let Some(agent) = self.user_agent.as_ref().and_then(|agent| agent.to_str().ok()) {
            attributes.push(KeyValue::new(names::USER_AGENT, agent.to_owned()));
        }
    }
}

fn describe_call(attributes: &mut Vec<KeyValue>, call: &RecordedCall) {
    let Some(dispatched) = &call.dispatched else {
        attributes.push(KeyValue::new(names::RPC_METHOD, names::OTHER));
        return;
    };
    let method = &dispatched.method;
    let full_name = format!("{}/{}", method.protocol, method.description.name);
    attributes.push(KeyValue::new(names::RPC_METHOD, full_name));
    let kind = if method.description.kind.is_stream() { "stream" } else { "unary" };
    attributes.push(KeyValue::new(names::METHOD_TYPE, kind));
    if let Ok(id) = dispatched.request_id.to_str() {
        attributes.push(KeyValue::new(names::REQUEST_ID, id.to_owned()));
    }
    if let Some(id) = call.stream_id {
        attributes.push(KeyValue::new(names::STREAM_ID, format!("{:032x}", u128::from_be_bytes(id))));
    }
    if call.cancelled {
        attributes.push(KeyValue::new(names::CANCELLED, true));
    }
    if let Some(session) = call.session.as_ref().filter(|session| session.action != SessionAction::None) {
        attributes.push(KeyValue::new(names::SESSION_ID, session.id.clone()));
    }
    for (name, count) in [
        ("rpc.vgi_rpc.input_batches", call.input.batches),
        ("rpc.vgi_rpc.input_rows", call.input.rows),
        ("rpc.vgi_rpc.input_bytes", call.input.bytes),
        ("rpc.vgi_rpc.output_batches", call.output.batches),
        ("rpc.vgi_rpc.output_rows", call.output.rows),
        ("rpc.vgi_rpc.output_bytes", call.output.bytes),
    ] {
        attributes.push(number(name, count));
    }
}

fn describe_caller(attributes: &mut Vec<KeyValue>, call: &RecordedCall, claims: &[(String, String)]) {
    attributes.push(KeyValue::new(names::AUTHENTICATED, call.auth.as_ref().is_some_and(|auth| auth.authenticated)));
    let Some(auth) = &call.auth else { return };
    attributes.push(KeyValue::new(names::PRINCIPAL, auth.principal.clone()));
    attributes.push(KeyValue::new(names::DOMAIN, auth.domain.clone()));
    for (claim, attribute) in claims {
        if let Some(value) = auth.claims.get(claim) {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            attributes.push(KeyValue::new(attribute.clone(), text));
        }
    }
}

fn describe_outcome(attributes: &mut Vec<KeyValue>, outcome: &Outcome<'_>) {
    if let Some(status) = outcome.status {
        attributes.push(KeyValue::new(names::HTTP_STATUS_CODE, i64::from(status.as_u16())));
    }
    attributes.push(number(names::HTTP_REQUEST_BODY_SIZE, outcome.request_bytes));
    attributes.push(number(names::HTTP_RESPONSE_BODY_SIZE, outcome.response_bytes));
    if let Some(error) = &outcome.call.error {
        attributes.push(KeyValue::new(names::ERROR_NAME, error.type_name().to_owned()));
    }
    match code(outcome) {
        Some(code) => {
            attributes.push(KeyValue::new(names::RPC_STATUS_CODE, code.as_str()));
            attributes.push(KeyValue::new(names::ERROR_TYPE, code.as_str()));
        }
        None => attributes.push(KeyValue::new(names::RPC_STATUS_CODE, "OK")),
    }
}

/// How the call failed, as far as anybody said; `None` where it did not.
pub(super) fn code(outcome: &Outcome<'_>) -> Option<ErrorCode> {
    if let Some(error) = &outcome.call.error {
        return Some(error.code());
    }
    match (outcome.end, outcome.status) {
        (End::Broken, _) => Some(ErrorCode::Internal),
        (End::Dropped, _) => Some(ErrorCode::Cancelled),
        (End::Complete, Some(status)) if status.is_server_error() => Some(ErrorCode::Internal),
        (End::Complete, Some(status)) if status.is_client_error() => Some(match status.as_u16() {
            401 => ErrorCode::Unauthenticated,
            403 => ErrorCode::PermissionDenied,
            404 => ErrorCode::NotFound,
            413 | 429 => ErrorCode::ResourceExhausted,
            _ => ErrorCode::InvalidArgument,
        }),
        (End::Complete, _) => None,
    }
}

/// An error only where the server is at fault.
fn status(outcome: &Outcome<'_>) -> Status {
    match code(outcome) {
        None => Status::Unset,
        Some(
            ErrorCode::Unknown
            | ErrorCode::DeadlineExceeded
            | ErrorCode::Unimplemented
            | ErrorCode::Internal
            | ErrorCode::Unavailable
            | ErrorCode::DataLoss,
        ) => {
            let text = outcome.call.error.as_ref().map(|error| scrub(&error.to_string()).into_owned());
            Status::error(text.unwrap_or_else(|| "the answer broke off".to_owned()))
        }
        Some(_) => Status::Unset,
    }
}

fn number(name: &'static str, value: u64) -> KeyValue {
    KeyValue::new(name, i64::try_from(value).unwrap_or(i64::MAX))
}
