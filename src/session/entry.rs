//! [`Entry`]: a session as it is registered, and [`Held`]: exclusive access to its object.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};

use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::id::SessionId;
use super::live::Live;
use super::owner::Owner;

/// A session. Calls take turns with its object, in the order in which they ask.
pub(crate) struct Entry {
    pub(super) id: SessionId,
    pub(super) owner: Owner,
    /// No longer registered: nobody gets the object any more.
    lost: AtomicBool,
    /// Whether somebody who wants to end it waits already.
    closing: AtomicBool,
    /// Empty once the object has been taken out.
    object: Arc<Mutex<Option<Live>>>,
}

impl Entry {
    pub(super) fn new(id: SessionId, owner: Owner, live: Live) -> Self {
        let object = Arc::new(Mutex::new(Some(live)));
        Self { id, owner, lost: AtomicBool::new(false), closing: AtomicBool::new(false), object }
    }

    /// Waits for the others; `None` when the session is gone by then.
    pub(super) async fn hold(self: &Arc<Self>) -> Option<Held> {
        // Who leaves the queue with the lock in his hand, which nobody else could take meanwhile, sees to the end, too.
        let _leaving = EndIfFree(self);
        let guard = self.object.clone().lock_owned().await;
        self.held(guard)
    }

    /// `None` when another one holds it, or the session is gone.
    pub(super) fn try_hold(self: &Arc<Self>) -> Option<Held> {
        let guard = self.object.clone().try_lock_owned().ok()?;
        self.held(guard)
    }

    fn held(self: &Arc<Self>, guard: OwnedMutexGuard<Option<Live>>) -> Option<Held> {
        let held = Held { guard: Some(guard), entry: self.clone() };
        // Dropping it sees to the object's end, if that is due.
        held.guard.as_ref()?.as_ref().filter(|_| !self.lost.load(Ordering::SeqCst))?;
        Some(held)
    }

    /// Whether this is the first who wants to wait for the end.
    pub(super) fn begin_closing(&self) -> bool {
        !self.closing.swap(true, Ordering::SeqCst)
    }

    /// Ends the object: now, or as soon as the call that holds it lets go.
    pub(super) fn discard(&self) {
        self.lost.store(true, Ordering::SeqCst);
        self.end_if_free();
    }

    /// Whoever sets the mark looks at the lock afterwards, and whoever lets go of the lock looks at the mark afterwards:
    /// with the fence between, one of the two sees the other. And if they both do, the object is there only once.
    fn end_if_free(&self) {
        fence(Ordering::SeqCst);
        if self.lost.load(Ordering::SeqCst)
            && let Ok(mut object) = self.object.try_lock()
        {
            let live = object.take();
            drop(object);
            drop(live);
        }
    }
}

/// Looks whether the object is to be ended, when it is dropped.
struct EndIfFree<'a>(&'a Entry);

impl Drop for EndIfFree<'_> {
    fn drop(&mut self) {
        self.0.end_if_free();
    }
}

/// Exclusive access to the object of a session, until it is dropped.
pub(crate) struct Held {
    guard: Option<OwnedMutexGuard<Option<Live>>>,
    entry: Arc<Entry>,
}

impl Held {
    pub(super) fn entry(&self) -> &Arc<Entry> {
        &self.entry
    }

    pub(super) fn object(&self) -> Option<&(dyn Any + Send)> {
        self.guard.as_ref()?.as_ref()?.object()
    }

    pub(super) fn object_mut(&mut self) -> Option<&mut (dyn Any + Send)> {
        self.guard.as_mut()?.as_mut()?.object_mut()
    }

    pub(super) fn runtime(&self) -> Option<&Handle> {
        self.guard.as_ref()?.as_ref().map(Live::runtime)
    }

    /// Takes the object out of the session, for its end.
    pub(super) fn take(mut self) -> Option<Live> {
        self.guard.as_mut()?.take()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.guard = None;
        self.entry.end_if_free();
    }
}
