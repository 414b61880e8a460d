use std::fmt;

use arrow_schema::ArrowError;

/// Why bytes could not be decoded, or a batch not be encoded.
///
/// [`kind`](Self::kind) is for programs, the text is for people: it says what was found and what
/// was expected. It never contains data of a batch.
pub struct WireError(Box<Inner>);

struct Inner {
    kind: WireErrorKind,
    message: String,
    source: Option<ArrowError>,
}

/// What went wrong, as far as a program may want to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WireErrorKind {
    /// The bytes are no Arrow IPC stream, or a damaged one. The sender is at fault.
    Malformed,
    /// A limit of [`Limits`](super::Limits) would be exceeded.
    TooLarge,
    /// Valid Arrow that this codec does not read or write.
    Unsupported,
    /// A stream without a record batch where one is needed.
    NoBatch,
    /// A column that must not be null contains one.
    UnexpectedNull,
    /// A batch that does not fit the schema of the stream it is written to.
    SchemaMismatch,
}

impl WireError {
    pub(super) fn new(kind: WireErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), source: None }))
    }

    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self::new(WireErrorKind::Malformed, message)
    }

    pub(super) fn too_large(what: &str, found: impl fmt::Display, limit: impl fmt::Display) -> Self {
        Self::new(WireErrorKind::TooLarge, format!("{what}: {found}, but at most {limit} are accepted"))
    }

    pub(super) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(WireErrorKind::Unsupported, message)
    }

    /// A value that an Arrow library refused.
    pub(super) fn arrow(context: &str, error: ArrowError) -> Self {
        let message = format!("{context}: {error}");
        Self(Box::new(Inner { kind: WireErrorKind::Malformed, message, source: Some(error) }))
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> WireErrorKind {
        self.0.kind
    }

    /// Whether a limit would be exceeded, which HTTP answers with 413.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        self.0.kind == WireErrorKind::TooLarge
    }

    /// The name by which clients of other languages know this error.
    #[must_use]
    pub fn exception_type(&self) -> &'static str {
        match self.0.kind {
            WireErrorKind::NoBatch => "StopIteration",
            WireErrorKind::UnexpectedNull => "TypeError",
            _ => "ArrowInvalid",
        }
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.message)
    }
}

impl fmt::Debug for WireError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("WireError").field("kind", &self.0.kind).field("message", &self.0.message).finish()
    }
}

impl std::error::Error for WireError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|error| error as _)
    }
}
