//! [`ValueError`]: why a value and its Arrow form do not fit each other.

use std::borrow::Cow;
use std::fmt;

use arrow_schema::ArrowError;

/// Why a Rust value cannot be written as Arrow, or an Arrow value cannot be read as Rust.
///
/// The text names the place first, as a path through fields and list items:
///
/// ```
/// use tower_vgi::value::{ValueError, ValueErrorKind};
///
/// let error = ValueError::new(ValueErrorKind::Null, "null for a value that is not optional");
/// let error = error.at_index(2).at_field("points");
/// assert_eq!(error.to_string(), "points[2]: null for a value that is not optional");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ValueError(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    kind: ValueErrorKind,
    path: String,
    message: Cow<'static, str>,
}

/// The kinds of [`ValueError`], for callers that answer them differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ValueErrorKind {
    /// Null where the Rust type is not an `Option`. The sender is at fault.
    Null,
    /// A column has an Arrow type from which the Rust type cannot be read without loss. The sender is at fault.
    Type,
    /// Text that is not the name of a variant of an enum. The sender is at fault.
    Name,
    /// A record lacks a column that has no default. The sender is at fault.
    Missing,
    /// A value is outside of what the other side's type can hold.
    Range,
    /// The bytes of a record, batch or schema are not an IPC stream of the right shape. The sender is at fault.
    Payload,
    /// A row was asked for that the array does not have, or Arrow refused to build an array.
    Array,
}

impl ValueError {
    /// An error about the value as a whole.
    pub fn new(kind: ValueErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner { kind, path: String::new(), message: message.into() }))
    }

    /// Says that the value is in the named field.
    #[must_use]
    pub fn at_field(mut self, name: &str) -> Self {
        let path = &mut self.0.path;
        if !path.is_empty() && !path.starts_with('[') {
            path.insert(0, '.');
        }
        path.insert_str(0, name);
        self
    }

    /// Says that the value is an item of a list.
    #[must_use]
    pub fn at_index(mut self, index: usize) -> Self {
        let path = &mut self.0.path;
        let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
        path.insert_str(0, &format!("[{index}]{dot}"));
        self
    }

    /// What is wrong, by kind.
    pub fn kind(&self) -> ValueErrorKind {
        self.0.kind
    }

    /// Where, such as `points[2].x`; empty for the value as a whole.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// What is wrong, without the path.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    pub(crate) fn null() -> Self {
        Self::new(ValueErrorKind::Null, "null for a value that is not optional")
    }

    pub(crate) fn range(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ValueErrorKind::Range, message)
    }

    pub(crate) fn payload(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ValueErrorKind::Payload, message)
    }

    pub(crate) fn arrow(error: ArrowError) -> Self {
        Self::new(ValueErrorKind::Array, format!("Arrow refused to build an array: {error}"))
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.path.is_empty() {
            write!(formatter, "{}: ", self.0.path)?;
        }
        formatter.write_str(&self.0.message)
    }
}

impl fmt::Debug for ValueError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ValueError({:?}, {:?})", self.0.kind, self.to_string())
    }
}

impl std::error::Error for ValueError {}
