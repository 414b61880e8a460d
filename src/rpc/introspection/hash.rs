//! The two hashes of a protocol (wire specification §10.1 and §10.2). They are never mixed.

use arrow_schema::Schema;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::rpc::generation::Generation;
use crate::rpc::method::{MethodDescription, MethodKind, Protocol};
use crate::rpc::route::is_reserved;
use crate::type_name::type_name;

/// The hash of what a protocol looks like to callers: the same in every language.
///
/// Documentation, defaults, versions and the kind of a stream are no part of it; nor are the server's own methods.
pub fn protocol_hash(protocol: &Protocol) -> String {
    let mut methods: Vec<&MethodDescription> = protocol.methods().filter(|method| !is_reserved(&method.name)).collect();
    methods.sort_by(|a, b| a.name.cmp(&b.name));
    let methods: Vec<Value> = methods.into_iter().map(method_json).collect();
    let document = json!({ "methods": methods, "protocol": protocol.name });
    let mut hash = Sha256::new();
    hash.update(b"vgi_rpc.protocol_hash.v1|");
    hash.update(document.to_string());
    hex::encode(hash.finalize())
}

/// Members are added in the order of their names: the canonical form has them sorted.
fn method_json(method: &MethodDescription) -> Value {
    let mut object = Map::new();
    object.insert("has_header".to_owned(), method.header.is_some().into());
    object.insert("has_return".to_owned(), method.has_result().into());
    if let Some(header) = &method.header {
        object.insert("header".to_owned(), fields_json(header));
    }
    object.insert("name".to_owned(), method.name.as_str().into());
    object.insert("params".to_owned(), fields_json(method.parameter_schema()));
    if method.has_result() {
        object.insert("result".to_owned(), fields_json(&method.result));
    }
    object.insert("type".to_owned(), method_type(method.kind).into());
    Value::Object(object)
}

fn fields_json(schema: &Schema) -> Value {
    let fields = schema.fields().iter();
    fields
        .map(|field| json!({ "name": field.name(), "nullable": field.is_nullable(), "type": type_name(field) }))
        .collect()
}

/// What a kind of method is called in both descriptions.
pub(super) fn method_type(kind: MethodKind) -> &'static str {
    if kind.is_stream() { "stream" } else { "unary" }
}

/// The hash of the flat description: over serialized schemas, so comparable only with itself.
pub(super) fn flat_hash(protocol: &Protocol, methods: &[&MethodDescription]) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("vgi_rpc.describe.v4|1|{}|", protocol.name));
    let flag = |value: bool| if value { "1" } else { "0" };
    for method in methods {
        // The dash is the kind of a stream, which the description leaves open.
        hash.update(format!(
            "\x1f{}\x1e{}\x1e{}\x1e{}\x1e-\x1e",
            method.name,
            method_type(method.kind),
            flag(method.has_result()),
            flag(method.header.is_some()),
        ));
        hash.update(method.wire.parameters.message());
        hash.update(b"\x1e");
        hash.update(method.result_schema(Generation::Flat).message());
        hash.update(b"\x1e");
        if let Some(header) = &method.wire.header {
            hash.update(header.message());
        }
    }
    hex::encode(hash.finalize())
}
