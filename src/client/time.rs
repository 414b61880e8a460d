//! How long a caller waits.

use std::future::Future;
use std::time::Duration;

use futures_util::future::Either;

use crate::{ErrorCode, Result, RpcError};

/// The outcome of a call, or a `TimeoutError` that says what has not come.
pub(crate) async fn in_time<T>(
    timeout: Option<Duration>,
    call: impl Future<Output = Result<T, RpcError>>,
    what: impl FnOnce() -> String,
) -> Result<T, RpcError> {
    match timeout {
        None => call.await,
        Some(timeout) => within(timeout, call).await.unwrap_or_else(|| Err(timed_out(&what(), timeout))),
    }
}

pub(crate) fn timed_out(what: &str, timeout: Duration) -> RpcError {
    RpcError::new("TimeoutError", format!("{what} within {timeout:?}")).with_code(ErrorCode::DeadlineExceeded)
}

/// The outcome, unless time runs out before.
pub(crate) async fn within<F: Future>(timeout: Duration, future: F) -> Option<F::Output> {
    let future = std::pin::pin!(future);
    let sleep = std::pin::pin!(tokio::time::sleep(timeout));
    match futures_util::future::select(future, sleep).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}
