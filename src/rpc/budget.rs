//! Response budgets: how large an answer may become (wire specification §6.5).

use http::{HeaderMap, StatusCode};

use crate::headers::ACCEPT_MAX_RESPONSE_BYTES;
use crate::vocabulary::ResponseBudget;
use crate::{ErrorCode, RpcError};

/// The smallest limit that a caller may ask for: every error fits below.
const SMALLEST: u64 = 65_536;

/// The largest integer that every JSON reader holds exactly.
const LARGEST: u64 = (1 << 53) - 1;

/// The caller's limit.
///
/// # Errors
///
/// A `ValueError` with status 400 when the header is there twice, is no plain number, or lies out of range.
pub(crate) fn requested(headers: &HeaderMap) -> Result<Option<u64>, RpcError> {
    let mut values = headers.get_all(ACCEPT_MAX_RESPONSE_BYTES).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(refuse("is given more than once"));
    }
    let text = value.to_str().unwrap_or("");
    let plain = !text.is_empty() && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if plain { text.parse::<u64>().ok() } else { None };
    match number {
        Some(number) if (SMALLEST..=LARGEST).contains(&number) => Ok(Some(number)),
        Some(_) => Err(refuse("is out of range")),
        None => Err(refuse("is no plain decimal number")),
    }
}

fn refuse(what: &str) -> RpcError {
    RpcError::value_error(format!(
        "the header VGI-Accept-Max-Response-Bytes {what}; expected one number from {SMALLEST} to {LARGEST}"
    ))
    .with_status(StatusCode::BAD_REQUEST)
}

/// The smaller of two limits, where there are any.
pub(crate) fn tightest(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

/// The limit that the server's own layers have put on the request.
pub(crate) fn of_server(extensions: &http::Extensions) -> Option<u64> {
    extensions.get::<ResponseBudget>().and_then(|budget| budget.max_response_bytes)
}

/// The error in place of an answer that is too large.
pub(crate) fn too_large(size: u64, limit: u64, method: &str) -> RpcError {
    RpcError::new(
        "ResponseTooLargeError",
        format!("HTTP body exceeds max_response_bytes ({size} > {limit}) for method '{method}'"),
    )
    .with_code(ErrorCode::ResourceExhausted)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT_MAX_RESPONSE_BYTES, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn one_plain_number_in_range_counts() {
        assert_eq!(requested(&headers(&[])).unwrap(), None);
        assert_eq!(requested(&headers(&["65536"])).unwrap(), Some(65_536));
        assert_eq!(requested(&headers(&["9007199254740991"])).unwrap(), Some(LARGEST));
    }

    #[test]
    fn everything_else_is_refused() {
        for bad in ["", "0", "065536", "+65536", "65535", "9007199254740992", "1e6", "65536 ", "99999999999999999999"] {
            let error = requested(&headers(&[bad])).unwrap_err();
            assert_eq!((error.type_name(), error.status()), ("ValueError", StatusCode::BAD_REQUEST), "{bad:?}");
        }
        assert!(requested(&headers(&["65536", "65536"])).is_err());
    }
}
