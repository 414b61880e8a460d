//! What all lines of a method share, made once.

use tower_vgi::call_record::CalledMethod;
use tower_vgi::rpc::type_name;

use super::json::{Line, member};

/// Pieces of a line.
#[derive(Debug)]
pub(super) struct MethodText {
    /// What comes after the timestamp, of a call that went well.
    pub(super) ok: Line,
    /// The same of one that failed. It ends where the type of the error is.
    pub(super) error: Line,
    /// `,"request_fields":[{"name":"a","type":"float64"}],"request_rows":`
    pub(super) request: Line,
}

impl MethodText {
    /// `server` is what all lines of the server share.
    pub(super) fn new(server: &Line, method: &CalledMethod) -> Self {
        let mut ok = identity(server, method, "ok");
        ok.raw(member!("error_type")).raw("\"\"");
        let mut error = identity(server, method, "error");
        error.raw(member!("error_type"));
        Self { ok, error, request: request(method) }
    }
}

fn identity(server: &Line, method: &CalledMethod, outcome: &str) -> Line {
    let description = &method.description;
    let mut line = Line::new();
    line.raw(member!("level")).raw("\"INFO\"");
    line.raw(member!("logger")).raw("\"vgi_rpc.access\"");
    line.raw(member!("message")).string(&format!("{}.{} {outcome}", method.protocol, description.name));
    line.bytes(server.as_bytes());
    line.raw(member!("protocol")).string(&method.protocol);
    line.raw(member!("protocol_hash")).string(&method.protocol_hash);
    line.raw(member!("method")).string(&description.name);
    line.raw(member!("method_type")).string(if description.kind.is_stream() { "stream" } else { "unary" });
    line.raw(member!("status")).string(outcome);
    line
}

fn request(method: &CalledMethod) -> Line {
    let mut line = Line::new();
    line.raw(member!("request_fields")).raw("[");
    for (index, field) in method.description.parameter_schema().fields().iter().enumerate() {
        line.raw(if index == 0 { "{\"name\":" } else { ",{\"name\":" }).string(field.name());
        line.raw(member!("type")).string(&type_name(field)).raw("}");
    }
    line.raw("]").raw(member!("request_rows"));
    line
}
