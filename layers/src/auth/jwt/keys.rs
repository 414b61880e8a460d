//! [`Keys`]: the keys of an issuer, kept and looked up again.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::Instant;

use super::key_set::KeySet;
use super::source::{Fetch, Source};
use crate::auth::AuthError;
use crate::auth::TARGET;

/// For all that a fetch asks, also where it is a function of the user's that never ends.
const FETCH_TIMEOUT: Duration = Duration::from_secs(15);

/// When keys are fetched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refreshing {
    /// After how long they are looked up again.
    pub(super) after: Duration,
    /// For how much longer they count meanwhile.
    pub(super) stale_for: Duration,
    /// Between the end of one fetch and the beginning of the next.
    pub(super) at_most_every: Duration,
}

impl Default for Refreshing {
    fn default() -> Self {
        Self {
            after: Duration::from_secs(600),
            stale_for: Duration::from_secs(3600),
            at_most_every: Duration::from_secs(10),
        }
    }
}

/// Keys at some time. The number changes with them.
#[derive(Clone, Debug)]
pub(super) struct Edition {
    pub(super) number: u64,
    pub(super) keys: Arc<KeySet>,
    fetched: Option<Instant>,
}

pub(super) struct Keys {
    edition: RwLock<Edition>,
    /// None for keys that stay as they are.
    remote: Option<Remote>,
}

struct Remote {
    source: Source,
    fetch: Fetch,
    refreshing: Refreshing,
    /// Held by the only one that fetches; the others wait for it.
    last: Arc<Mutex<Option<Attempt>>>,
}

#[derive(Clone, Copy, Debug)]
struct Attempt {
    began: Instant,
    ended: Instant,
    succeeded: bool,
}

impl Keys {
    pub(super) fn fixed(keys: KeySet) -> Arc<Self> {
        let edition = Edition { number: 1, keys: Arc::new(keys), fetched: None };
        Arc::new(Self { edition: RwLock::new(edition), remote: None })
    }

    pub(super) fn fetched(source: Source, fetch: Fetch, refreshing: Refreshing) -> Arc<Self> {
        let edition = Edition { number: 0, keys: Arc::default(), fetched: None };
        let remote = Remote { source, fetch, refreshing, last: Arc::default() };
        Arc::new(Self { edition: RwLock::new(edition), remote: Some(remote) })
    }

    /// What is known now and not too old to count. Keys that have grown old are looked up again meanwhile.
    pub(super) fn current(self: &Arc<Self>) -> Option<Edition> {
        let edition = self.latest();
        let Some(remote) = &self.remote else { return Some(edition) };
        let age = edition.fetched?.elapsed();
        if !remote.counts(age) {
            return None;
        }
        if age >= remote.refreshing.after
            // Whoever holds it is looking them up.
            && let Ok(last) = remote.last.clone().try_lock_owned()
            && remote.wait(&last).is_zero()
        {
            tokio::spawn(self.clone().fetch(last));
        }
        Some(edition)
    }

    /// Keys among which that of this name is, if the issuer has it.
    pub(super) async fn with(self: &Arc<Self>, id: Option<&str>) -> Result<Edition, AuthError> {
        let asked = Instant::now();
        if let Some(known) = self.current().filter(|known| known.keys.knows(id)) {
            return Ok(known);
        }
        let Some(remote) = &self.remote else { return Ok(self.latest()) };
        let mut last = remote.last.clone().lock_owned().await;
        // Whoever waited for a fetch takes its result, whatever it is: many would otherwise try one after the other.
        let has_waited = last.is_some_and(|last| asked < last.ended);
        if !has_waited && remote.wait(&last).is_zero() {
            // A task of its own: when the caller goes away, those who wait still get the keys.
            let fetched = tokio::spawn(self.clone().fetch(last)).await;
            last = fetched.map_err(|_| unavailable())?;
        }
        let edition = self.latest();
        let news = last.filter(|last| last.succeeded && last.ended >= asked);
        // That there is no such key is certain only if the issuer was asked after the token had come: it may have made
        // the key since.
        let is_told = edition.keys.knows(id) || news.is_some_and(|news| news.began >= asked);
        let counts = edition.fetched.is_some_and(|fetched| remote.counts(fetched.elapsed()));
        match is_told && (news.is_some() || counts) {
            true => Ok(edition),
            false => Err(unavailable().retry_after(remote.wait(&last))),
        }
    }

    async fn fetch(self: Arc<Self>, mut last: OwnedMutexGuard<Option<Attempt>>) -> OwnedMutexGuard<Option<Attempt>> {
        let Some(remote) = &self.remote else { return last };
        let began = Instant::now();
        // What stays if the function that fetches panics.
        *last = Some(Attempt { began, ended: began, succeeded: false });
        let keys = tokio::time::timeout(FETCH_TIMEOUT, remote.source.keys(&remote.fetch)).await;
        let keys = keys.unwrap_or_else(|_| Err(format!("they did not come within {FETCH_TIMEOUT:?}").into()));
        let ended = Instant::now();
        *last = Some(Attempt { began, ended, succeeded: keys.is_ok() });
        match keys {
            Ok(keys) => {
                let mut edition = self.edition.write().unwrap_or_else(PoisonError::into_inner);
                // What they were when they were asked for is all that is known.
                edition.fetched = Some(began);
                if !edition.keys.has_the_keys_of(&keys) {
                    edition.keys = Arc::new(keys);
                    edition.number += 1;
                }
            }
            Err(error) => tracing::warn!(target: TARGET, %error, "the keys of an issuer could not be looked up"),
        }
        last
    }

    fn latest(&self) -> Edition {
        self.edition.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Remote {
    /// A key that the issuer has taken back must not be good for as long as nobody asks, or somebody keeps us from it.
    fn counts(&self, age: Duration) -> bool {
        let Refreshing { after, stale_for, .. } = self.refreshing;
        age <= after.saturating_add(stale_for)
    }

    /// How long it is until the issuer may be asked again.
    fn wait(&self, last: &Option<Attempt>) -> Duration {
        last.map_or(Duration::ZERO, |last| self.refreshing.at_most_every.saturating_sub(last.ended.elapsed()))
    }
}

fn unavailable() -> AuthError {
    AuthError::unavailable("the issuer's keys are not to be had at the moment")
}
