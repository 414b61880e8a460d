//! [`IdentityError`]: why there is no answer, and whether it makes sense to ask again.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::{ErrorCode, ErrorDetail, RpcError};

/// When a caller may ask again where nobody could tell.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Why the identity protocol gives no answer.
///
/// What a [resolver](super::ResolveToken) and a [minter](super::MintGrant) fail with, and what callers can read out of the
/// error of a call:
///
/// ```
/// use std::time::Duration;
/// use tower_vgi::RpcError;
/// use tower_vgi::identity::{IdentityError, IdentityErrorKind};
///
/// let error = IdentityError::unavailable("the directory does not answer").retry_after(Duration::from_secs(7));
/// let sent: RpcError = error.clone().into();
/// assert_eq!(sent.kind(), Some("identity_unavailable"));
///
/// let read = IdentityError::from_rpc_error(&sent);
/// assert_eq!(read.as_ref().map(IdentityError::kind), Some(IdentityErrorKind::Unavailable));
/// assert_eq!(read, Some(error));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityError {
    kind: IdentityErrorKind,
    detail: Cow<'static, str>,
    retry_after: Option<Duration>,
}

/// What kind of an [`IdentityError`] it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IdentityErrorKind {
    /// The caller may not ask whose credentials are.
    IntrospectionRefused,
    /// The credential is nobody's: unknown, expired or malformed, which is not told apart.
    TokenUnresolved,
    /// The caller has not logged in recently enough to get a grant, and may log in again.
    StaleAuth,
    /// This grant is not given.
    GrantRefused,
    /// Nobody can tell now. All others are final: what is known of a credential may be kept, and this may not.
    Unavailable,
}

impl IdentityErrorKind {
    const ALL: [Self; 5] =
        [Self::IntrospectionRefused, Self::TokenUnresolved, Self::StaleAuth, Self::GrantRefused, Self::Unavailable];

    /// The kind as errors carry it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IntrospectionRefused => "introspection_refused",
            Self::TokenUnresolved => "token_unresolved",
            Self::StaleAuth => "stale_auth",
            Self::GrantRefused => "grant_refused",
            Self::Unavailable => "identity_unavailable",
        }
    }

    /// The type's name on the wire, by which callers in Python know it.
    fn type_name(self) -> &'static str {
        match self {
            Self::IntrospectionRefused => "IntrospectionRefusedError",
            Self::TokenUnresolved => "TokenUnresolvedError",
            Self::StaleAuth => "StaleAuthError",
            Self::GrantRefused => "GrantRefusedError",
            Self::Unavailable => "IdentityUnavailableError",
        }
    }

    fn code(self) -> ErrorCode {
        match self {
            Self::IntrospectionRefused | Self::GrantRefused => ErrorCode::PermissionDenied,
            Self::TokenUnresolved => ErrorCode::NotFound,
            Self::StaleAuth => ErrorCode::Unauthenticated,
            Self::Unavailable => ErrorCode::Unavailable,
        }
    }
}

impl IdentityError {
    /// The credential is nobody's. Why is not told: that would confirm what somebody guesses at.
    pub fn unresolved() -> Self {
        Self::new(IdentityErrorKind::TokenUnresolved, "unresolved")
    }

    /// This grant is not given; the caller is told why.
    pub fn refused(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(IdentityErrorKind::GrantRefused, detail)
    }

    /// Nobody can tell now, such as when a directory or a database does not answer. The caller may ask again in five
    /// seconds.
    pub fn unavailable(detail: impl Into<Cow<'static, str>>) -> Self {
        let error = Self::new(IdentityErrorKind::Unavailable, detail);
        Self { retry_after: Some(RETRY_AFTER), ..error }
    }

    /// When the caller may ask again, where nobody can tell now.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        if let Some(retry_after) = &mut self.retry_after {
            *retry_after = after;
        }
        self
    }

    pub(super) fn new(kind: IdentityErrorKind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, detail: detail.into(), retry_after: None }
    }

    /// What kind of error it is.
    pub fn kind(&self) -> IdentityErrorKind {
        self.kind
    }

    /// What the caller is told.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// How long to wait before asking again; `None` where that would change nothing.
    pub fn retry_delay(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Reads the error of a call; `None` where it is another one, such as that nothing answers.
    pub fn from_rpc_error(error: &RpcError) -> Option<Self> {
        let kind = IdentityErrorKind::ALL.into_iter().find(|kind| error.kind() == Some(kind.as_str()))?;
        let retry_after = (kind == IdentityErrorKind::Unavailable).then(|| error.retry_delay().unwrap_or(RETRY_AFTER));
        Some(Self { kind, detail: error.message().to_owned().into(), retry_after })
    }
}

impl From<IdentityError> for RpcError {
    fn from(error: IdentityError) -> Self {
        let rpc = RpcError::new(error.kind.type_name(), error.detail)
            .with_kind(error.kind.as_str())
            .with_code(error.kind.code());
        match error.retry_after {
            Some(after) => rpc.with_detail(ErrorDetail::retry_info(after)),
            None => rpc,
        }
    }
}

impl fmt::Display for IdentityError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.kind.as_str(), self.detail)
    }
}

impl Error for IdentityError {}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_code_and_comes_back_from_the_wire() {
        for (kind, code) in [
            (IdentityErrorKind::IntrospectionRefused, ErrorCode::PermissionDenied),
            (IdentityErrorKind::TokenUnresolved, ErrorCode::NotFound),
            (IdentityErrorKind::StaleAuth, ErrorCode::Unauthenticated),
            (IdentityErrorKind::GrantRefused, ErrorCode::PermissionDenied),
            (IdentityErrorKind::Unavailable, ErrorCode::Unavailable),
        ] {
            let error = match kind {
                IdentityErrorKind::Unavailable => IdentityError::unavailable("why"),
                kind => IdentityError::new(kind, "why"),
            };
            let sent = RpcError::from(error.clone());
            assert_eq!((sent.kind(), sent.code(), sent.message()), (Some(kind.as_str()), code, "why"));
            assert_eq!(IdentityError::from_rpc_error(&sent), Some(error));
        }
        assert_eq!(IdentityError::from_rpc_error(&RpcError::value_error("no")), None);
    }

    #[test]
    fn only_an_outage_says_when_to_ask_again() {
        let after = |error: IdentityError| RpcError::from(error.retry_after(Duration::from_secs(9))).retry_delay();
        assert_eq!(after(IdentityError::unavailable("")), Some(Duration::from_secs(9)));
        assert_eq!(after(IdentityError::unresolved()), None);
        assert_eq!(after(IdentityError::refused("")), None);
    }
}
