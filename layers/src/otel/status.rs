//! How a call ended, as spans and metrics say it.

use opentelemetry::trace::Status;
use tower_vgi::ErrorCode;

use crate::observe::{End, Outcome, scrub};

/// How the call failed, as far as anybody said; `None` where it did not.
pub(super) fn code(outcome: &Outcome<'_>) -> Option<ErrorCode> {
    if let Some(error) = &outcome.call.error {
        return Some(error.code());
    }
    match (outcome.end, outcome.status) {
        (End::Broken, _) => Some(ErrorCode::Internal),
        (End::Dropped, _) => Some(ErrorCode::Cancelled),
        (End::Complete, Some(status)) if status.is_server_error() => Some(ErrorCode::Internal),
        (End::Complete, Some(status)) if status.is_client_error() => Some(match status.as_u16() {
            401 => ErrorCode::Unauthenticated,
            403 => ErrorCode::PermissionDenied,
            404 => ErrorCode::NotFound,
            413 | 429 => ErrorCode::ResourceExhausted,
            _ => ErrorCode::InvalidArgument,
        }),
        (End::Complete, _) => None,
    }
}

/// An error only where the server is at fault.
pub(super) fn status(outcome: &Outcome<'_>) -> Status {
    match code(outcome) {
        None => Status::Unset,
        Some(
            ErrorCode::Unknown
            | ErrorCode::DeadlineExceeded
            | ErrorCode::Unimplemented
            | ErrorCode::Internal
            | ErrorCode::Unavailable
            | ErrorCode::DataLoss,
        ) => {
            let text = outcome.call.error.as_ref().map(|error| scrub(&error.to_string()).into_owned());
            Status::error(text.unwrap_or_else(|| "the answer broke off".to_owned()))
        }
        Some(_) => Status::Unset,
    }
}
