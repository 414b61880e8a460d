//! [`RpcError`]: an error as it travels on the wire.
//!
//! A caller of any language sees the *type name* (`ValueError`), the message, perhaps a
//! machine-readable *kind* (`session_lost`), and on the namespaced generation a *code* with
//! *details*, as gRPC has them. A method returns [`MethodError`], into which `?` turns every error.

mod code;
mod detail;
mod received;

use std::any::Any;
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use http::StatusCode;

pub use code::ErrorCode;
pub use detail::ErrorDetail;
use detail::{RETRY_DELAY, RETRY_INFO};
pub use received::AuthReason;

/// What a method returns.
pub type Result<T, E = MethodError> = std::result::Result<T, E>;

/// An error of a call, with everything that reaches the caller.
///
/// ```
/// use tower_vgi::{ErrorCode, RpcError};
///
/// let error = RpcError::new("ValueError", "the factor must not be 0").with_code(ErrorCode::InvalidArgument);
/// assert_eq!(error.to_string(), "ValueError: the factor must not be 0");
/// ```
#[derive(Clone)]
pub struct RpcError(Box<Inner>);

#[derive(Clone)]
struct Inner {
    type_name: Cow<'static, str>,
    message: String,
    kind: Option<Cow<'static, str>>,
    code: ErrorCode,
    details: Vec<ErrorDetail>,
    traceback: Option<String>,
    cause: Option<String>,
    status: StatusCode,
    received: Option<Box<received::Received>>,
}

impl RpcError {
    /// An error with a type name as the caller sees it, and a text.
    ///
    /// Clients of other languages match on the name: Python's own (`ValueError`, `RuntimeError`)
    /// are understood everywhere.
    pub fn new(type_name: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            type_name: type_name.into(),
            message: message.into(),
            kind: None,
            code: ErrorCode::Unknown,
            details: Vec::new(),
            traceback: None,
            cause: None,
            status: StatusCode::OK,
            received: None,
        }))
    }

    /// A `ValueError`: the caller sent a value that the method cannot use.
    pub fn value_error(message: impl Into<String>) -> Self {
        Self::new("ValueError", message)
    }

    /// A `RuntimeError`: the method could not do its work.
    pub fn runtime_error(message: impl Into<String>) -> Self {
        Self::new("RuntimeError", message)
    }

    /// A `TypeError`: the caller sent something of the wrong shape or type.
    pub fn type_error(message: impl Into<String>) -> Self {
        Self::new("TypeError", message)
    }

    /// Wraps any error: its type's name, its text and the chain of its sources.
    pub fn from_error<E: StdError + 'static>(error: &E) -> Self {
        if let Some(rpc) = (error as &dyn Any).downcast_ref::<RpcError>() {
            return rpc.clone();
        }
        let mut wrapped = Self::new(short_type_name::<E>(), error.to_string());
        wrapped.0.cause = cause_chain(error);
        wrapped
    }

    /// Classifies the error for programs (namespaced generation; see wire specification §1.8).
    #[must_use]
    pub fn with_code(mut self, code: ErrorCode) -> Self {
        self.0.code = code;
        self
    }

    /// Names the kind of the error, for callers that react to it.
    #[must_use]
    pub fn with_kind(mut self, kind: impl Into<Cow<'static, str>>) -> Self {
        self.0.kind = Some(kind.into());
        self
    }

    /// Adds a detail. Of each type the first is kept.
    #[must_use]
    pub fn with_detail(mut self, detail: ErrorDetail) -> Self {
        if !self.0.details.iter().any(|present| present.type_name() == detail.type_name()) {
            self.0.details.push(detail);
        }
        self
    }

    /// Sets the text that callers show as the remote stack.
    #[must_use]
    pub fn with_traceback(mut self, traceback: impl Into<String>) -> Self {
        self.0.traceback = Some(traceback.into());
        self
    }

    /// Says which error caused this one.
    #[must_use]
    pub fn with_cause(mut self, cause: impl fmt::Display) -> Self {
        self.0.cause = Some(cause.to_string());
        self
    }

    /// Makes this the refusal of a request: the response has `status` instead of 200.
    ///
    /// Errors *of a method* keep 200, so that proxies do not swallow the Arrow body (wire specification §1.4).
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    /// The type's name on the wire.
    pub fn type_name(&self) -> &str {
        &self.0.type_name
    }

    /// The text, without the type.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The kind, if it has one.
    pub fn kind(&self) -> Option<&str> {
        self.0.kind.as_deref()
    }

    /// The code; [`ErrorCode::Unknown`] where none was given.
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// The details, at most one of each type.
    pub fn details(&self) -> &[ErrorDetail] {
        &self.0.details
    }

    /// How long to wait before trying again, where the details say so ([`ErrorDetail::retry_info`]).
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_vgi::{ErrorDetail, RpcError};
    ///
    /// let error = RpcError::runtime_error("not now").with_detail(ErrorDetail::retry_info(Duration::from_millis(1500)));
    /// assert_eq!(error.retry_delay(), Some(Duration::from_millis(1500)));
    /// ```
    pub fn retry_delay(&self) -> Option<std::time::Duration> {
        let detail = self.details().iter().find(|detail| detail.type_name() == RETRY_INFO)?;
        let seconds = detail.members().get(RETRY_DELAY)?.as_f64()?;
        std::time::Duration::try_from_secs_f64(seconds).ok()
    }

    /// The remote stack, if one was given.
    pub fn traceback(&self) -> Option<&str> {
        self.0.traceback.as_deref()
    }

    /// The text of the error that caused this one.
    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// The HTTP status of the response: 200 unless the request was refused.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }
}

