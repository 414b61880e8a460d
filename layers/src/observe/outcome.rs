//! What became of a request, and whether that was good.

use std::time::{Duration, Instant};

use http::StatusCode;
use tower_vgi::ErrorCode;
use tower_vgi::call_record::RecordedCall;

/// What became of a request.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome<'a> {
    /// What the core and the layers inside have said.
    pub call: &'a RecordedCall,
    /// The status of the response; `None` where there was none.
    pub status: Option<StatusCode>,
    /// How large the request's body was as it was sent, if that was announced; else as much of it as was read.
    pub request_bytes: u64,
    /// How much of the response's body was sent.
    pub response_bytes: u64,
    /// When the request came.
    pub began: Instant,
    /// How long all of it took.
    pub duration: Duration,
    /// How it ended.
    pub end: End,
}

/// How a request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The answer was sent.
    Complete,
    /// The service failed without a response, or the response's body did in the middle.
    Broken,
    /// Whoever asked did not wait for all of the answer.
    Dropped,
}

impl Outcome<'_> {
    /// How the request failed, in the same words for all observers; `None` where it did not.
    ///
    /// It is the code of the error that was told ([`RecordedCall::error`]), else what the status or the end of the answer
    /// says: not all that answers in place of a call tells an error, as with what is said where there was a panic.
    pub fn code(&self) -> Option<ErrorCode> {
        if let Some(error) = &self.call.error {
            return Some(error.code());
        }
        match (self.end, self.status) {
            (End::Broken, _) => Some(ErrorCode::Internal),
            (End::Dropped, _) => Some(ErrorCode::Cancelled),
            (End::Complete, status) => status.and_then(of_status),
        }
    }
}

fn of_status(status: StatusCode) -> Option<ErrorCode> {
    Some(match status.as_u16() {
        401 => ErrorCode::Unauthenticated,
        403 => ErrorCode::PermissionDenied,
        404 => ErrorCode::NotFound,
        413 | 429 => ErrorCode::ResourceExhausted,
        400..500 => ErrorCode::InvalidArgument,
        501 => ErrorCode::Unimplemented,
        502 | 503 => ErrorCode::Unavailable,
        504 => ErrorCode::DeadlineExceeded,
        500..600 => ErrorCode::Internal,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use tower_vgi::RpcError;

    use super::*;

    fn code(status: u16, end: End, call: &RecordedCall) -> Option<ErrorCode> {
        let status = Some(StatusCode::from_u16(status).unwrap());
        let (began, duration) = (Instant::now(), Duration::ZERO);
        Outcome { call, status, request_bytes: 0, response_bytes: 0, began, duration, end }.code()
    }

    #[test]
    fn what_nobody_told_is_seen_in_the_answer() {
        let silent = RecordedCall::default();
        for (status, end, expected) in [
            (200, End::Complete, None),
            (204, End::Complete, None),
            (200, End::Broken, Some(ErrorCode::Internal)),
            (200, End::Dropped, Some(ErrorCode::Cancelled)),
            (401, End::Complete, Some(ErrorCode::Unauthenticated)),
            (415, End::Complete, Some(ErrorCode::InvalidArgument)),
            (500, End::Complete, Some(ErrorCode::Internal)),
            (501, End::Complete, Some(ErrorCode::Unimplemented)),
            (503, End::Complete, Some(ErrorCode::Unavailable)),
            (504, End::Complete, Some(ErrorCode::DeadlineExceeded)),
        ] {
            assert_eq!(code(status, end, &silent), expected, "{status} {end:?}");
        }
    }

    #[test]
    fn what_was_told_counts() {
        let mut call = RecordedCall::default();
        call.error = Some(RpcError::value_error("x").with_code(ErrorCode::NotFound));
        assert_eq!(code(200, End::Complete, &call), Some(ErrorCode::NotFound));
        assert_eq!(code(500, End::Dropped, &call), Some(ErrorCode::NotFound));
    }
}
