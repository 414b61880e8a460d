//! Defaults as Rust writes them.

use arrow_schema::{DataType, Field};
use serde_json::Value;

/// The expression for a default, where there is a short one.
pub(super) fn literal(field: &Field, default: &Value) -> Option<String> {
    if default.is_null() {
        return field.is_nullable().then(|| "None".to_owned());
    }
    let literal = match (field.data_type(), default) {
        (DataType::Boolean, Value::Bool(value)) => value.to_string(),
        (data_type, Value::Number(number)) if data_type.is_integer() || data_type.is_floating() => number.to_string(),
        (DataType::Utf8, Value::String(text)) if field.is_nullable() => format!("{text:?}.to_owned()"),
        (DataType::Utf8, Value::String(text)) => format!("{text:?}"),
        _ => return None,
    };
    Some(if field.is_nullable() { format!("Some({literal})") } else { literal })
}
