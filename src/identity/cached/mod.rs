//! [`CachedTokens`]: a resolver that keeps what another one says.

mod flights;
mod terms;
#[cfg(all(test, feature = "server"))]
mod tests;

use std::fmt;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
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

/// How many credentials are asked for at the same time unless it is said otherwise.
const DEFAULT_CONCURRENCY: usize = 256;

/// When to ask again for whom there was no place.
const BUSY: Duration = Duration::from_secs(1);

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
/// - Those who ask for the same credential at the same time wait for one answer. For different ones the other resolver is
///   asked up to 256 times at once; beyond that nobody can tell, since guesses cost nothing and would keep it busy.
/// - Of each kind up to 10,000 are kept, and when there are more, the older half is forgotten. Guesses take no place from
///   credentials that are good.
pub struct CachedTokens<R> {
    resolver: R,
    longest: Duration,
    unknown: Duration,
    good: Terms<TokenIdentity>,
    bad: Terms<()>,
    flights: Flights,
    /// How many more may be asked for.
    free: Semaphore,
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
            free: Semaphore::new(DEFAULT_CONCURRENCY),
        }
    }

    /// For how long at most an answer is kept, whatever it says, and said to be good. Default: an hour.
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

    /// How many credentials are remembered at most, of those that are good and of those that are not: between half of it and
    /// all. Default: 10,000 each.
    #[must_use]
    pub fn capacity(mut self, credentials: usize) -> Self {
        self.good = Terms::new(credentials);
        self.bad = Terms::new(credentials);
        self
    }

    /// For how many credentials the resolver is asked at the same time, at least one. For others nobody can tell then.
    /// Default: 256.
    #[must_use]
    pub fn max_concurrent(mut self, credentials: usize) -> Self {
        self.free = Semaphore::new(credentials.clamp(1, Semaphore::MAX_PERMITS));
        self
    }

    fn kept(&self, hash: &TokenHash) -> Option<Result<TokenIdentity, IdentityError>> {
        let now = Instant::now();
        if let Some((identity, until)) = self.good.get(hash, now) {
            // What is left, rounded down: whoever keeps it in turn keeps it no longer than this.
            return Some(Ok(TokenIdentity { ttl_seconds: whole_seconds(until - now), ..identity }));
        }
        self.bad.get(hash, now).map(|_| Err(IdentityError::unresolved()))
    }

    async fn ask(&self, token: &str) -> Result<TokenIdentity, IdentityError> {
        match self.free.try_acquire() {
            Ok(_permit) => self.resolver.resolve_token(token).await,
            Err(_) => Err(IdentityError::unavailable("too many credentials are asked for at once").retry_after(BUSY)),
        }
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
        let mut answer = self.ask(token).await;
        self.keep(hash, &answer);
        if let Ok(identity) = &mut answer {
            identity.ttl_seconds = identity.ttl_seconds.min(whole_seconds(self.longest));
        }
        flight.land();
        *answered = Some(answer.clone());
        answer
    }
}

fn whole_seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
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
