//! [`RpcError`]: an error as it travels on the wire.
//!
//! A caller of any language sees the *type name* (`ValueError`), the message, perhaps a
//! machine-readable *kind* (`session_lost`), and on the namespaced generation a *code* with
//! *details*, as gRPC has them. A method returns [`MethodError`], into which `?` turns every error.

mod received;

use std::any::Any;
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use http::StatusCode;
pub use received::AuthReason;
use serde_json::{Map, Value};

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

/// What a program can do about an error; the set of gRPC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// The caller gave up.
    Cancelled,
    /// Not classified.
    #[default]
    Unknown,
    /// The request is wrong in itself.
    InvalidArgument,
    /// Time ran out.
    DeadlineExceeded,
    /// What was asked for does not exist.
    NotFound,
    /// What was to be made exists.
    AlreadyExists,
    /// The caller may not do this.
    PermissionDenied,
    /// A quota or a limit is used up.
    ResourceExhausted,
    /// The system is not in the state that the call needs.
    FailedPrecondition,
    /// A conflict; try again from a higher level.
    Aborted,
    /// A value lies outside of what exists.
    OutOfRange,
    /// Not implemented here.
    Unimplemented,
    /// A defect of the server.
    Internal,
    /// Not now; try again.
    Unavailable,
    /// Data is lost or damaged.
    DataLoss,
    /// The caller is not known.
    Unauthenticated,
}

impl ErrorCode {
    const NAMES: [(Self, &'static str); 16] = [
        (Self::Cancelled, "CANCELLED"),
        (Self::Unknown, "UNKNOWN"),
        (Self::InvalidArgument, "INVALID_ARGUMENT"),
        (Self::DeadlineExceeded, "DEADLINE_EXCEEDED"),
        (Self::NotFound, "NOT_FOUND"),
        (Self::AlreadyExists, "ALREADY_EXISTS"),
        (Self::PermissionDenied, "PERMISSION_DENIED"),
        (Self::ResourceExhausted, "RESOURCE_EXHAUSTED"),
        (Self::FailedPrecondition, "FAILED_PRECONDITION"),
        (Self::Aborted, "ABORTED"),
        (Self::OutOfRange, "OUT_OF_RANGE"),
        (Self::Unimplemented, "UNIMPLEMENTED"),
        (Self::Internal, "INTERNAL"),
        (Self::Unavailable, "UNAVAILABLE"),
        (Self::DataLoss, "DATA_LOSS"),
        (Self::Unauthenticated, "UNAUTHENTICATED"),
    ];

    /// The code's name on the wire.
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(code, _)| *code == self).map_or("UNKNOWN", |(_, name)| name)
    }

    /// The code of a name on the wire; an unknown name is [`ErrorCode::Unknown`].
    pub fn from_wire(name: &str) -> Self {
        Self::NAMES.iter().find(|(_, known)| *known == name).map_or(Self::Unknown, |(code, _)| *code)
    }
}

const RETRY_INFO: &str = "vgi_rpc.RetryInfo";
const RETRY_DELAY: &str = "retry_delay_seconds";

/// One structured detail of an error: a JSON object with an `@type` (wire specification §1.9).
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorDetail {
    type_name: Cow<'static, str>,
    members: Map<String, Value>,
}

impl ErrorDetail {
    /// A detail of a protocol's own type. The name has to contain a `.`, and `vgi_rpc.` is reserved:
    /// a caller gets no details at all where that is broken.
    pub fn new(type_name: impl Into<Cow<'static, str>>, members: Map<String, Value>) -> Self {
        Self { type_name: type_name.into(), members }
    }

    fn framework(type_name: &'static str, members: Value) -> Self {
        let members = match members {
            Value::Object(members) => members,
            _ => Map::new(),
        };
        Self::new(type_name, members)
    }

    /// `vgi_rpc.RetryInfo`: when to try again.
    pub fn retry_info(delay: std::time::Duration) -> Self {
        let seconds = delay.as_secs_f64();
        let number = if delay.subsec_nanos() == 0 { Value::from(delay.as_secs()) } else { Value::from(seconds) };
        Self::framework(RETRY_INFO, serde_json::json!({ RETRY_DELAY: number }))
    }

