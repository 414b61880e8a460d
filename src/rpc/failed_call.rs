//! [`FailedCall`]: an error with what the response needs besides.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use http::HeaderMap;

use super::log::LogMessage;
use super::stack;
use crate::wire::WireSchema;
use crate::{BoxError, RpcError};

/// An error on its way from a method to the response.
///
/// Call layers see it as a boxed error; [`rpc_error`] finds the [`RpcError`] in it.
#[derive(Debug)]
pub(crate) struct FailedCall {
    pub(crate) error: RpcError,
    /// The schema that the answer would have had; the empty one if `None`.
    pub(crate) schema: Option<Arc<WireSchema>>,
    /// What the method logged before it failed.
    pub(crate) logs: Vec<LogMessage>,
    /// Headers that the method set before it failed.
    pub(crate) headers: HeaderMap,
}

impl FailedCall {
    pub(crate) fn from_box(error: BoxError) -> Box<Self> {
        error.downcast::<Self>().unwrap_or_else(|error| stack::middleware_error(error).into())
    }
}

impl From<RpcError> for Box<FailedCall> {
    fn from(error: RpcError) -> Self {
        Box::new(error.into())
    }
}

impl From<RpcError> for FailedCall {
    fn from(error: RpcError) -> Self {
        Self { error, schema: None, logs: Vec::new(), headers: HeaderMap::new() }
    }
}

impl fmt::Display for FailedCall {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(formatter)
    }
}

impl StdError for FailedCall {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.error)
    }
}

/// The [`RpcError`] in an error that a call layer got from the service inside, if there is one.
///
/// ```
/// use tower_vgi::rpc::rpc_error;
/// use tower_vgi::{BoxError, RpcError};
///
/// let error: BoxError = RpcError::value_error("no").into();
/// assert_eq!(rpc_error(&error).map(RpcError::type_name), Some("ValueError"));
/// ```
pub fn rpc_error(error: &BoxError) -> Option<&RpcError> {
    let mut source: Option<&(dyn StdError + 'static)> = Some(error.as_ref());
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<RpcError>() {
            return Some(error);
        }
        source = error.source();
    }
    None
}
