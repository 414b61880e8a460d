//! A description for programs.

use serde_json::{Value, json};
use tower_vgi::client::{DescribedMethod, DescribedProtocol, ServiceDescription};

use crate::schema::{columns, generation, kind};

pub(super) fn describe(service: &ServiceDescription) -> Value {
    json!({
        "server_id": service.server_id,
        "server_version": service.server_version,
        "generation": generation(service.generation),
        "protocols": service.protocols.iter().map(protocol).collect::<Vec<_>>(),
    })
}

fn protocol(protocol: &DescribedProtocol) -> Value {
    json!({
        "name": protocol.name,
        "version": protocol.version,
        "hash": protocol.hash,
        "methods": protocol.methods.iter().map(method).collect::<Vec<_>>(),
    })
}

fn method(method: &DescribedMethod) -> Value {
    json!({
        "name": method.name,
        "kind": kind(method),
        "parameters": columns(&method.parameters),
        "result": columns(&method.result).get(0),
        "header": method.header.as_ref().map(|header| columns(header)),
    })
}
