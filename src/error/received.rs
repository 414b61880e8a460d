//! What a client knows of an error besides the error itself: how it came, and what to do about it.

use std::fmt;

use http::StatusCode;

use super::detail::RETRY_INFO;
use super::{ErrorCode, RpcError};

/// How an error came to a client.
#[derive(Clone, Debug, Default)]
pub(crate) struct Received {
    pub(crate) http_status: Option<StatusCode>,
    pub(crate) request_id: Option<String>,
    pub(crate) server_id: Option<String>,
    pub(crate) auth_reason: Option<AuthReason>,
    pub(crate) proxy_hint: Option<String>,
    /// The connection failed; the call may or may not have run.
    pub(crate) broken: bool,
}

/// Why a server did not accept who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthReason {
    /// Nothing was sent that says who calls.
    MissingCredential,
    /// What was sent is not valid.
    InvalidCredential,
    /// What was sent is no longer valid.
    ExpiredCredential,
    /// The caller may not do this.
    InsufficientScope,
    /// The server is to be called through a proxy that says who calls.
    ProxyRequired,
    /// No reason was given, or none that is known.
    Unauthorized,
}

impl AuthReason {
    const NAMES: [(Self, &'static str); 6] = [
        (Self::MissingCredential, "missing_credential"),
        (Self::InvalidCredential, "invalid_credential"),
        (Self::ExpiredCredential, "expired_credential"),
        (Self::InsufficientScope, "insufficient_scope"),
        (Self::ProxyRequired, "proxy_required"),
        (Self::Unauthorized, "unauthorized"),
    ];

    /// The reason's name on the wire.
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(reason, _)| *reason == self).map_or("unauthorized", |(_, name)| name)
    }

    /// The reason of a name on the wire; an unknown name is [`AuthReason::Unauthorized`].
    pub fn from_wire(name: &str) -> Self {
        Self::NAMES.iter().find(|(_, known)| *known == name).map_or(Self::Unauthorized, |(reason, _)| *reason)
    }
}

impl fmt::Display for AuthReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What clients ask of an error.
impl RpcError {
    /// The HTTP status of the response that brought the error; `None` for one that was made here.
    pub fn http_status(&self) -> Option<StatusCode> {
        self.received().and_then(|received| received.http_status)
    }

    /// The id of the request that failed, as in the server's log.
    pub fn request_id(&self) -> Option<&str> {
        self.received().and_then(|received| received.request_id.as_deref())
    }

    /// The server that failed.
    pub fn server_id(&self) -> Option<&str> {
        self.received().and_then(|received| received.server_id.as_deref())
    }

    /// Why the server did not accept who calls.
    pub fn auth_reason(&self) -> Option<AuthReason> {
        self.received().and_then(|received| received.auth_reason)
    }

    /// What the server says about the proxy that should have been in between.
    pub fn proxy_hint(&self) -> Option<&str> {
        self.received().and_then(|received| received.proxy_hint.as_deref())
    }

    /// Whether the server did not accept who calls.
    pub fn is_unauthenticated(&self) -> bool {
        self.auth_reason().is_some() || self.code() == ErrorCode::Unauthenticated
    }

    /// Whether the session that the call belonged to is gone: begin a new one.
    pub fn is_session_lost(&self) -> bool {
        self.kind() == Some("session_lost") || self.type_name() == "SessionLostError"
    }

    /// Whether the server is about to stop and opens no more sessions.
    pub fn is_server_draining(&self) -> bool {
        self.kind() == Some("server_draining") || self.type_name() == "ServerDrainingError"
    }

    /// Whether the server has no such method or protocol.
    pub fn is_not_implemented(&self) -> bool {
        matches!(self.kind(), Some("method_not_implemented" | "protocol_not_supported"))
            || self.code() == ErrorCode::Unimplemented
    }

    /// Whether the connection failed: the call may have run or not.
    pub fn is_connection_error(&self) -> bool {
        self.received().is_some_and(|received| received.broken)
    }

    /// Whether the same call may succeed later: `UNAVAILABLE`, or `RESOURCE_EXHAUSTED` that says when.
    ///
    /// Whether it may be *repeated* is another question: a call may have run although its answer was lost.
    pub fn is_retryable(&self) -> bool {
        match self.code() {
            ErrorCode::Unavailable => true,
            ErrorCode::ResourceExhausted => self.details().iter().any(|detail| detail.type_name() == RETRY_INFO),
            _ => false,
        }
    }

    fn received(&self) -> Option<&Received> {
        self.0.received.as_deref()
    }

    #[cfg(any(feature = "client", feature = "external"))]
    pub(crate) fn received_mut(&mut self) -> &mut Received {
        self.0.received.get_or_insert_default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ErrorDetail;

    #[test]
    fn reasons_round_trip_and_unknown_ones_are_plain() {
        for (reason, name) in AuthReason::NAMES {
            assert_eq!((AuthReason::from_wire(name), reason.as_str()), (reason, name));
        }
        assert_eq!(AuthReason::from_wire("new_one"), AuthReason::Unauthorized);
    }

    #[test]
    fn an_exhausted_resource_can_be_retried_if_it_says_when() {
        let error = RpcError::runtime_error("full").with_code(ErrorCode::ResourceExhausted);
        assert!(!error.is_retryable());
        assert!(error.with_detail(ErrorDetail::retry_info(Duration::from_secs(1))).is_retryable());
        assert!(RpcError::runtime_error("x").with_code(ErrorCode::Unavailable).is_retryable());
    }

    #[test]
    fn kinds_are_recognised() {
        assert!(RpcError::runtime_error("x").with_kind("session_lost").is_session_lost());
        assert!(RpcError::new("ServerDrainingError", "x").is_server_draining());
        assert!(RpcError::runtime_error("x").with_kind("method_not_implemented").is_not_implemented());
        assert!(!RpcError::runtime_error("x").is_session_lost());
    }
}