impl fmt::Display for RpcError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.0.type_name, self.0.message)
    }
}

impl fmt::Debug for RpcError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("RpcError");
        debug.field("type_name", &self.0.type_name).field("message", &self.0.message);
        if let Some(kind) = &self.0.kind {
            debug.field("kind", kind);
        }
        if self.0.code != ErrorCode::Unknown {
            debug.field("code", &self.0.code);
        }
        if !self.0.details.is_empty() {
            debug.field("details", &self.0.details);
        }
        debug.finish_non_exhaustive()
    }
}

impl StdError for RpcError {}

/// The last segment of a type's path, without its parameters: `ParseIntError`.
fn short_type_name<E>() -> &'static str {
    let full = std::any::type_name::<E>();
    let base = full.split('<').next().unwrap_or(full);
    base.rsplit("::").next().unwrap_or(base)
}

fn cause_chain(error: &dyn StdError) -> Option<String> {
    let mut texts = Vec::new();
    let mut source = error.source();
    // A chain that refers to itself must not be followed for ever.
    while let Some(error) = source.filter(|_| texts.len() < 16) {
        texts.push(error.to_string());
        source = error.source();
    }
    (!texts.is_empty()).then(|| texts.join(": "))
}

/// The error of a method: made from every error by `?`.
///
/// An [`RpcError`] inside keeps its type, kind, code and details; any other error is named after its type.
///
/// ```
/// use tower_vgi::{MethodError, RpcError};
///
/// fn parse(text: &str) -> tower_vgi::Result<i64> {
///     Ok(text.parse::<i64>()?)
/// }
/// assert_eq!(parse("x").unwrap_err().into_rpc_error().type_name(), "ParseIntError");
///
/// fn refuse() -> tower_vgi::Result<i64> {
///     Err(RpcError::value_error("no"))?
/// }
/// assert_eq!(refuse().unwrap_err().into_rpc_error().type_name(), "ValueError");
/// ```
pub struct MethodError(RpcError);

impl MethodError {
    /// The error as callers and layers see it.
    pub fn into_rpc_error(self) -> RpcError {
        self.0
    }

    /// The error as callers and layers see it.
    pub fn as_rpc_error(&self) -> &RpcError {
        &self.0
    }
}

impl<E: StdError + 'static> From<E> for MethodError {
    fn from(error: E) -> Self {
        Self(RpcError::from_error(&error))
    }
}

impl fmt::Debug for MethodError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for MethodError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_error_keeps_its_type_name_and_chain() {
        #[derive(Debug)]
        struct Outer(std::num::ParseIntError);
        impl fmt::Display for Outer {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("outer")
            }
        }
        impl StdError for Outer {
            fn source(&self) -> Option<&(dyn StdError + 'static)> {
                Some(&self.0)
            }
        }
        let parse = "x".parse::<i64>().unwrap_err();
        let error = MethodError::from(Outer(parse)).into_rpc_error();
        assert_eq!(error.type_name(), "Outer");
        assert_eq!(error.cause(), Some("invalid digit found in string"));
    }

    #[test]
    fn an_rpc_error_passes_through_unchanged() {
        let inner = RpcError::value_error("no").with_kind("k").with_code(ErrorCode::NotFound);
        let error = MethodError::from(inner).into_rpc_error();
        assert_eq!((error.type_name(), error.kind(), error.code()), ("ValueError", Some("k"), ErrorCode::NotFound));
    }
}
