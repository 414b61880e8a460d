//! What all lines of a method share, made once.

use tower_vgi::call_record::CalledMethod;
use tower_vgi::rpc::type_name;

use super::line::string;

/// Pieces of a line.
#[derive(Debug)]
pub(super) struct MethodText {
    /// `Calculator.add`, escaped.
    pub(super) message: Vec<u8>,
    /// `"protocol":"Calculator","protocol_hash":"…","method":"add","method_type":"unary"`
    pub(super) identity: Vec<u8>,
    /// `[{"name":"a","type":"float64"}]`
    pub(super) fields: Vec<u8>,
}

impl MethodText {
    pub(super) fn new(method: &CalledMethod) -> Self {
        let description = &method.description;
        let mut message = Vec::new();
        string(&mut message, &format!("{}.{}", method.protocol, description.name));
        // The quotes are set around all of the message.
        message.pop();
        message.remove(0);

        let mut identity = b"\"protocol\":".to_vec();
        string(&mut identity, &method.protocol);
        identity.extend_from_slice(b",\"protocol_hash\":");
        string(&mut identity, &method.protocol_hash);
        identity.extend_from_slice(b",\"method\":");
        string(&mut identity, &description.name);
        identity.extend_from_slice(b",\"method_type\":");
        string(&mut identity, if description.kind.is_stream() { "stream" } else { "unary" });

        let mut fields = vec![b'['];
        for (index, field) in description.parameter_schema().fields().iter().enumerate() {
            fields.extend_from_slice(if index == 0 { b"{\"name\":" } else { b",{\"name\":" });
            string(&mut fields, field.name());
            fields.extend_from_slice(b",\"type\":");
            string(&mut fields, &type_name(field));
            fields.push(b'}');
        }
        fields.push(b']');
        Self { message, identity, fields }
    }
}
