//! How a call ended, as spans say it.

use opentelemetry::trace::Status;
use tower_vgi::ErrorCode;

use crate::observe::{End, Outcome};
use crate::scrub::scrub;

/// An error only where the server is at fault.
pub(super) fn status(outcome: &Outcome<'_>) -> Status {
    match outcome.code() {
        None => Status::Unset,
        Some(
            ErrorCode::Unknown
            | ErrorCode::DeadlineExceeded
            | ErrorCode::Unimplemented
            | ErrorCode::Internal
            | ErrorCode::Unavailable
            | ErrorCode::DataLoss,
        ) => Status::error(match (&outcome.call.error, outcome.end, outcome.status) {
            (Some(error), _, _) => scrub(&error.to_string()).into_owned(),
            (None, End::Complete, Some(status)) => format!("answered with the status {}", status.as_u16()),
            (None, _, _) => "the answer broke off".to_owned(),
        }),
        Some(_) => Status::Unset,
    }
}
