//! A description for programs.

use arrow_schema::{FieldRef, SchemaRef};
use serde_json::{Value, json};
use tower_vgi::client::{DescribedMethod, DescribedProtocol, ServiceDescription};

use crate::schema::{column, columns, default_of, generation, kind};

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
        "doc": protocol.doc,
        "methods": protocol.methods.iter().map(method).collect::<Vec<_>>(),
    })
}

fn method(method: &DescribedMethod) -> Value {
    let schema = |schema: &Option<SchemaRef>| schema.as_ref().map(|schema| columns(schema));
    json!({
        "name": method.name,
        "kind": kind(method),
        "doc": method.details.doc,
        "parameters": parameters(method),
        "result": columns(&method.result).get(0),
        "header": schema(&method.header),
        "input": schema(&method.details.input),
        "output": schema(&method.details.output),
    })
}

fn parameters(method: &DescribedMethod) -> Vec<Value> {
    let parameter = |(index, field): (usize, &FieldRef)| {
        let mut parameter = column(field);
        if let Some(default) = default_of(method, field) {
            parameter["default"] = default;
        }
        if let Some(doc) = method.details.parameter_docs.get(index).filter(|doc| !doc.is_empty()) {
            parameter["doc"] = doc.clone().into();
        }
        parameter
    };
    method.parameters.fields().iter().enumerate().map(parameter).collect()
}
