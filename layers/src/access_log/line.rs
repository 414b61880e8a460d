//! From what is known of a call to its line.

use std::cell::RefCell;

use tower_vgi::call_record::{RecordedCall, RecordedSession, SessionAction};
use tower_vgi::rpc::{Generation, Operation, ServiceInfo};

use super::claims::{Redact, Shown};
use super::json::{Line, digit, digits, member};
use super::method_text::MethodText;
use super::record::Record;
use super::timestamp;
use crate::observe::PerMethod;

/// Makes lines.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    /// `,"server_id":"…","server_version":"…"`; the latter if the server has a version.
    server: Line,
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
    /// The same, and of texts only the beginning.
    Cut,
}

/// What a line is made of.
struct Content<'a> {
    record: &'a Record<'a>,
    method: &'a MethodText,
    /// Where there are any.
    claims: Option<Shown<'a>>,
    /// In milliseconds, as [`timestamp`] has it.
    time: u64,
    sample_rate: Option<f64>,
}

thread_local! {
    /// Where lines are made, so that none needs memory of its own.
    static SCRATCH: RefCell<Line> = const { RefCell::new(Line::new()) };
}

/// What part of a line a text may be where they are cut. There are four, of which a byte may need six.
const SHARE_OF_A_TEXT: usize = 32;

/// A line that needed more than this gives its memory back.
const SCRATCH_KEPT: usize = 16 << 10;

impl Lines {
    pub(super) fn new(info: &ServiceInfo, max_bytes: usize) -> Self {
        let mut server = Line::new();
        server.raw(member!("server_id")).string(&info.server_id);
        if !info.server_version.is_empty() {
            server.raw(member!("server_version")).string(&info.server_version);
        }
        Self { server, methods: PerMethod::default(), redact: Redact::default(), max_bytes }
    }

    /// Hands over the line and its time in milliseconds: JSON without the closing brace, so that a member can be added.
    pub(super) fn write(&self, record: &Record<'_>, sample_rate: Option<f64>, push: impl FnOnce(&[u8], u64)) {
        let method = self.methods.of(&record.dispatched.method, |method| MethodText::new(&self.server, method));
        let claims = record.call.auth.as_ref().map(|auth| &auth.claims).filter(|claims| !claims.is_empty());
        let claims = claims.map(|claims| Shown { claims, redact: &self.redact });
        let content = Content { record, method, claims, time: timestamp::now(), sample_rate };
        // Taken out, since what says which claims are shown is the program's own, and may come here again.
        let mut line = SCRATCH.take();
        for form in [Form::Whole, Form::WithoutClaims, Form::Least, Form::Cut] {
            if form == Form::WithoutClaims && content.claims.is_none() {
                continue;
            }
            line.clear(SCRATCH_KEPT);
            self.compose(&mut line, &content, form);
            if line.len() < self.max_bytes {
                break;
            }
        }
        push(line.as_bytes(), content.time);
        line.clear(SCRATCH_KEPT);
        SCRATCH.set(line);
    }

