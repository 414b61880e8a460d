//! What a line says, gathered from what is known of a call.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

use http::StatusCode;
use tower_vgi::call_record::{DispatchedCall, RecordedCall};
use tower_vgi::{ErrorCode, PeerAddr};

use crate::observe::{End, Outcome};
use crate::scrub::scrub;

/// Everything that is written about one call.
pub(super) struct Record<'a> {
    pub(super) call: &'a RecordedCall,
    pub(super) dispatched: &'a DispatchedCall,
    pub(super) failure: Option<Failure<'a>>,
    pub(super) peer: Option<SocketAddr>,
    pub(super) status: Option<StatusCode>,
    pub(super) cancelled: bool,
    pub(super) request_bytes: u64,
    pub(super) response_bytes: u64,
    pub(super) duration: Duration,
}

/// How a call failed.
pub(super) struct Failure<'a> {
    pub(super) type_name: &'a str,
    pub(super) code: ErrorCode,
    pub(super) message: Cow<'a, str>,
}

impl<'a> Record<'a> {
    /// `None` for what is no call: a request for something else, one that was refused, one with a token that opens no
    /// stream.
    pub(super) fn of(outcome: &Outcome<'a>, peer: Option<PeerAddr>) -> Option<Self> {
        let call = outcome.call;
        let dispatched = call.dispatched.as_ref().filter(|_| call.refused_token.is_none())?;
        let failure = Failure::of(outcome);
        let status = match (&call.error, outcome.status) {
            // What the method's error would be if proxies did not swallow the bodies of such responses.
            (Some(_), Some(StatusCode::OK)) => Some(StatusCode::INTERNAL_SERVER_ERROR),
            (_, status) => status,
        };
        let stream = dispatched.method.description.kind.is_stream();
        Some(Self {
            call,
            dispatched,
            failure,
            peer: peer.map(|peer| peer.0),
            status,
            cancelled: stream && (call.cancelled || outcome.end == End::Dropped),
            request_bytes: outcome.request_bytes,
            response_bytes: outcome.response_bytes,
            duration: outcome.duration,
        })
    }

    /// The stream's id; a new one where a stream's call failed before anybody looked at its token.
    pub(super) fn stream_id(&self) -> Option<u128> {
        let stream = self.dispatched.method.description.kind.is_stream();
        stream.then(|| self.call.stream_id.map_or_else(|| fastrand::u128(..), u128::from_be_bytes))
    }
}

impl<'a> Failure<'a> {
    fn of(outcome: &Outcome<'a>) -> Option<Self> {
        if let Some(error) = &outcome.call.error {
            let message = if error.message().is_empty() { error.type_name() } else { error.message() };
            return Some(Self { type_name: error.type_name(), code: error.code(), message: scrub(message) });
        }
        let code = outcome.code()?;
        let (type_name, message) = match (outcome.end, outcome.status) {
            (End::Dropped, _) => ("CancelledError", "the caller did not wait for all of the answer".into()),
            // An answer in place of the call's, by what tells no error.
            (End::Complete, Some(status)) => {
                ("RuntimeError", format!("answered with the status {}", status.as_u16()).into())
            }
            (End::Complete, None) | (End::Broken, _) => ("RuntimeError", "the answer broke off".into()),
        };
        Some(Self { type_name, code, message })
    }
}
