//! [`DrainHandle`]: the end of all sessions, in two steps.

use super::registry::Sessions;

/// Ends the sessions of a server that is to stop. Clones do the same.
///
/// `serve` of `tower-vgi-layers` does this by itself; under another server do it like this:
///
/// ```
/// use std::time::Duration;
/// use tower_vgi::session::DrainHandle;
///
/// async fn stop(handle: DrainHandle) {
///     // New sessions are refused, callers go on with those that they have.
///     handle.drain();
///     let _ = tokio::time::timeout(Duration::from_secs(30), handle.drained()).await;
///     // Whatever is still there is closed.
///     handle.shutdown().await;
/// }
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
/// #     .block_on(stop(tower_vgi::session::Sessions::new().drain_handle()));
/// ```
#[derive(Clone, Debug)]
pub struct DrainHandle {
    sessions: Sessions,
}

impl DrainHandle {
    pub(super) fn new(sessions: Sessions) -> Self {
        Self { sessions }
    }

    /// Refuses new sessions from now on. Those that are there go on.
    pub fn drain(&self) {
        self.sessions.set_draining(true);
    }

    /// Takes new sessions again.
    pub fn resume(&self) {
        self.sessions.set_draining(false);
    }

    /// Whether new sessions are refused.
    pub fn is_draining(&self) -> bool {
        self.sessions.is_draining()
    }

    /// Until no session is left.
    pub async fn drained(&self) {
        self.sessions.emptied().await;
    }

    /// Refuses new sessions, and closes all that are there; done when they are closed. One that a call is using is closed
    /// when the call ends, so that a call which has a session would wait for itself here.
    pub async fn shutdown(&self) {
        self.drain();
        self.sessions.discard_all().await;
        self.drained().await;
    }

    /// How many sessions are left.
    pub fn remaining(&self) -> usize {
        self.sessions.len()
    }
}
