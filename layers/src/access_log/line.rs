//! From what is known of a call to its line.

use std::borrow::Cow;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use http::StatusCode;
use serde_json::{Map, Value};
use tower_vgi::call_record::{DispatchedCall, RecordedCall, RecordedSession, SessionAction, Traffic};
use tower_vgi::rpc::{Generation, Operation, ServiceInfo};
use tower_vgi::{ErrorCode, PeerAddr};

use super::claims::Redact;
use super::method_text::MethodText;
use super::timestamp;
use crate::observe::{End, Outcome, PerMethod, scrub};

/// Everything that is written about one call.
pub(super) struct Record<'a> {
    pub(super) call: &'a RecordedCall,
    pub(super) dispatched: &'a DispatchedCall,
    pub(super) failure: Option<Failure<'a>>,
    peer: Option<SocketAddr>,
    status: Option<StatusCode>,
    cancelled: bool,
    request_bytes: u64,
    response_bytes: u64,
    duration: Duration,
}

/// How a call failed.
pub(super) struct Failure<'a> {
    type_name: &'a str,
    code: ErrorCode,
    message: Cow<'a, str>,
}

impl<'a> Record<'a> {
    /// `None` for what is no call: a request for something else, one that was refused, one with a token that opens no
    /// stream.
    pub(super) fn of(outcome: &Outcome<'a>, peer: Option<PeerAddr>) -> Option<Self> {
        let call = outcome.call;
        let dispatched = call.dispatched.as_ref().filter(|_| call.refused_token.is_none())?;
        let failure = Failure::of(outcome);
        let status = match (&call.error, outcome.status) {
            // What the method's error would be if proxies did not swallow the bodies of such responses.
            (Some(_), Some(StatusCode::OK)) => Some(StatusCode::INTERNAL_SERVER_ERROR),
            (_, status) => status,
        };
        let stream = dispatched.method.description.kind.is_stream();
        Some(Self {
            call,
            dispatched,
            failure,
            peer: peer.map(|peer| peer.0),
            status,
            cancelled: stream && (call.cancelled || outcome.end == End::Dropped),
            request_bytes: outcome.request_bytes,
            response_bytes: outcome.response_bytes,
            duration: outcome.duration,
        })
    }

    /// The stream's id; a new one where a stream's call failed before anybody looked at its token.
    fn stream_id(&self) -> Option<u128> {
        let stream = self.dispatched.method.description.kind.is_stream();
        stream.then(|| self.call.stream_id.map_or_else(|| fastrand::u128(..), u128::from_be_bytes))
    }
}

impl<'a> Failure<'a> {
    fn of(outcome: &Outcome<'a>) -> Option<Self> {
        if let Some(error) = &outcome.call.error {
            let message = if error.message().is_empty() { error.type_name() } else { error.message() };
            return Some(Self { type_name: error.type_name(), code: error.code(), message: scrub(message) });
        }
        let (type_name, code, message) = match outcome.end {
            End::Complete => return None,
            End::Dropped => ("CancelledError", ErrorCode::Cancelled, "the caller did not wait for all of the answer"),
            End::Broken => ("RuntimeError", ErrorCode::Internal, "the answer broke off"),
        };
        Some(Self { type_name, code, message: message.into() })
    }
}

/// Makes lines.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    /// `"server_id":"…"`
    server: Vec<u8>,
    /// `,"server_version":"…"`, if the server has a version.
    version: Vec<u8>,
    methods: PerMethod<MethodText>,
    pub(super) redact: Redact,
    pub(super) max_bytes: usize,
}

/// How much of a line is written.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Whole,
    /// With `{}` in place of the claims.
    WithoutClaims,
    /// Only what every line has.
    Least,
}

