//! What a span says of its request. It is asked for only where the span is recorded.

use std::borrow::Cow;

use http::{HeaderValue, Method, Request, Version, header};
use opentelemetry::KeyValue;
use tower_vgi::PeerAddr;
use tower_vgi::call_record::{RecordedCall, SessionAction};

use super::conventions::{self as names, legacy};
use super::span::Spans;
use crate::observe::Outcome;

/// As many as most spans have.
const USUAL: usize = 28;

/// Everything that is known in the end.
pub(super) fn describe(spans: &Spans, head: &Head, outcome: &Outcome<'_>) -> Vec<KeyValue> {
    let mut attributes = Vec::with_capacity(USUAL + spans.attributes.len());
    attributes.extend_from_slice(&spans.attributes);
    head.describe(&mut attributes);
    describe_call(&mut attributes, outcome.call);
    describe_caller(&mut attributes, outcome.call, &spans.claims);
    describe_outcome(&mut attributes, outcome);
    if spans.legacy {
        describe_as_before(&mut attributes, head, outcome);
    }
    attributes
}

/// What the span says of the request. Cheap to keep, since most spans may not be recorded.
#[derive(Debug)]
pub(super) struct Head {
    method: Method,
    path: Box<str>,
    version: Version,
    user_agent: Option<HeaderValue>,
    peer: Option<PeerAddr>,
}

impl Head {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        Self {
            method: request.method().clone(),
            path: request.uri().path().into(),
            version: request.version(),
            user_agent: request.headers().get(header::USER_AGENT).cloned(),
            peer: request.extensions().get().copied(),
        }
    }

    /// The verb of HTTP.
    pub(super) fn method_name(&self) -> Cow<'static, str> {
        match self.method {
            Method::POST => "POST".into(),
            Method::DELETE => "DELETE".into(),
            ref other => other.to_string().into(),
        }
    }

    /// Never the query, in which secrets travel.
    fn describe(&self, attributes: &mut Vec<KeyValue>) {
        attributes.push(KeyValue::new(names::HTTP_REQUEST_METHOD, self.method_name()));
        attributes.push(KeyValue::new(names::URL_PATH, self.path.to_string()));
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
    match outcome.code() {
        Some(code) => {
            attributes.push(KeyValue::new(names::RPC_STATUS_CODE, code.as_str()));
            attributes.push(KeyValue::new(names::ERROR_TYPE, code.as_str()));
        }
        None => attributes.push(KeyValue::new(names::RPC_STATUS_CODE, "OK")),
    }
}

fn describe_as_before(attributes: &mut Vec<KeyValue>, head: &Head, outcome: &Outcome<'_>) {
    attributes.push(KeyValue::new(legacy::RPC_SYSTEM, names::VGI_RPC));
    if let Some(dispatched) = &outcome.call.dispatched {
        attributes.push(KeyValue::new(legacy::RPC_SERVICE, dispatched.method.protocol.clone()));
    }
    attributes.push(KeyValue::new(legacy::HTTP_METHOD, head.method_name()));
    if let Some(status) = outcome.status {
        attributes.push(KeyValue::new(legacy::HTTP_STATUS_CODE, i64::from(status.as_u16())));
    }
}

fn number(name: &'static str, value: u64) -> KeyValue {
    KeyValue::new(name, i64::try_from(value).unwrap_or(i64::MAX))
}
