//! [`CachedTokens`]: a resolver that keeps what another one says.

mod flights;
mod terms;
#[cfg(all(test, feature = "server"))]
mod tests;

use std::fmt;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use self::flights::Flights;
use self::terms::Terms;
use super::{IdentityError, IdentityErrorKind, ResolveToken, TokenIdentity};

/// How many credentials are remembered unless it is said otherwise, of each kind.
const DEFAULT_CAPACITY: usize = 10_000;

/// How long at most a credential is believed unless it is said otherwise.
const DEFAULT_LONGEST: Duration = Duration::from_secs(3600);

/// For how long a credential is taken for nobody's unless it is said otherwise.
const DEFAULT_UNKNOWN: Duration = Duration::from_secs(10);

/// By which credentials are remembered: there are none in memory that somebody could read there.
type TokenHash = [u8; 32];

/// Keeps the answers of another resolver for as long as they say, for one that is asked with every request and has to ask
/// another server:
///
/// ```no_run
/// # fn gateway(channel: tower_vgi::client::Channel) -> impl tower_vgi::identity::ResolveToken {
/// use tower_vgi::identity::{CachedTokens, IdentityClient};
///
/// CachedTokens::new(IdentityClient::new(channel))
/// # }
/// ```
///
/// - An answer is kept for its [`ttl_seconds`](TokenIdentity::ttl_seconds), and given with what is left of them. For so
///   long a credential that was taken back is still good.
/// - That a credential is nobody's is kept for ten seconds, that nobody could tell is not kept at all.
/// - Those who ask for the same credential at the same time wait for one answer.
/// - Of each kind 10,000 are kept and the oldest forgotten. Guesses take no place from credentials that are good.
pub struct CachedTokens<R> {
    resolver: R,
    longest: Duration,
    unknown: Duration,
    good: Terms<TokenIdentity>,
    bad: Terms<()>,
    flights: Flights,
}

impl<R: ResolveToken> CachedTokens<R> {
    /// Keeps what `resolver` says.
    pub fn new(resolver: R) -> Self {
        Self {
            resolver,
            longest: DEFAULT_LONGEST,
            unknown: DEFAULT_UNKNOWN,
            good: Terms::new(DEFAULT_CAPACITY),
            bad: Terms::new(DEFAULT_CAPACITY),
            flights: Flights::default(),
        }
    }

    /// For how long at most an answer is kept, whatever it says. Default: an hour.
    #[must_use]
    pub fn longest(mut self, time: Duration) -> Self {
        self.longest = time;
        self
    }

    /// For how long it is kept that a credential is nobody's; one that is made meanwhile is not known until then. Default:
    /// ten seconds.
    #[must_use]
    pub fn unknown_for(mut self, time: Duration) -> Self {
        self.unknown = time;
        self
    }

    /// How many credentials are remembered, of those that are good and of those that are not. Default: 10,000 each.
    #[must_use]
    pub fn capacity(mut self, credentials: usize) -> Self {
        self.good = Terms::new(credentials);
        self.bad = Terms::new(credentials);
        self
    }

    fn kept(&self, hash: &TokenHash) -> Option<Result<TokenIdentity, IdentityError>> {
        let now = Instant::now();
        if let Some((identity, until)) = self.good.get(hash, now) {
            // What is left, rounded down: whoever keeps it in turn keeps it no longer than this.
            let left = i64::try_from((until - now).as_secs()).unwrap_or(i64::MAX);
            return Some(Ok(TokenIdentity { ttl_seconds: left, ..identity }));
        }
        self.bad.get(hash, now).map(|_| Err(IdentityError::unresolved()))
    }

    fn keep(&self, hash: TokenHash, answer: &Result<TokenIdentity, IdentityError>) {
        match answer {
            Ok(identity) => {
                let seconds = u64::try_from(identity.ttl_seconds).unwrap_or(0);
                self.good.insert(hash, identity.clone(), Duration::from_secs(seconds).min(self.longest));
            }
            Err(error) if error.kind() == IdentityErrorKind::Unavailable => {}
            Err(_) => self.bad.insert(hash, (), self.unknown),
        }
    }
}

impl<R: ResolveToken> ResolveToken for CachedTokens<R> {
    async fn resolve_token(&self, token: &str) -> Result<TokenIdentity, IdentityError> {
        let hash: TokenHash = Sha256::digest(token).into();
        if let Some(answer) = self.kept(&hash) {
            return answer;
        }
        let flight = self.flights.join(hash);
        let mut answered = flight.wait().await;
        if let Some(answer) = &*answered {
            return answer.clone();
        }
        // The first one asks; if it goes away before there is an answer, the next one does.
        let answer = self.resolver.resolve_token(token).await;
        self.keep(hash, &answer);
        flight.land();
        *answered = Some(answer.clone());
        answer
    }
}

impl<R> fmt::Debug for CachedTokens<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CachedTokens")
            .field("longest", &self.longest)
            .field("unknown_for", &self.unknown)
            .finish_non_exhaustive()
    }
}
