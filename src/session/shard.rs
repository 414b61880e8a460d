//! A part of the registry: sessions by id, and when they expire.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::time::Instant;
use tokio_util::time::DelayQueue;
use tokio_util::time::delay_queue::Key;

use super::entry::Entry;
use super::error::server_draining;
use super::id::SessionId;
use super::lock;
use crate::RpcError;

#[derive(Default)]
pub(super) struct Shard(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    entries: HashMap<SessionId, Kept>,
    deadlines: DelayQueue<SessionId>,
}

struct Kept {
    entry: Arc<Entry>,
    expires: Instant,
    deadline: Key,
}

impl Inner {
    fn remove(&mut self, id: &SessionId) -> Option<Arc<Entry>> {
        let kept = self.entries.remove(id)?;
        self.deadlines.try_remove(&kept.deadline);
        Some(kept.entry)
    }
}

impl Shard {
    /// Registers a session, unless the door is closed. That is looked at under the lock, so that whoever closes the door
    /// and takes all sessions out afterwards misses none.
    pub(super) fn insert(&self, entry: Arc<Entry>, expires: Instant, closed: &AtomicBool) -> Result<(), RpcError> {
        let mut inner = lock(&self.0);
        if closed.load(Ordering::SeqCst) {
            return Err(server_draining());
        }
        let deadline = inner.deadlines.insert_at(entry.id, expires);
        inner.entries.insert(entry.id, Kept { entry, expires, deadline });
        Ok(())
    }

    /// The session, and when it expires.
    pub(super) fn get(&self, id: &SessionId) -> Option<(Arc<Entry>, Instant)> {
        lock(&self.0).entries.get(id).map(|kept| (kept.entry.clone(), kept.expires))
    }

    /// Lets a session expire at another time.
    pub(super) fn renew(&self, id: &SessionId, expires: Instant) {
        let inner = &mut *lock(&self.0);
        if let Some(kept) = inner.entries.get_mut(id) {
            kept.expires = expires;
            inner.deadlines.reset_at(&kept.deadline, expires);
        }
    }

    /// Sets all timers anew, on the runtime that is entered.
    pub(super) fn restart(&self) {
        let Inner { entries, deadlines } = &mut *lock(&self.0);
        *deadlines = DelayQueue::new();
        for (id, kept) in entries {
            kept.deadline = deadlines.insert_at(*id, kept.expires);
        }
    }

    pub(super) fn remove(&self, id: &SessionId) -> Option<Arc<Entry>> {
        lock(&self.0).remove(id)
    }

    pub(super) fn remove_all(&self) -> Vec<Arc<Entry>> {
        let mut inner = lock(&self.0);
        inner.deadlines.clear();
        inner.entries.drain().map(|(_, kept)| kept.entry).collect()
    }

    /// Moves up to `most` sessions that have expired to `expired`. Wakes the task when there are others.
    pub(super) fn poll_expired(&self, cx: &mut Context<'_>, expired: &mut Vec<Arc<Entry>>, most: usize) {
        let mut inner = lock(&self.0);
        for _ in 0..most {
            let Poll::Ready(Some(id)) = inner.deadlines.poll_expired(cx) else { return };
            expired.extend(inner.entries.remove(id.get_ref()).map(|kept| kept.entry));
        }
        // What was left there is asked for again.
        cx.waker().wake_by_ref();
    }
}
