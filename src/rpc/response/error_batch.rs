//! The metadata of an EXCEPTION batch (wire specification §1.6 and §1.9).

use serde_json::{Map, Value};

use crate::rpc::identity::Identity;
use crate::wire::{Metadata, keys};
use crate::{ErrorDetail, RpcError};

/// A traceback longer than this is cut.
const MAX_TRACEBACK: usize = 16_000;

/// Details that are longer as compact JSON are left out as a whole.
const MAX_DETAILS: usize = 4096;

/// The types that the protocol itself defines.
const FRAMEWORK_DETAILS: [&str; 8] = [
    "vgi_rpc.ErrorInfo",
    "vgi_rpc.RetryInfo",
    "vgi_rpc.BadRequest",
    "vgi_rpc.PreconditionFailure",
    "vgi_rpc.QuotaFailure",
    "vgi_rpc.ResourceInfo",
    "vgi_rpc.Help",
    "vgi_rpc.LocalizedMessage",
];

/// Everything that a caller learns about an error. `origin` is the method that it came from.
pub(crate) fn error_metadata(
    error: &RpcError,
    identity: Option<&Identity>,
    origin: &str,
    tracebacks: bool,
) -> Metadata {
    let mut extra = Map::new();
    extra.insert("exception_type".to_owned(), error.type_name().into());
    extra.insert("exception_message".to_owned(), error.message().into());
    if tracebacks {
        extra.insert("traceback".to_owned(), traceback(error, origin).into());
        if let Some(cause) = error.cause() {
            extra.insert("cause".to_owned(), cause.into());
        }
    }
    extra.insert("frames".to_owned(), Value::Array(Vec::new()));

    let mut metadata = Metadata::new();
    metadata.insert(keys::LOG_LEVEL, "EXCEPTION");
    metadata.insert(keys::LOG_MESSAGE, error.to_string());
    if let Some(kind) = error.kind() {
        extra.insert("error_kind".to_owned(), kind.into());
        metadata.insert(keys::ERROR_KIND, kind);
    }
    extra.insert("error_code".to_owned(), error.code().as_str().into());
    metadata.insert(keys::ERROR_CODE, error.code().as_str());
    if let Some((list, text)) = details(error.details()) {
        extra.insert("error_details".to_owned(), list);
        metadata.insert(keys::ERROR_DETAILS, text);
    }
    metadata.insert(keys::LOG_EXTRA, Value::Object(extra).to_string());
    if let Some(identity) = identity {
        metadata.insert(keys::SERVER_ID, identity.server_id.as_bytes());
        metadata.insert(keys::REQUEST_ID, identity.request_id.as_bytes());
    }
    metadata
}

/// What callers show as the remote stack. Rust has none to give, so it is made of what is known.
fn traceback(error: &RpcError, origin: &str) -> String {
    let mut text = match error.traceback() {
        Some(text) if !text.is_empty() => text.to_owned(),
        _ => {
            let cause = error.cause().map(|cause| format!("\n  caused by: {cause}")).unwrap_or_default();
            let origin = if origin.is_empty() { String::new() } else { format!("\n  in {origin}") };
            format!("{error}{cause}{origin}")
        }
    };
    if text.chars().count() > MAX_TRACEBACK {
        text = text.chars().take(MAX_TRACEBACK).collect();
        text.push_str("\n… <traceback truncated>");
    }
    text
}

/// The details as JSON; none at all where one of them breaks a rule, never a part of them.
fn details(details: &[ErrorDetail]) -> Option<(Value, String)> {
    let valid = |detail: &ErrorDetail| {
        let name = detail.type_name();
        if name.starts_with("vgi_rpc.") { FRAMEWORK_DETAILS.contains(&name) } else { name.contains('.') }
    };
    if details.is_empty() || !details.iter().all(valid) {
        return None;
    }
    let list = Value::Array(details.iter().map(ErrorDetail::to_json).collect());
    let text = list.to_string();
    (text.len() <= MAX_DETAILS).then_some((list, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extra(metadata: &Metadata) -> Value {
        serde_json::from_str(metadata.get_str(keys::LOG_EXTRA).unwrap()).unwrap()
    }

    #[test]
    fn the_batch_says_the_same_outside_and_inside() {
        let error = RpcError::value_error("bad").with_kind("k").with_cause("deeper");
        let metadata = error_metadata(&error, None, "P/m", true);
        assert_eq!(metadata.get_str(keys::LOG_LEVEL), Some("EXCEPTION"));
        assert_eq!(metadata.get_str(keys::LOG_MESSAGE), Some("ValueError: bad"));
        assert_eq!(metadata.get_str(keys::ERROR_CODE), Some("UNKNOWN"));
        let extra = extra(&metadata);
        assert_eq!(extra["error_kind"], "k");
        assert_eq!(extra["cause"], "deeper");
        assert_eq!(extra["traceback"], "ValueError: bad\n  caused by: deeper\n  in P/m");
    }

    #[test]
    fn tracebacks_can_be_left_out() {
        let metadata = error_metadata(&RpcError::value_error("bad").with_cause("x"), None, "P/m", false);
        assert!(extra(&metadata).get("traceback").is_none());
        assert!(extra(&metadata).get("cause").is_none());
    }

    #[test]
    fn long_tracebacks_are_cut() {
        let error = RpcError::value_error("bad").with_traceback("é".repeat(20_000));
        let text = extra(&error_metadata(&error, None, "", true))["traceback"].as_str().unwrap().to_owned();
        assert!(text.ends_with("<traceback truncated>"));
        assert_eq!(text.chars().filter(|c| *c == 'é').count(), MAX_TRACEBACK);
    }

    #[test]
    fn details_that_break_a_rule_vanish_as_a_whole() {
        let good = RpcError::value_error("x").with_detail(ErrorDetail::retry_info(std::time::Duration::from_secs(1)));
        assert!(error_metadata(&good, None, "", true).contains(keys::ERROR_DETAILS));
        for bad in ["Unqualified", "vgi_rpc.Mine"] {
            let error = good.clone().with_detail(ErrorDetail::new(bad, Map::new()));
            assert!(!error_metadata(&error, None, "", true).contains(keys::ERROR_DETAILS), "{bad}");
        }
        let large = ErrorDetail::error_info([("k", "v".repeat(5000))]);
        assert!(!error_metadata(&good.with_detail(large), None, "", true).contains(keys::ERROR_DETAILS));
    }
}