thread_local! {
    /// Where lines are made, so that none needs memory of its own.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A line that needed more than this gives its memory back.
const SCRATCH_KEPT: usize = 16 << 10;

impl Lines {
    pub(super) fn new(info: &ServiceInfo, max_bytes: usize) -> Self {
        let mut server = b"\"server_id\":".to_vec();
        string(&mut server, &info.server_id);
        let mut version = Vec::new();
        if !info.server_version.is_empty() {
            text(&mut version, "server_version", &info.server_version);
        }
        Self { server, version, methods: PerMethod::default(), redact: Redact::default(), max_bytes }
    }

    /// Hands over the line: JSON without the closing brace, so that a member can be added.
    pub(super) fn write(&self, record: &Record<'_>, sample_rate: Option<f64>, push: impl FnOnce(&[u8])) {
        let method = self.methods.of(&record.dispatched.method, MethodText::new);
        let time = SystemTime::now();
        let claims = record.call.auth.as_ref().map(|auth| self.redact.claims(&auth.claims)).unwrap_or_default();
        SCRATCH.with_borrow_mut(|line| {
            for form in [Form::Whole, Form::WithoutClaims, Form::Least] {
                if form == Form::WithoutClaims && claims.is_empty() {
                    continue;
                }
                line.clear();
                self.compose(line, record, &method, &claims, time, sample_rate, form);
                if line.len() < self.max_bytes {
                    break;
                }
            }
            push(line);
            line.shrink_to(SCRATCH_KEPT);
        });
    }

    #[allow(clippy::too_many_arguments)]
    fn compose(
        &self,
        line: &mut Vec<u8>,
        record: &Record<'_>,
        method: &MethodText,
        claims: &Map<String, Value>,
        time: SystemTime,
        sample_rate: Option<f64>,
        form: Form,
    ) {
        let call = record.call;
        line.extend_from_slice(b"{\"timestamp\":\"");
        timestamp::write(line, time);
        line.extend_from_slice(b"\",\"level\":\"INFO\",\"logger\":\"vgi_rpc.access\",\"message\":\"");
        line.extend_from_slice(&method.message);
        line.extend_from_slice(if record.failure.is_some() { b" error\"," } else { b" ok\"," });
        line.extend_from_slice(&self.server);
        line.push(b',');
        line.extend_from_slice(&method.identity);
        match &call.auth {
            None => line.extend_from_slice(b",\"principal\":\"\",\"auth_domain\":\"\",\"authenticated\":false"),
            Some(auth) => {
                text(line, "principal", &auth.principal);
                text(line, "auth_domain", &auth.domain);
                line.extend_from_slice(if auth.authenticated {
                    b",\"authenticated\":true"
                } else {
                    b",\"authenticated\":false"
                });
            }
        }
        line.extend_from_slice(b",\"remote_addr\":\"");
        if let Some(peer) = record.peer {
            address(line, peer);
        }
        line.extend_from_slice(b"\",\"duration_ms\":");
        hundredths_of_milliseconds(line, record.duration);
        match &record.failure {
            None => line.extend_from_slice(b",\"status\":\"ok\",\"error_type\":\"\""),
            Some(failure) => {
                line.extend_from_slice(b",\"status\":\"error\"");
                text(line, "error_type", failure.type_name);
                text(line, "error_message", &failure.message);
            }
        }
        if let Some(id) = record.stream_id() {
            line.extend_from_slice(b",\"stream_id\":\"");
            hexadecimal(line, &id.to_be_bytes());
            line.push(b'"');
        }
        if form == Form::Least {
            line.extend_from_slice(b",\"truncated\":\"record_too_large\"");
            return;
        }
        if let Some(failure) = &record.failure {
            text(line, "error_code", failure.code.as_str());
        }
        if record.cancelled {
            line.extend_from_slice(b",\"cancelled\":true");
        }
        if let Some(status) = record.status {
            number(line, "http_status", status.as_u16().into());
        }
        if let Ok(id) = record.dispatched.request_id.to_str()
            && !id.is_empty()
        {
            text(line, "request_id", id);
        }
        line.extend_from_slice(&self.version);
        if let Some(span) = call.span {
            line.extend_from_slice(b",\"trace_id\":\"");
            hexadecimal(line, &span.trace_id);
            line.extend_from_slice(b"\",\"span_id\":\"");
            hexadecimal(line, &span.span_id);
            line.push(b'"');
        }
        if !claims.is_empty() {
            line.extend_from_slice(b",\"claims\":");
            match form {
                Form::Whole => json(line, claims),
                _ => line.extend_from_slice(b"{}"),
            }
        }
        if matches!(record.dispatched.operation, Operation::Unary | Operation::Init) {
            line.extend_from_slice(b",\"request_fields\":");
            line.extend_from_slice(&method.fields);
            number(line, "request_rows", record.dispatched.request_rows);
        }
        self.sizes(line, record);
        session(line, call.session.as_ref());
        let flat = record.dispatched.generation == Generation::Flat;
        if flat || form != Form::Whole {
            line.extend_from_slice(b",\"truncated\":true");
        }
        if flat {
            number(line, "original_request_bytes", record.request_bytes);
        }
        if let Some(rate) = sample_rate {
            line.extend_from_slice(b",\"sample_rate\":");
            json(line, &rate);
        }
    }

    fn sizes(&self, line: &mut Vec<u8>, record: &Record<'_>) {
        let call = record.call;
        traffic(line, "input", call.input);
        traffic(line, "output", call.output);
        if let Some(bytes) = call.request_state_bytes {
            number(line, "request_state_bytes", bytes);
        }
        if let Some(bytes) = call.response_state_bytes {
            number(line, "response_state_bytes", bytes);
        }
        number(line, "request_bytes", record.request_bytes);
        number(line, "response_bytes", record.response_bytes);
        if call.externalized_output_bytes > 0 {
            number(line, "externalized_bytes", call.externalized_output_bytes);
        }
        if call.externalized_input_bytes > 0 {
            // An addition of ours: what the request points to.
            number(line, "tower_vgi_fetched_bytes", call.externalized_input_bytes);
        }
    }
}

fn session(line: &mut Vec<u8>, session: Option<&RecordedSession>) {
    let Some(session) = session else { return };
    text(
        line,
        "session_action",
        match session.action {
            SessionAction::None => "none",
            SessionAction::Opened => "open",
            SessionAction::Resumed => "resume",
            SessionAction::Closed => "close",
        },
    );
    if session.action != SessionAction::None && !session.id.is_empty() {
        text(line, "session_id", &session.id);
    }
}

fn traffic(line: &mut Vec<u8>, direction: &str, traffic: Traffic) {
    for (what, count) in [("_batches", traffic.batches), ("_rows", traffic.rows), ("_bytes", traffic.bytes)] {
        line.extend_from_slice(b",\"");
        line.extend_from_slice(direction.as_bytes());
        line.extend_from_slice(what.as_bytes());
        line.extend_from_slice(b"\":");
        decimal(line, count);
    }
}

/// A member with a text; it is not the first one.
fn text(line: &mut Vec<u8>, name: &str, value: &str) {
    member(line, name);
    string(line, value);
}

fn number(line: &mut Vec<u8>, name: &str, value: u64) {
    member(line, name);
    decimal(line, value);
}

fn member(line: &mut Vec<u8>, name: &str) {
    line.extend_from_slice(b",\"");
    line.extend_from_slice(name.as_bytes());
    line.extend_from_slice(b"\":");
}

pub(super) fn string(line: &mut Vec<u8>, value: &str) {
    json(line, value);
}

/// Neither a vector nor these values give an error.
fn json(line: &mut Vec<u8>, value: &(impl serde::Serialize + ?Sized)) {
    let _ = serde_json::to_writer(line, value);
}

fn decimal(line: &mut Vec<u8>, value: u64) {
    line.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn hundredths_of_milliseconds(line: &mut Vec<u8>, duration: Duration) {
    let hundredths = u64::try_from((duration.as_nanos() + 5_000) / 10_000).unwrap_or(u64::MAX);
    decimal(line, hundredths / 100);
    let rest = (hundredths % 100) as u8;
    line.extend_from_slice(&[b'.', b'0' + rest / 10, b'0' + rest % 10]);
}

fn hexadecimal(line: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    line.extend(bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 0xf)]]));
}

fn address(line: &mut Vec<u8>, peer: SocketAddr) {
    match peer {
        // Most are of this kind, which is written quickly.
        SocketAddr::V4(peer) => {
            for (index, byte) in peer.ip().octets().into_iter().enumerate() {
                if index > 0 {
                    line.push(b'.');
                }
                decimal(line, byte.into());
            }
            line.push(b':');
            decimal(line, peer.port().into());
        }
        SocketAddr::V6(_) => line.extend_from_slice(peer.to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut line = Vec::new();
        write(&mut line);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn durations_are_rounded_to_hundredths() {
        for (nanoseconds, expected) in
            [(0, "0.00"), (4_999, "0.00"), (5_000, "0.01"), (1_234_567, "1.23"), (61_000_000_000, "61000.00")]
        {
            let duration = Duration::from_nanos(nanoseconds);
            assert_eq!(written(|line| hundredths_of_milliseconds(line, duration)), expected);
        }
    }

    #[test]
    fn addresses_have_their_usual_form() {
        for peer in ["127.0.0.1:80", "255.0.10.9:65535", "[::1]:443"] {
            assert_eq!(written(|line| address(line, peer.parse().unwrap())), peer);
        }
    }
}
