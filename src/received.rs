//! From the metadata of an error batch to an [`RpcError`], and of a log batch to a [`LogMessage`].

use http::StatusCode;
use serde_json::{Map, Value};

use crate::log::{LogLevel, LogMessage};
use crate::wire::{Metadata, keys};
use crate::{ErrorCode, ErrorDetail, RpcError};

/// The error that a server sent.
pub(crate) fn rpc_error(metadata: &Metadata, message: &str, status: StatusCode) -> RpcError {
    let extra = object(metadata.get(keys::LOG_EXTRA));
    let member = |name: &str| extra.get(name).and_then(Value::as_str);
    let (type_name, text) = match (member("exception_type"), member("exception_message")) {
        (Some(type_name), Some(text)) => (type_name, text),
        (Some(type_name), None) => (type_name, message),
        (None, _) => message.split_once(": ").filter(|(name, _)| is_name(name)).unwrap_or(("RpcError", message)),
    };
    let mut error = RpcError::new(type_name.to_owned(), text);
    if let Some(kind) = metadata.get_str(keys::ERROR_KIND).or(member("error_kind")) {
        error = error.with_kind(kind.to_owned());
    }
    if let Some(code) = metadata.get_str(keys::ERROR_CODE).or(member("error_code")) {
        error = error.with_code(ErrorCode::from_wire(code));
    }
    let details = metadata.get(keys::ERROR_DETAILS).and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok());
    if let Some(Value::Array(details)) = details.or_else(|| extra.get("error_details").cloned()) {
        error = details.into_iter().filter_map(detail).fold(error, RpcError::with_detail);
    }
    if let Some(traceback) = member("traceback").filter(|traceback| !traceback.is_empty()) {
        error = error.with_traceback(traceback);
    }
    if let Some(cause) = member("cause").or(member("context")) {
        error = error.with_cause(cause);
    }
    let received = error.received_mut();
    received.http_status = Some(status);
    received.request_id = metadata.get_str(keys::REQUEST_ID).map(str::to_owned);
    received.server_id = metadata.get_str(keys::SERVER_ID).map(str::to_owned);
    error
}

/// The message that a server logged.
pub(crate) fn log_message(metadata: &Metadata, level: &str, message: &str) -> LogMessage {
    let level = match level {
        "TRACE" => LogLevel::Trace,
        "DEBUG" => LogLevel::Debug,
        "WARN" => LogLevel::Warn,
        "ERROR" => LogLevel::Error,
        _ => LogLevel::Info,
    };
    let mut log = LogMessage::new(level, message);
    log.extra = object(metadata.get(keys::LOG_EXTRA));
    log.server_id = metadata.get_str(keys::SERVER_ID).map(str::to_owned);
    log.request_id = metadata.get_str(keys::REQUEST_ID).map(str::to_owned);
    log
}

fn object(bytes: Option<&[u8]>) -> Map<String, Value> {
    match bytes.map(serde_json::from_slice) {
        Some(Ok(Value::Object(object))) => object,
        _ => Map::new(),
    }
}

fn detail(value: Value) -> Option<ErrorDetail> {
    let Value::Object(mut members) = value else { return None };
    match members.remove("@type")? {
        Value::String(name) => Some(ErrorDetail::new(name, members)),
        _ => None,
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|char| char.is_alphanumeric() || char == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_the_batch_come_before_members_of_its_extra() {
        let extra = r#"{"exception_type":"ValueError","exception_message":"no","traceback":"T","error_kind":"inner",
            "error_code":"NOT_FOUND","cause":"deeper"}"#;
        let metadata = Metadata::from_iter([
            (keys::LOG_EXTRA, extra),
            (keys::ERROR_KIND, "outer"),
            (
                keys::ERROR_DETAILS,
                r#"[{"@type":"vgi_rpc.RetryInfo","retry_delay_seconds":2},{"@type":"acme.New","x":1}]"#,
            ),
            (keys::REQUEST_ID, "r1"),
        ]);
        let error = rpc_error(&metadata, "ValueError: no", StatusCode::OK);
        assert_eq!((error.type_name(), error.message(), error.kind()), ("ValueError", "no", Some("outer")));
        assert_eq!((error.code(), error.request_id()), (ErrorCode::NotFound, Some("r1")));
        assert_eq!((error.traceback(), error.cause()), (Some("T"), Some("deeper")));
        assert_eq!(error.retry_delay(), Some(std::time::Duration::from_secs(2)));
        assert_eq!(error.details().len(), 2);
    }

    #[test]
    fn without_an_extra_the_message_says_the_type() {
        let error = rpc_error(&Metadata::new(), "KeyError: 'x'", StatusCode::OK);
        assert_eq!((error.type_name(), error.message()), ("KeyError", "'x'"));
        let error = rpc_error(&Metadata::new(), "it is over: really", StatusCode::OK);
        assert_eq!((error.type_name(), error.message()), ("RpcError", "it is over: really"));
    }
}
