//! [`AuthError`]: why nobody is known.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use tower_vgi::AuthReason;

use crate::seconds::rounded_up;

/// When a caller may try again whom nobody could tell now.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Why an [`Authenticate`](super::Authenticate) names no caller.
///
/// Texts reach the caller. Say in them what is wrong with what they sent, and nothing that they did not know: not which
/// of several checks an attacker has passed, and not the credential.
///
/// The response that refuses has it in its extensions, for layers outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthError {
    kind: Kind,
    detail: Cow<'static, str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Refused { reason: AuthReason, is_final: bool },
    Unavailable { retry_after: Duration },
}

impl AuthError {
    /// The request has nothing that this authenticator looks at; another one may know the caller. If none does, the
    /// reason is `missing_credential`.
    pub fn not_mine(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::refused(AuthReason::MissingCredential, detail)
    }

    /// What the request has is not accepted.
    ///
    /// In a [`chain`](super::chain()) the next authenticator is asked all the same, as the credential may be one of its
    /// kind; except with [`AuthReason::InsufficientScope`], which says that the caller is known.
    pub fn refused(reason: AuthReason, detail: impl Into<Cow<'static, str>>) -> Self {
        let is_final = reason == AuthReason::InsufficientScope;
        Self { kind: Kind::Refused { reason, is_final }, detail: detail.into() }
    }

    /// Nobody can tell now, such as when an identity provider does not answer. The caller gets a 503 and may try again
    /// in five seconds; no other authenticator is asked.
    pub fn unavailable(detail: impl Into<Cow<'static, str>>) -> Self {
        Self { kind: Kind::Unavailable { retry_after: RETRY_AFTER }, detail: detail.into() }
    }

    /// When the caller may try again, where nobody can tell now. At least a second.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        if let Kind::Unavailable { retry_after } = &mut self.kind {
            *retry_after = after.max(Duration::from_secs(1));
        }
        self
    }

    /// Ends a [`chain`](super::chain()): no other authenticator is asked.
    #[must_use]
    pub fn into_final(mut self) -> Self {
        if let Kind::Refused { is_final, .. } = &mut self.kind {
            *is_final = true;
        }
        self
    }

    /// Why the caller is refused; `None` where nobody can tell now.
    pub fn reason(&self) -> Option<AuthReason> {
        match self.kind {
            Kind::Refused { reason, .. } => Some(reason),
            Kind::Unavailable { .. } => None,
        }
    }

    /// What the caller is told.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Whether no other authenticator is to be asked.
    pub fn is_final(&self) -> bool {
        !matches!(self.kind, Kind::Refused { is_final: false, .. })
    }

    /// How long the caller is to wait, where nobody can tell now.
    pub fn retry_delay(&self) -> Option<Duration> {
        match self.kind {
            Kind::Unavailable { retry_after } => Some(retry_after),
            Kind::Refused { .. } => None,
        }
    }

    /// The same in seconds.
    pub(super) fn retry_seconds(&self) -> Option<u64> {
        self.retry_delay().map(rounded_up)
    }

    /// The refusal of two authenticators, neither of which knows the caller.
    ///
    /// That nothing was sent is said only where all say so: whoever was refused by one has sent something.
    pub(super) fn and_then(self, later: Self) -> Self {
        let (Kind::Refused { reason: first, .. }, false) = (self.kind, later.is_final()) else { return later };
        let kind = if first == AuthReason::MissingCredential { later.kind } else { self.kind };
        let detail = match (self.detail.is_empty(), later.detail.is_empty()) {
            _ if self.detail == later.detail => self.detail,
            (_, true) => self.detail,
            (true, _) => later.detail,
            _ => format!("{}; {}", self.detail, later.detail).into(),
        };
        Self { kind, detail }
    }
}

impl fmt::Display for AuthError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Refused { reason, .. } => write!(formatter, "{reason}: {}", self.detail),
            Kind::Unavailable { .. } => write!(formatter, "nobody can tell now who calls: {}", self.detail),
        }
    }
}

impl Error for AuthError {}

#[cfg(test)]
mod tests {
    use super::*;
    use AuthReason::{ExpiredCredential, InsufficientScope, InvalidCredential, MissingCredential};

    fn refused(reason: AuthReason) -> AuthError {
        AuthError::refused(reason, reason.as_str())
    }

    #[test]
    fn what_was_sent_and_refused_says_more_than_that_nothing_was_sent() {
        for (first, second, reason) in [
            (MissingCredential, MissingCredential, MissingCredential),
            (MissingCredential, ExpiredCredential, ExpiredCredential),
            (ExpiredCredential, MissingCredential, ExpiredCredential),
            (ExpiredCredential, InvalidCredential, ExpiredCredential),
            (ExpiredCredential, InsufficientScope, InsufficientScope),
        ] {
            assert_eq!(refused(first).and_then(refused(second)).reason(), Some(reason), "{first} {second}");
        }
        let detail = |first, second| AuthError::not_mine(first).and_then(AuthError::not_mine(second));
        assert_eq!(detail("no key", "no token").detail(), "no key; no token");
        assert_eq!(detail("no key", "").detail(), "no key");
        assert_eq!(detail("", "no token").detail(), "no token");
        assert_eq!(detail("no token", "no token").detail(), "no token");
    }

    #[test]
    fn who_cannot_be_told_is_not_refused() {
        let error = refused(InvalidCredential).and_then(AuthError::unavailable("down"));
        assert_eq!((error.reason(), error.detail(), error.retry_seconds()), (None, "down", Some(5)));
        assert_eq!(error.clone().retry_after(Duration::from_millis(1_500)).retry_seconds(), Some(2));
        assert_eq!(error.clone().retry_after(Duration::ZERO).retry_seconds(), Some(1));
        assert_eq!(error.retry_after(Duration::MAX).retry_seconds(), Some(u64::MAX));
    }

    #[test]
    fn only_some_refusals_end_a_chain() {
        assert!(!refused(InvalidCredential).is_final());
        assert!(refused(InvalidCredential).into_final().is_final());
        assert!(refused(InsufficientScope).is_final());
        assert!(AuthError::unavailable("").is_final());
    }
}