    /// `vgi_rpc.ErrorInfo`: names with values.
    pub fn error_info<K: Into<String>, V: Into<String>>(metadata: impl IntoIterator<Item = (K, V)>) -> Self {
        let metadata: Map<_, _> = metadata.into_iter().map(|(k, v)| (k.into(), Value::String(v.into()))).collect();
        Self::framework("vgi_rpc.ErrorInfo", serde_json::json!({ "metadata": metadata }))
    }

    /// `vgi_rpc.BadRequest`: fields with what is wrong about each.
    pub fn bad_request<F: Into<String>, D: Into<String>>(violations: impl IntoIterator<Item = (F, D)>) -> Self {
        let list: Vec<_> = violations
            .into_iter()
            .map(|(field, text)| serde_json::json!({ "field": field.into(), "description": text.into() }))
            .collect();
        Self::framework("vgi_rpc.BadRequest", serde_json::json!({ "field_violations": list }))
    }

    /// `vgi_rpc.PreconditionFailure`: one precondition that does not hold.
    pub fn precondition_failure(
        violation: impl Into<String>,
        subject: impl Into<String>,
        description: impl Into<String>,
    ) -> Self {
        let violations = serde_json::json!([{
            "type": violation.into(), "subject": subject.into(), "description": description.into(),
        }]);
        Self::framework("vgi_rpc.PreconditionFailure", serde_json::json!({ "violations": violations }))
    }

    /// `vgi_rpc.QuotaFailure`: one quota that is used up.
    pub fn quota_failure(subject: impl Into<String>, description: impl Into<String>) -> Self {
        let violations = serde_json::json!([{ "subject": subject.into(), "description": description.into() }]);
        Self::framework("vgi_rpc.QuotaFailure", serde_json::json!({ "violations": violations }))
    }

    /// `vgi_rpc.ResourceInfo`: the resource that the call was about.
    pub fn resource_info(
        resource_type: impl Into<String>,
        resource_name: impl Into<String>,
        owner: impl Into<String>,
        description: impl Into<String>,
    ) -> Self {
        Self::framework(
            "vgi_rpc.ResourceInfo",
            serde_json::json!({
                "resource_type": resource_type.into(),
                "resource_name": resource_name.into(),
                "owner": owner.into(),
                "description": description.into(),
            }),
        )
    }

    /// `vgi_rpc.Help`: links with what each is for.
    pub fn help<D: Into<String>, U: Into<String>>(links: impl IntoIterator<Item = (D, U)>) -> Self {
        let links: Vec<_> = links
            .into_iter()
            .map(|(text, url)| serde_json::json!({ "description": text.into(), "url": url.into() }))
            .collect();
        Self::framework("vgi_rpc.Help", serde_json::json!({ "links": links }))
    }

    /// `vgi_rpc.LocalizedMessage`: the text in a language of people.
    pub fn localized_message(locale: impl Into<String>, message: impl Into<String>) -> Self {
        Self::framework(
            "vgi_rpc.LocalizedMessage",
            serde_json::json!({ "locale": locale.into(), "message": message.into() }),
        )
    }

    /// The value of `@type`.
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// The members besides `@type`.
    pub fn members(&self) -> &Map<String, Value> {
        &self.members
    }

    /// The whole object, `@type` first.
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("@type".to_owned(), Value::String(self.type_name.to_string()));
        object.extend(self.members.clone());
        Value::Object(object)
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

    #[test]
    fn every_code_round_trips_by_name() {
        for (code, name) in ErrorCode::NAMES {
            assert_eq!(ErrorCode::from_wire(name), code);
            assert_eq!(code.as_str(), name);
        }
        assert_eq!(ErrorCode::from_wire("NEW_ONE"), ErrorCode::Unknown);
    }

    #[test]
    fn whole_retry_delays_are_integers() {
        let whole = ErrorDetail::retry_info(std::time::Duration::from_secs(1)).to_json().to_string();
        assert_eq!(whole, r#"{"@type":"vgi_rpc.RetryInfo","retry_delay_seconds":1}"#);
        let part = ErrorDetail::retry_info(std::time::Duration::from_millis(1500)).to_json().to_string();
        assert_eq!(part, r#"{"@type":"vgi_rpc.RetryInfo","retry_delay_seconds":1.5}"#);
    }
}
