//! [`Sessions`]: the registry of live objects.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::drain::DrainHandle;
use super::entry::{Entry, Held};
use super::id::SessionId;
use super::live::Live;
use super::owner::Owner;
use super::places::Places;
use super::reaper::reap;
use super::shard::Shard;
use super::{SHARDS, lock};
use crate::{AuthContext, RpcError};

/// How many sessions there may be unless the server says otherwise.
pub const DEFAULT_MAX_SESSIONS: usize = 100_000;

/// How long a live stream is kept for a caller who does not come back, unless the server says otherwise.
pub const DEFAULT_IDLE_STREAM_TIME_TO_LIVE: Duration = Duration::from_secs(300);

/// Nothing is kept longer.
pub const MAX_TIME_TO_LIVE: Duration = Duration::from_secs(365 * 24 * 3600);

/// So many sessions are ended before other tasks have their turn.
const ENDED_AT_ONCE: usize = 32;

/// The sessions of this process: live objects, each for one caller, for some time. Clones share them.
///
/// A server has one of its own; [`RpcServiceBuilder::sessions`](crate::rpc::RpcServiceBuilder::sessions) gives it one
/// with other limits.
///
/// ```
/// use tower_vgi::session::Sessions;
///
/// let sessions = Sessions::builder().max_sessions(10_000).max_sessions_per_caller(100).build();
/// assert!(sessions.is_empty());
/// ```
#[derive(Clone)]
pub struct Sessions(Arc<Shared>);

pub(super) struct Shared {
    pub(super) shards: [Shard; SHARDS],
    places: Arc<Places>,
    /// Closed to new sessions.
    draining: AtomicBool,
    idle_stream_time_to_live: Duration,
    reaper: Mutex<Option<AbortHandle>>,
}

/// Limits of a registry; see [`Sessions::builder`].
#[derive(Clone, Copy, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct SessionsBuilder {
    max_sessions: usize,
    max_sessions_per_caller: Option<usize>,
    idle_stream_time_to_live: Duration,
}

impl SessionsBuilder {
    /// How many sessions there may be at the same time, [live streams](crate::rpc::LiveStream) that take more than one
    /// response included.
    /// Default: [`DEFAULT_MAX_SESSIONS`].
    pub fn max_sessions(mut self, max: usize) -> Self {
        self.max_sessions = max;
        self
    }

    /// How many of them one caller may have. Anonymous callers are all one. Default: all.
    pub fn max_sessions_per_caller(mut self, max: usize) -> Self {
        self.max_sessions_per_caller = Some(max);
        self
    }

    /// How long a [live stream](crate::rpc::LiveStream) is kept for a caller who does not ask for its next batch. Default:
    /// [`DEFAULT_IDLE_STREAM_TIME_TO_LIVE`].
    pub fn idle_stream_time_to_live(mut self, time_to_live: Duration) -> Self {
        self.idle_stream_time_to_live = time_to_live;
        self
    }

    /// Makes the registry.
    pub fn build(self) -> Sessions {
        Sessions(Arc::new(Shared {
            shards: std::array::from_fn(|_| Shard::default()),
            places: Arc::new(Places::new(self.max_sessions, self.max_sessions_per_caller)),
            draining: AtomicBool::new(false),
            idle_stream_time_to_live: self.idle_stream_time_to_live,
            reaper: Mutex::default(),
        }))
    }
}

impl Sessions {
    /// A registry with the default limits.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Begins a registry with other limits.
    pub fn builder() -> SessionsBuilder {
        SessionsBuilder {
            max_sessions: DEFAULT_MAX_SESSIONS,
            max_sessions_per_caller: None,
            idle_stream_time_to_live: DEFAULT_IDLE_STREAM_TIME_TO_LIVE,
        }
    }

    /// How many objects are alive, those included that are being closed.
    pub fn len(&self) -> usize {
        self.0.places.taken()
    }

    /// Whether no object is alive.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// For whoever stops the server.
    pub fn drain_handle(&self) -> DrainHandle {
        DrainHandle::new(self.clone())
    }

    /// Ends a session of this caller after the calls that were there before; false where there is none.
    ///
    /// It is ended also if this future is dropped. Of several who end a session one waits, and the others are told at once
    /// that there is none. A call of the session itself would wait for its own end here; it has
    /// [`close_session`](crate::rpc::CallContext::close_session).
    pub async fn close(&self, id: SessionId, auth: &AuthContext) -> bool {
        let Some(entry) = self.find(id, auth).filter(|entry| entry.begin_closing()) else { return false };
        let sessions = self.clone();
        let closing = tokio::spawn(async move {
            let Some(held) = entry.hold().await else { return false };
            sessions.end(held).await;
            true
        });
        closing.await.unwrap_or(false)
    }