    fn compose(&self, line: &mut Line, content: &Content<'_>, form: Form) {
        let Content { record, method, claims, time, sample_rate } = content;
        let call = record.call;
        // A text that is longer than the line may be is not looked at to its end.
        let longest = if form == Form::Cut { self.max_bytes / SHARE_OF_A_TEXT } else { self.max_bytes };
        timestamp::begin(line, *time);
        match &record.failure {
            None => line.bytes(method.ok.as_bytes()),
            Some(failure) => {
                line.bytes(method.error.as_bytes()).string(beginning(failure.type_name, longest));
                line.raw(member!("error_message")).string(beginning(&failure.message, longest))
            }
        };
        caller(line, record, longest);
        line.duration(record.duration);
        if let Some(id) = record.stream_id() {
            line.raw(",\"stream_id\":\"").hexadecimal(&id.to_be_bytes()).raw("\"");
        }
        if matches!(form, Form::Least | Form::Cut) {
            line.raw(",\"truncated\":\"record_too_large\"");
            return;
        }
        if let Some(failure) = &record.failure {
            line.raw(member!("error_code")).string(failure.code.as_str());
        }
        if record.cancelled {
            line.raw(",\"cancelled\":true");
        }
        if let Some(status) = record.status {
            line.size(digits!("http_status"), status.as_u16().into());
        }
        if let Ok(id) = record.dispatched.request_id.to_str()
            && !id.is_empty()
        {
            line.raw(member!("request_id")).string(id);
        }
        if let Some(span) = call.span {
            line.raw(",\"trace_id\":\"").hexadecimal(&span.trace_id);
            line.raw("\",\"span_id\":\"").hexadecimal(&span.span_id).raw("\"");
        }
        if let Some(claims) = claims {
            line.raw(member!("claims"));
            match form {
                Form::Whole => line.json(claims),
                _ => line.raw("{}"),
            };
        }
        if matches!(record.dispatched.operation, Operation::Unary | Operation::Init) {
            line.bytes(method.request.as_bytes()).number(record.dispatched.request_rows);
        }
        sizes(line, record);
        if let Some(happened) = &call.session {
            session(line, happened);
        }
        let flat = record.dispatched.generation == Generation::Flat;
        if flat || form != Form::Whole {
            line.raw(",\"truncated\":true");
        }
        if flat {
            line.raw(member!("original_request_bytes")).number(record.request_bytes);
        }
        if let Some(rate) = sample_rate {
            line.raw(member!("sample_rate")).json(rate);
        }
    }
}

/// As much of a text as has room, up to the end of a character.
fn beginning(text: &str, longest: usize) -> &str {
    let mut end = longest.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn caller(line: &mut Line, record: &Record<'_>, longest: usize) {
    match &record.call.auth {
        None => line.raw(",\"principal\":\"\",\"auth_domain\":\"\",\"authenticated\":false,\"remote_addr\":\""),
        Some(auth) => {
            line.raw(member!("principal")).string(beginning(&auth.principal, longest));
            line.raw(member!("auth_domain")).string(beginning(&auth.domain, longest));
            line.raw(if auth.authenticated { ",\"authenticated\":true" } else { ",\"authenticated\":false" });
            line.raw(",\"remote_addr\":\"")
        }
    };
    if let Some(peer) = record.peer {
        line.address(peer);
    }
    line.raw("\"");
}

fn sizes(line: &mut Line, record: &Record<'_>) {
    let RecordedCall { input, output, .. } = record.call;
    line.count(digit!("input_batches"), input.batches).count(digit!("input_rows"), input.rows);
    line.size(digits!("input_bytes"), input.bytes);
    line.count(digit!("output_batches"), output.batches).count(digit!("output_rows"), output.rows);
    line.size(digits!("output_bytes"), output.bytes);
    line.size(digits!("request_bytes"), record.request_bytes).size(digits!("response_bytes"), record.response_bytes);
    if let Some(bytes) = record.call.request_state_bytes {
        line.raw(member!("request_state_bytes")).number(bytes);
    }
    if let Some(bytes) = record.call.response_state_bytes {
        line.raw(member!("response_state_bytes")).number(bytes);
    }
    if record.call.externalized_output_bytes > 0 {
        line.raw(member!("externalized_bytes")).number(record.call.externalized_output_bytes);
    }
    if record.call.externalized_input_bytes > 0 {
        // An addition of ours: what the request points to.
        line.raw(member!("tower_vgi_fetched_bytes")).number(record.call.externalized_input_bytes);
    }
}

fn session(line: &mut Line, session: &RecordedSession) {
    line.raw(match session.action {
        SessionAction::None => ",\"session_action\":\"none\"",
        SessionAction::Opened => ",\"session_action\":\"open\"",
        SessionAction::Resumed => ",\"session_action\":\"resume\"",
        SessionAction::Closed => ",\"session_action\":\"close\"",
    });
    if session.action != SessionAction::None && !session.id.is_empty() {
        line.raw(member!("session_id")).string(&session.id);
    }
}
