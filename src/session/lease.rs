//! [`Lease`]: an object that a caller comes back to turn by turn.

use std::marker::PhantomData;

use tokio::runtime::Handle;

use super::entry::Held;
use super::id::SessionId;
use super::live::Live;
use super::owner::Owner;
use super::registry::{MAX_TIME_TO_LIVE, Sessions};
use crate::{AuthContext, RpcError};

/// A registered object, while a turn has it. Turns wait for each other, and whoever ends the object meanwhile finds it.
///
/// It ends with this, unless it is [left](Self::leave) for the next turn.
pub(crate) struct Lease<T> {
    /// There until this is dropped.
    held: Option<Held>,
    sessions: Sessions,
    object: PhantomData<fn() -> T>,
}

impl<T: Send + 'static> Lease<T> {
    /// Registers an object, unless the server drains or has no place for it; then it is dropped.
    pub(crate) fn open(
        sessions: &Sessions,
        id: SessionId,
        object: T,
        owner: Owner,
        runtime: Handle,
    ) -> Result<Self, RpcError> {
        // Deadlines belong to a runtime, and this may be called outside of it.
        let _entered = runtime.enter();
        let live = Live::new(object, runtime.clone());
        let held = sessions.register(id, live, owner, MAX_TIME_TO_LIVE)?;
        Ok(Self::new(held, sessions))
    }

    /// Waits for its turn; `None` where this caller has no such object, or it is gone by then.
    pub(crate) async fn resume(sessions: &Sessions, id: SessionId, auth: &AuthContext) -> Option<Self> {
        let entry = sessions.find(id, auth)?;
        let lease = Self::new(entry.hold().await?, sessions);
        // Only what is idle expires.
        sessions.renew(&id, MAX_TIME_TO_LIVE);
        Some(lease)
    }

    fn new(held: Held, sessions: &Sessions) -> Self {
        Self { held: Some(held), sessions: sessions.clone(), object: PhantomData }
    }

    pub(crate) fn object(&mut self) -> Option<&mut T> {
        self.held.as_mut()?.object_mut()?.downcast_mut()
    }

    /// Leaves the object for the next turn, if that comes in time.
    pub(crate) fn leave(mut self) {
        if let Some(held) = self.held.take() {
            let _entered = held.runtime().map(Handle::enter);
            self.sessions.renew(&held.entry().id, self.sessions.idle_stream_time_to_live());
        }
    }
}

impl<T> Drop for Lease<T> {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            self.sessions.discard(&held.entry().id);
        }
    }
}
