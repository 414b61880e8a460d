//! [`Mismatch`]: a value that is none of its type.

use std::fmt;

use arrow_schema::Field;
use serde_json::Value;
use tower_vgi::client::type_name;

/// A value that is none of its type, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mismatch {
    /// Of the column.
    pub(crate) row: usize,
    /// Within the value, such as `[2].x`.
    pub(crate) path: String,
    expected: String,
    given: String,
    hint: Option<String>,
}

/// As much of a value as is repeated.
const SHOWN: usize = 60;

impl Mismatch {
    pub(crate) fn new(row: usize, field: &Field, given: impl fmt::Display) -> Self {
        let expected = format!("{}{}", type_name(field), if field.is_nullable() { "?" } else { "" });
        Self { row, path: String::new(), expected, given: shorten(&given.to_string()), hint: None }
    }

    pub(crate) fn of(row: usize, field: &Field, given: Option<&Value>) -> Self {
        match given {
            None => Self::new(row, field, "null"),
            Some(Value::String(text)) => Self::new(row, field, format_args!("'{}'", shorten(text))),
            Some(value) => Self::new(row, field, value),
        }
    }

    /// Says what would be right.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same as a part of another value.
    pub(crate) fn within(mut self, row: usize, step: impl fmt::Display) -> Self {
        self.row = row;
        self.path = format!("{step}{}", self.path);
        self
    }

    /// What is told of a value with this name.
    pub(crate) fn named(&self, name: &str) -> String {
        let Self { path, expected, given, hint, .. } = self;
        let hint = hint.as_ref().map(|hint| format!(": {hint}")).unwrap_or_default();
        format!("'{name}{path}' takes {expected}, not {given}{hint}")
    }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
