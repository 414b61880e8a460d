//! Schemas and names, for people and programs.

use arrow_schema::{Field, Schema};
use serde_json::{Value, json};
use tower_vgi::client::{DescribedMethod, Generation, MethodKind, type_name};

/// The columns of a schema.
pub(crate) fn columns(schema: &Schema) -> Value {
    schema.fields().iter().map(|field| column(field)).collect()
}

fn column(field: &Field) -> Value {
    json!({ "name": field.name(), "type": type_name(field), "nullable": field.is_nullable() })
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
