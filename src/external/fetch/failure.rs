//! [`Failure`]: whether trying again may help.

use std::error::Error as StdError;

use http::{StatusCode, Uri};

use crate::external::connect::RefusedAddress;
use crate::external::policy::refused;
use crate::reference::redacted;
use crate::{ErrorCode, RpcError};

/// Why an attempt failed.
#[derive(Debug)]
pub(in crate::external) enum Failure {
    /// Trying again cannot help.
    Final(RpcError),
    /// It may pass. The text keeps no secret.
    Transient(String),
}

impl From<RpcError> for Failure {
    fn from(error: RpcError) -> Self {
        Self::Final(error)
    }
}

impl Failure {
    /// No response came.
    pub(super) fn of_request(error: &hyper_util::client::legacy::Error, uri: &Uri) -> Self {
        if let Some(address) = find::<RefusedAddress>(error) {
            return Self::Final(refused(&address.to_string()));
        }
        Self::Transient(format!("no response from {}: {}", shown(uri), chain(error)))
    }

    /// The response broke off.
    pub(super) fn of_body(error: &hyper::Error, uri: &Uri) -> Self {
        Self::Transient(format!("the response from {} broke off: {}", shown(uri), chain(error)))
    }

    /// A response that is none with content.
    pub(super) fn of_status(status: StatusCode, uri: &Uri) -> Self {
        let hint = match status {
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => "; the URL may have expired",
            StatusCode::NOT_FOUND | StatusCode::GONE => "; the object is not there, or not any more",
            _ => "",
        };
        let text = format!("HTTP {} from {}{hint}", status.as_u16(), shown(uri));
        let passes = status.is_server_error()
            || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS);
        if passes {
            return Self::Transient(text);
        }
        let code = match status {
            StatusCode::NOT_FOUND | StatusCode::GONE => ErrorCode::NotFound,
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => ErrorCode::FailedPrecondition,
            _ => ErrorCode::Unknown,
        };
        Self::Final(RpcError::runtime_error(format!("Failed to resolve ExternalLocation: {text}")).with_code(code))
    }
}

/// A limit was broken.
pub(super) fn too_large(limit: &str, size: Option<u64>, max: u64, url: &str) -> Failure {
    let size = size.map_or_else(|| format!("more than {max}"), |size| size.to_string());
    Failure::Final(
        RpcError::runtime_error(format!(
            "ExternalLocation fetch exceeds {limit} ({size} > {max} bytes) from {}",
            redacted(url)
        ))
        .with_code(ErrorCode::ResourceExhausted),
    )
}

pub(super) fn shown(uri: &Uri) -> String {
    redacted(&uri.to_string())
}

/// The texts of an error and of what caused it. None of them has a URL in it.
pub(in crate::external) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let cause = error.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
        next = error.source();
    }
    text
}

fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}
