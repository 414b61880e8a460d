//! What a span says of its request. It is asked for only where the span is recorded.

use opentelemetry::trace::SpanRef;
use opentelemetry::{KeyValue, StringValue};
use tower_vgi::call_record::{DispatchedCall, RecordedCall, SessionAction};

use super::conventions::{self as names, legacy};
use super::head::Head;
use super::spans::Spans;
use crate::observe::Outcome;

/// Says everything that is known in the end; `method` of requests that led to one. What belongs together is told at
/// once, and is gathered nowhere before.
pub(super) fn describe(
    span: &SpanRef<'_>,
    spans: &Spans,
    head: &Head,
    method: Option<StringValue>,
    outcome: &Outcome<'_>,
) {
    let call = outcome.call;
    span.set_attributes(spans.attributes.iter().cloned());
    head.describe(span);
    span.set_attribute(KeyValue::new(names::RPC_METHOD, method.unwrap_or(names::OTHER.into())));
    if let Some(dispatched) = &call.dispatched {
        describe_call(span, call, dispatched);
    }
    describe_caller(span, call, &spans.claims);
    describe_outcome(span, outcome);
    if spans.legacy {
        describe_as_before(span, head, outcome);
    }
}

fn describe_call(span: &SpanRef<'_>, call: &RecordedCall, dispatched: &DispatchedCall) {
    let kind = if dispatched.method.description.kind.is_stream() { "stream" } else { "unary" };
    let request_id = dispatched.request_id.to_str().ok();
    let stream_id = call.stream_id.map(|id| format!("{:032x}", u128::from_be_bytes(id)));
    let session = call.session.as_ref().filter(|session| session.action != SessionAction::None);
    let present = [
        Some(KeyValue::new(names::METHOD_TYPE, kind)),
        request_id.map(|id| KeyValue::new(names::REQUEST_ID, id.to_owned())),
        stream_id.map(|id| KeyValue::new(names::STREAM_ID, id)),
        call.cancelled.then(|| KeyValue::new(names::CANCELLED, true)),
        session.map(|session| KeyValue::new(names::SESSION_ID, session.id.clone())),
    ];
    span.set_attributes(present.into_iter().flatten());
    span.set_attributes([
        number("rpc.vgi_rpc.input_batches", call.input.batches),
        number("rpc.vgi_rpc.input_rows", call.input.rows),
        number("rpc.vgi_rpc.input_bytes", call.input.bytes),
        number("rpc.vgi_rpc.output_batches", call.output.batches),
        number("rpc.vgi_rpc.output_rows", call.output.rows),
        number("rpc.vgi_rpc.output_bytes", call.output.bytes),
    ]);
}

fn describe_caller(span: &SpanRef<'_>, call: &RecordedCall, claims: &[(String, String)]) {
    let authenticated = call.auth.as_ref().is_some_and(|auth| auth.authenticated);
    span.set_attribute(KeyValue::new(names::AUTHENTICATED, authenticated));
    let Some(auth) = &call.auth else { return };
    span.set_attributes([
        KeyValue::new(names::PRINCIPAL, auth.principal.clone()),
        KeyValue::new(names::DOMAIN, auth.domain.clone()),
    ]);
    span.set_attributes(claims.iter().filter_map(|(claim, attribute)| {
        let value = auth.claims.get(claim)?;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Some(KeyValue::new(attribute.clone(), text))
    }));
}

fn describe_outcome(span: &SpanRef<'_>, outcome: &Outcome<'_>) {
    let code = outcome.code().map(|code| code.as_str());
    let error = outcome.call.error.as_ref();
    let present = [
        outcome.status.map(|status| KeyValue::new(names::HTTP_STATUS_CODE, i64::from(status.as_u16()))),
        Some(number(names::HTTP_REQUEST_BODY_SIZE, outcome.request_bytes)),
        Some(number(names::HTTP_RESPONSE_BODY_SIZE, outcome.response_bytes)),
        error.map(|error| KeyValue::new(names::ERROR_NAME, error.type_name().to_owned())),
        Some(KeyValue::new(names::RPC_STATUS_CODE, code.unwrap_or("OK"))),
        code.map(|code| KeyValue::new(names::ERROR_TYPE, code)),
    ];
    span.set_attributes(present.into_iter().flatten());
}

fn describe_as_before(span: &SpanRef<'_>, head: &Head, outcome: &Outcome<'_>) {
    let dispatched = outcome.call.dispatched.as_ref();
    let present = [
        Some(KeyValue::new(legacy::RPC_SYSTEM, names::VGI_RPC)),
        dispatched.map(|dispatched| KeyValue::new(legacy::RPC_SERVICE, dispatched.method.protocol.clone())),
        Some(KeyValue::new(legacy::HTTP_METHOD, head.method_name())),
        outcome.status.map(|status| KeyValue::new(legacy::HTTP_STATUS_CODE, i64::from(status.as_u16()))),
    ];
    span.set_attributes(present.into_iter().flatten());
}

fn number(name: &'static str, value: u64) -> KeyValue {
    KeyValue::new(name, i64::try_from(value).unwrap_or(i64::MAX))
}
