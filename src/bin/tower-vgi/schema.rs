//! Schemas and names, for people and programs.

use arrow_schema::{Field, Schema};
use serde_json::{Value, json};
use tower_vgi::client::{DescribedMethod, Generation, MethodKind, type_name};

use crate::output::value_as_json;

/// The columns of a schema.
pub(crate) fn columns(schema: &Schema) -> Value {
    schema.fields().iter().map(|field| column(field)).collect()
}

pub(crate) fn column(field: &Field) -> Value {
    json!({ "name": field.name(), "type": type_name(field), "nullable": field.is_nullable() })
}

/// The default of a parameter as JSON, where the server tells it.
pub(crate) fn default_of(method: &DescribedMethod, parameter: &Field) -> Option<Value> {
    let defaults = method.details.defaults.as_ref()?;
    value_as_json(defaults, defaults.schema_ref().index_of(parameter.name()).ok()?).ok()
}

/// The kind of a method; `stream`, where no more is known.
pub(crate) fn kind(method: &DescribedMethod) -> &'static str {
    match method.kind {
        Some(MethodKind::Unary) => "unary",
        Some(MethodKind::Producer) => "producer",
        Some(MethodKind::Exchange) => "exchange",
        None => "stream",
    }
}

/// The name of a generation.
pub(crate) fn generation(generation: Generation) -> &'static str {
    match generation {
        Generation::Flat => "flat",
        Generation::Namespaced => "namespaced",
    }
}
