//! What callers are told of sessions that they cannot have.

use std::time::Duration;

use crate::{ErrorCode, ErrorDetail, RpcError};

/// When a caller that was turned away by one worker may ask again, and probably reach another.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The error for a session that is not there, or not for this caller: clients see it as `SessionLostError`, kind
/// `session_lost`, and open another one.
pub fn session_lost(reason: impl Into<String>) -> RpcError {
    RpcError::new("SessionLostError", reason).with_kind("session_lost").with_code(ErrorCode::Aborted)
}

/// The error for a new session on a server that drains: clients see it as `ServerDrainingError`, kind
/// `server_draining`.
pub fn server_draining() -> RpcError {
    RpcError::new(
        "ServerDrainingError",
        "this server is about to stop and takes no new sessions; try again, to reach another one",
    )
    .with_kind("server_draining")
    .with_code(ErrorCode::Unavailable)
    .with_detail(ErrorDetail::retry_info(RETRY_AFTER))
}

/// The error for one session more than there may be.
pub(super) fn exhausted(subject: &str, message: String) -> RpcError {
    RpcError::runtime_error(&*message)
        .with_code(ErrorCode::ResourceExhausted)
        .with_detail(ErrorDetail::quota_failure(subject, message))
        .with_detail(ErrorDetail::retry_info(RETRY_AFTER))
}
