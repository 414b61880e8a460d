//! The Arrow types of JSON, where no schema says better.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields};
use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::typed::typed;

/// The columns of these objects, in the order in which they come up.
///
/// # Errors
///
/// What does not go together.
pub(crate) fn infer<'a>(rows: impl IntoIterator<Item = &'a Map<String, Value>>) -> Result<Fields, String> {
    let mut inference = Inference::default();
    for row in rows {
        inference.see(row)?;
    }
    Ok(inference.fields())
}

/// What is known of the columns so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Inference {
    columns: IndexMap<String, Kind>,
    rows: usize,
}

#[derive(Clone, Debug, PartialEq)]
struct Kind {
    shape: Shape,
    /// In how many rows it was, and not null.
    seen: usize,
}

#[derive(Clone, Debug, PartialEq)]
enum Shape {
    /// Only null so far.
    Unknown,
    Boolean,
    Integer,
    /// A whole number that only `uint64` holds.
    Unsigned,
    Float,
    Text,
    /// A value has said it.
    Typed(DataType),
    List(Box<Shape>),
    Object(Box<Inference>),
}

impl Inference {
    /// Looks at one more row.
    pub(crate) fn see(&mut self, row: &Map<String, Value>) -> Result<(), String> {
        self.rows += 1;
        for (name, value) in row {
            let kind = self.columns.entry(name.clone()).or_insert(Kind { shape: Shape::Unknown, seen: 0 });
            kind.shape.see(value).map_err(|error| format!("'{name}': {error}"))?;
            kind.seen += usize::from(!value.is_null());
        }
        Ok(())
    }

    pub(crate) fn fields(&self) -> Fields {
        let field = |(name, kind): (&String, &Kind)| Field::new(name, kind.shape.data_type(), kind.seen < self.rows);
        self.columns.iter().map(field).collect()
    }
}

impl Shape {
    fn see(&mut self, value: &Value) -> Result<(), String> {
        let seen = match value {
            Value::Null => return Ok(()),
            Value::Bool(_) => Self::Boolean,
            Value::Number(number) if number.is_i64() => Self::Integer,
            Value::Number(number) if number.is_u64() => Self::Unsigned,
            Value::Number(_) => Self::Float,
            Value::String(_) => Self::Text,
            Value::Array(items) => {
                let mut shape = match self {
                    Self::List(shape) => (**shape).clone(),
                    _ => Self::Unknown,
                };
                items.iter().try_for_each(|item| shape.see(item))?;
                Self::List(Box::new(shape))
            }
            Value::Object(object) => match (typed(value), &*self) {
                (Some((data_type, _)), _) => Self::Typed(data_type),
                (None, Self::Object(inference)) => Self::Object(inference.clone()).with(object)?,
                (None, _) => Self::Object(Box::default()).with(object)?,
            },
        };
        *self = match (&*self, seen) {
            (Self::Unknown, seen) => seen,
            (Self::List(_), seen @ Self::List(_)) | (Self::Object(_), seen @ Self::Object(_)) => seen,
            (Self::Float, Self::Integer | Self::Unsigned) | (Self::Integer | Self::Unsigned, Self::Float) => {
                Self::Float
            }
            (Self::Integer, Self::Unsigned) | (Self::Unsigned, Self::Integer) => Self::Unsigned,
            (known, seen) if *known == seen => seen,
            (known, seen) => return Err(format!("{} here, {} before", seen.name(), known.name())),
        };
        Ok(())
    }

    /// The same after one more object.
    fn with(mut self, object: &Map<String, Value>) -> Result<Self, String> {
        if let Self::Object(inference) = &mut self {
            inference.see(object)?;
        }
        Ok(self)
    }

    fn data_type(&self) -> DataType {
        match self {
            Self::Unknown => DataType::Null,
            Self::Boolean => DataType::Boolean,
            Self::Integer => DataType::Int64,
            Self::Unsigned => DataType::UInt64,
            Self::Float => DataType::Float64,
            Self::Text => DataType::Utf8,
            Self::Typed(data_type) => data_type.clone(),
            Self::List(item) => DataType::List(Arc::new(Field::new("item", item.data_type(), true))),
            Self::Object(inference) => DataType::Struct(inference.fields()),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Unknown => "null",
            Self::Boolean => "true or false",
            Self::Integer | Self::Unsigned | Self::Float => "a number",
            Self::Text => "text",
            Self::Typed(_) => "a value of a type",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn types(rows: &[Value]) -> Result<String, String> {
        let fields = infer(rows.iter().filter_map(Value::as_object))?;
        let text = |field: &Arc<Field>| {
            let nullable = if field.is_nullable() { "?" } else { "" };
            format!("{}{nullable}: {}", field.name(), tower_vgi::client::type_name(field))
        };
        Ok(fields.iter().map(text).collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn types_are_those_of_json() {
        for (rows, expected) in [
            (vec![json!({"b": 1, "a": "x"})], "b: int64, a: utf8"),
            (vec![json!({"a": 1}), json!({"a": 2.5})], "a: float64"),
            (vec![json!({"a": u64::MAX})], "a: uint64"),
            (vec![json!({"a": null}), json!({"a": true})], "a?: bool"),
            (vec![json!({"a": 1}), json!({})], "a?: int64"),
            (vec![json!({"a": {"$decimal128(5,2)": 1}}), json!({"a": null})], "a?: decimal128(5,2)"),
            (vec![json!({"a": {"$int65": 1}})], "a: struct<$int65:int64>"),
            (vec![json!({"a": [1, null]})], "a: list<item?:int64>"),
            (vec![json!({"a": {"x": 1}}), json!({"a": {"y": 1}})], "a: struct<x?:int64,y?:int64>"),
        ] {
            assert_eq!(types(&rows).unwrap(), expected);
        }
    }

    #[test]
    fn what_does_not_go_together_is_told() {
        let error = types(&[json!({"a": 1}), json!({"a": "x"})]).unwrap_err();
        assert_eq!(error, "'a': text here, a number before");
    }
}
