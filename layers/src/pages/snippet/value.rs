//! Values in snippets: defaults as they are, and samples of what a type holds.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

use super::{is_readable, quoted};

/// A value that every language can write.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
}

impl Literal {
    /// The first value of a column; `None` where it is of a kind that has no literal.
    pub(super) fn of(column: &ArrayRef) -> Option<Self> {
        if column.is_empty() {
            return None;
        }
        if column.is_null(0) {
            return Some(Self::Null);
        }
        let literal = match column.data_type() {
            DataType::Boolean => Self::Bool(column.as_boolean().value(0)),
            DataType::Int8 => Self::Integer(column.as_primitive::<Int8Type>().value(0).into()),
            DataType::Int16 => Self::Integer(column.as_primitive::<Int16Type>().value(0).into()),
            DataType::Int32 => Self::Integer(column.as_primitive::<Int32Type>().value(0).into()),
            DataType::Int64 => Self::Integer(column.as_primitive::<Int64Type>().value(0).into()),
            DataType::UInt8 => Self::Integer(column.as_primitive::<UInt8Type>().value(0).into()),
            DataType::UInt16 => Self::Integer(column.as_primitive::<UInt16Type>().value(0).into()),
            DataType::UInt32 => Self::Integer(column.as_primitive::<UInt32Type>().value(0).into()),
            DataType::UInt64 => Self::Integer(column.as_primitive::<UInt64Type>().value(0).into()),
            DataType::Float32 => Self::Float(column.as_primitive::<Float32Type>().value(0).into()),
            DataType::Float64 => Self::Float(column.as_primitive::<Float64Type>().value(0)),
            DataType::Utf8 => Self::Text(column.as_string::<i32>().value(0).to_owned()),
            DataType::LargeUtf8 => Self::Text(column.as_string::<i64>().value(0).to_owned()),
            DataType::Dictionary(..) => {
                let dictionary = column.as_any_dictionary();
                let key = dictionary.normalized_keys().first().copied()?;
                return Self::of(&dictionary.values().slice(key, 1));
            }
            _ => return None,
        };
        literal.is_written_easily().then_some(literal)
    }

    fn is_written_easily(&self) -> bool {
        match self {
            Self::Float(value) => value.is_finite(),
            Self::Text(text) => text.len() <= 60 && is_readable(text),
            _ => true,
        }
    }

    pub(super) fn python(&self) -> String {
        match self {
            Self::Null => "None".to_owned(),
            Self::Bool(true) => "True".to_owned(),
            Self::Bool(false) => "False".to_owned(),
            Self::Integer(value) => value.to_string(),
            Self::Float(value) => format!("{value:?}"),
            Self::Text(text) => quoted(text),
        }
    }

    pub(super) fn rust(&self, nullable: bool) -> String {
        let value = match self {
            Self::Null => return "None".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Float(value) => format!("{value:?}"),
            Self::Text(text) => format!("{}.to_owned()", quoted(text)),
        };
        if nullable { format!("Some({value})") } else { value }
    }
}

/// A value of the type, where it has one of those that every language can write.
pub(super) fn sample(data_type: &DataType) -> Option<Literal> {
    Some(match data_type {
        DataType::Boolean => Literal::Bool(true),
        integer if integer.is_integer() => Literal::Integer(1),
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Literal::Float(1.0),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Literal::Text("text".to_owned()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tower_vgi::VgiArrow;
    use tower_vgi::value::DictionaryString;

    fn of<T: VgiArrow>(value: T) -> Option<(String, String)> {
        let nullable = T::parameter_field("x").is_nullable();
        Literal::of(&value.to_parameter().unwrap()).map(|literal| (literal.python(), literal.rust(nullable)))
    }

    #[test]
    fn defaults_are_written_as_each_language_has_it() {
        let both = |python: &str, rust: &str| Some((python.to_owned(), rust.to_owned()));
        assert_eq!(of(1.0_f64), both("1.0", "1.0"));
        assert_eq!(of(-3_i64), both("-3", "-3"));
        assert_eq!(of(u64::MAX), both("18446744073709551615", "18446744073709551615"));
        assert_eq!(of(true), both("True", "true"));
        assert_eq!(of("a\"".to_owned()), both(r#""a\"""#, r#""a\"".to_owned()"#));
        assert_eq!(of(None::<i64>), both("None", "None"));
        assert_eq!(of(Some(2_i64)), both("2", "Some(2)"));
        assert_eq!(of(DictionaryString("red".to_owned())), both("\"red\"", "\"red\".to_owned()"));
        assert_eq!(of(f64::NAN), None);
        assert_eq!(of(vec![1_i64]), None);
        assert_eq!(of("\u{2028}".to_owned()), None);
    }
}
