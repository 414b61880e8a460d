//! The second protocol of every worker: it shows that a server routes by protocol *and* method, that versions belong to
//! protocols, and how errors travel.

use std::time::Duration;

use serde_json::Map;
use tower_vgi::{ErrorCode, ErrorDetail, Result, RpcError};

/// Its wire name.
const NAME: &str = "conformance.Secondary.v1";

/// A detail of a type that no client knows.
const PROBE: &str = "conformance.Secondary.v1.Probe";

/// So large that the details as a whole may not travel.
const PADDING: usize = 5000;

/// Hosted beside the primary protocol, on purpose without a version.
#[tower_vgi::service(name = "conformance.Secondary.v1")]
pub(crate) trait Secondary {
    /// Gives the text back with a prefix. The primary has a method of this name, without the prefix.
    async fn echo_string(&self, value: String) -> Result<String>;
    /// Fails with a code and, unless it is empty, a kind.
    async fn fail(&self, code: String, kind: String, retry_delay_seconds: f64) -> Result<()>;
    /// Fails with more details than may travel.
    async fn fail_oversized(&self) -> Result<()>;
}

/// The implementation; it has no state of its own.
pub(crate) struct SecondaryService;

impl Secondary for SecondaryService {
    async fn echo_string(&self, value: String) -> Result<String> {
        Ok(format!("secondary:{value}"))
    }

    async fn fail(&self, code: String, kind: String, retry_delay_seconds: f64) -> Result<()> {
        let known = ErrorCode::from_wire(&code);
        if known.as_str() != code {
            let violation = ErrorDetail::bad_request([("code", "must be a canonical code name")]);
            Err(status_error(format!("'{code}' is not a canonical error code"), ErrorCode::InvalidArgument)
                .with_kind("invalid_code")
                .with_detail(violation))?;
        }
        let message = format!("{NAME} fail: {code} {kind}");
        let mut error =
            status_error(message.trim_end(), known).with_detail(ErrorDetail::error_info([("fixture", NAME)]));
        if retry_delay_seconds > 0.0 {
            error = error.with_detail(ErrorDetail::retry_info(Duration::try_from_secs_f64(retry_delay_seconds)?));
        }
        let note = Map::from_iter([("note".to_owned(), "clients ignore detail types they do not know".into())]);
        error = error.with_detail(ErrorDetail::new(PROBE, note));
        Err(if kind.is_empty() { error } else { error.with_kind(kind) })?
    }

    async fn fail_oversized(&self) -> Result<()> {
        let message = format!("{NAME} fail_oversized: details exceed 4 KiB");
        Err(status_error(message, ErrorCode::ResourceExhausted)
            .with_kind("details_oversized")
            .with_detail(ErrorDetail::retry_info(Duration::from_secs(1)))
            .with_detail(ErrorDetail::error_info([("padding", "x".repeat(PADDING))])))?
    }
}

/// The name under which callers know errors with a code.
fn status_error(message: impl Into<String>, code: ErrorCode) -> RpcError {
    RpcError::new("StatusError", message).with_code(code)
}
