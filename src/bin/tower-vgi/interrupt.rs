//! Ctrl-C.

use std::future::Future;
use std::pin::pin;

use futures_util::future::{Either, select};

use crate::failure::Failure;

/// What comes first: the outcome, or Ctrl-C.
pub(crate) async fn or<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    match select(pin!(work), pin!(interrupted())).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right(_) => Err(Failure::Interrupted),
    }
}

/// Waits for Ctrl-C; for ever, where the system has no such thing.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
