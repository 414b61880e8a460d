//! [`Keys`]: the keys of an issuer, kept and looked up again.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::Instant;

use super::key_set::KeySet;
use super::source::{Fetch, Source};
use crate::auth::AuthError;

/// When keys are fetched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refreshing {
    /// After how long they are looked up again.
    pub(super) after: Duration,
    pub(super) at_most_every: Duration,
}

impl Default for Refreshing {
    fn default() -> Self {
        Self { after: Duration::from_secs(600), at_most_every: Duration::from_secs(10) }
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
    at: Instant,
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

    /// What is known now. Keys that have grown old are looked up again meanwhile.
    pub(super) fn current(self: &Arc<Self>) -> Edition {
        let edition = self.edition();
        if let Some(remote) = &self.remote
            && edition.fetched.is_some_and(|fetched| fetched.elapsed() >= remote.refreshing.after)
            // Whoever holds it is looking them up.
            && let Ok(last) = remote.last.clone().try_lock_owned()
            && remote.may_try(&last)
        {
            tokio::spawn(self.clone().fetch(last));
        }
        edition
    }

    /// Keys among which that of this name is, if the issuer has it.
    pub(super) async fn with(self: &Arc<Self>, id: Option<&str>) -> Result<Edition, AuthError> {
        let known = self.current();
        let Some(remote) = &self.remote else { return Ok(known) };
        if known.number > 0 && known.keys.knows(id) {
            return Ok(known);
        }
        let mut last = remote.last.clone().lock_owned().await;
        // Somebody may have fetched them while this one was waiting.
        let news = self.edition();
        if news.number > 0 && news.keys.knows(id) {
            return Ok(news);
        }
        if remote.may_try(&last) {
            // A task of its own: when the caller goes away, those who wait still get the keys.
            let fetched = tokio::spawn(self.clone().fetch(last)).await;
            last = fetched.map_err(|_| AuthError::unavailable("the issuer's keys could not be looked up"))?;
        }
        let edition = self.edition();
        // Whether an unknown key is the issuer's is not known while the issuer does not answer.
        let can_tell = edition.keys.knows(id) || last.is_some_and(|last| last.succeeded);
        match edition.number > 0 && can_tell {
            true => Ok(edition),
            false => Err(AuthError::unavailable("the issuer's keys are not to be had at the moment")),
        }
    }

    async fn fetch(self: Arc<Self>, mut last: OwnedMutexGuard<Option<Attempt>>) -> OwnedMutexGuard<Option<Attempt>> {
        let Some(remote) = &self.remote else { return last };
        let at = Instant::now();
        *last = Some(Attempt { at, succeeded: false });
        match remote.source.keys(&remote.fetch).await {
            Ok(keys) => {
                *last = Some(Attempt { at, succeeded: true });
                let mut edition = self.edition.write().unwrap_or_else(PoisonError::into_inner);
                edition.fetched = Some(Instant::now());
                if !edition.keys.has_the_keys_of(&keys) {
                    edition.keys = Arc::new(keys);
                    edition.number += 1;
                }
            }
            Err(error) => tracing::warn!(%error, "the keys of an issuer could not be looked up"),
        }
        last
    }

    fn edition(&self) -> Edition {
        self.edition.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Remote {
    fn may_try(&self, last: &Option<Attempt>) -> bool {
        last.is_none_or(|last| last.at.elapsed() >= self.refreshing.at_most_every)
    }
}