    /// The session, if this caller has it.
    pub(crate) fn find(&self, id: SessionId, auth: &AuthContext) -> Option<Arc<Entry>> {
        let (entry, expires) = self.shard(&id).get(&id)?;
        if !entry.owner.is(auth) {
            return None;
        }
        if expires <= Instant::now() {
            self.discard(&id);
            return None;
        }
        Some(entry)
    }

    /// Registers an object, which is held at once. If there is no place for it, its end is seen to.
    pub(crate) fn open(&self, live: Live, owner: Owner, time_to_live: Duration) -> Result<Held, RpcError> {
        self.register(SessionId::random(), live, owner, time_to_live)
    }

    /// As [`open`](Self::open), under an id that nothing else has.
    pub(super) fn register(
        &self,
        id: SessionId,
        mut live: Live,
        owner: Owner,
        time_to_live: Duration,
    ) -> Result<Held, RpcError> {
        live.put_in(self.0.places.take(&owner)?);
        self.watch(live.runtime());
        let entry = Arc::new(Entry::new(id, owner, live));
        // Before anybody else knows of it.
        let held = entry.try_hold();
        self.shard(&id).insert(entry, deadline(time_to_live), &self.0.draining)?;
        held.ok_or_else(|| RpcError::runtime_error("a new session is held by somebody else"))
    }

    /// Ends a session that is held.
    pub(crate) async fn end(&self, held: Held) {
        let entry = held.entry().clone();
        self.shard(&entry.id).remove(&entry.id);
        let live = held.take();
        // Whoever waits for it learns that it is gone.
        entry.discard();
        if let Some(live) = live {
            live.close().await;
        }
    }

    /// Ends a session as soon as nobody holds it.
    pub(crate) fn discard(&self, id: &SessionId) {
        if let Some(entry) = self.shard(id).remove(id) {
            entry.discard();
        }
    }

    /// Ends a session of this caller as soon as nobody holds it.
    pub(crate) fn discard_of(&self, id: SessionId, auth: &AuthContext) {
        if self.find(id, auth).is_some() {
            self.discard(&id);
        }
    }

    /// Lets a session expire after this time from now on.
    pub(super) fn renew(&self, id: &SessionId, time_to_live: Duration) {
        self.shard(id).renew(id, deadline(time_to_live));
    }

    pub(super) fn idle_stream_time_to_live(&self) -> Duration {
        self.0.idle_stream_time_to_live
    }

    pub(super) fn set_draining(&self, draining: bool) {
        self.0.draining.store(draining, Ordering::SeqCst);
    }

    pub(super) fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::SeqCst)
    }

    /// Ends everything that is registered, as soon as nobody holds it.
    pub(super) async fn discard_all(&self) {
        for shard in &self.0.shards {
            let entries = shard.remove_all();
            for some in entries.chunks(ENDED_AT_ONCE) {
                some.iter().for_each(|entry| entry.discard());
                tokio::task::yield_now().await;
            }
        }
    }

    pub(super) async fn emptied(&self) {
        self.0.places.emptied().await;
    }

    #[cfg(test)]
    #[allow(clippy::unwrap_used)]
    pub(super) fn reaper_for_test(&self) -> AbortHandle {
        lock(&self.0.reaper).clone().unwrap()
    }

    fn shard(&self, id: &SessionId) -> &Shard {
        &self.0.shards[shard_of(id)]
    }

    /// Sees to it that sessions expire.
    fn watch(&self, runtime: &Handle) {
        let mut reaper = lock(&self.0.reaper);
        match &*reaper {
            Some(reaper) if !reaper.is_finished() => return,
            Some(_) => {
                // Its runtime has ended, and the timers with it.
                let _entered = runtime.enter();
                self.0.shards.iter().for_each(Shard::restart);
            }
            None => {}
        }
        *reaper = Some(runtime.spawn(reap(Arc::downgrade(&self.0))).abort_handle());
    }
}

/// So long from now.
fn deadline(time_to_live: Duration) -> Instant {
    Instant::now() + time_to_live.min(MAX_TIME_TO_LIVE)
}

/// Ids are random, and so is any byte of them.
fn shard_of(id: &SessionId) -> usize {
    usize::from(id.to_bytes()[0]) % SHARDS
}

impl Default for Sessions {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(reaper) = self.reaper.get_mut().unwrap_or_else(PoisonError::into_inner) {
            reaper.abort();
        }
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Sessions")
            .field("len", &self.len())
            .field("draining", &self.is_draining())
            .finish_non_exhaustive()
    }
}
