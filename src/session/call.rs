//! [`CallSession`]: the session of one call.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::entry::{Entry, Held};
use super::error::session_lost;
use super::guard::SessionGuard;
use super::id::SessionId;
use super::live::Live;
use super::lock;
use super::owner::Owner;
use super::registry::Sessions;
use crate::{AuthContext, RpcError};

/// What one call may do with sessions. A layer that knows how callers name their sessions inserts it into the request,
/// and asks [`settle`](Self::settle) afterwards what to tell the caller.
///
/// Calls without it have no session and can open none. Clones are the same call.
#[derive(Clone)]
pub struct CallSession(Arc<Shared>);

struct Shared {
    sessions: Sessions,
    time_to_live: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    bound: Option<Arc<Entry>>,
    /// Also after the session was closed.
    touched: Option<SessionId>,
    /// The object, while a step of the method runs and has not borrowed it.
    held: Option<Held>,
    /// Whether the object is with a guard.
    lent: bool,
    /// Whether a step of the method runs.
    running: bool,
    change: SessionChange,
    /// Whether it is too late to tell the caller of a change.
    settled: bool,
}

/// What a call did with its session, as far as its caller has to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionChange {
    /// Nothing.
    #[default]
    None,
    /// It opened this one.
    Opened {
        /// Which it is.
        id: SessionId,
        /// After which time it expires.
        time_to_live: Duration,
    },
    /// It closed the one that it had, or would have.
    Closed,
}

impl CallSession {
    /// For a call that may open a session, which then lives for `time_to_live` unless the method says otherwise.
    pub fn new(sessions: &Sessions, time_to_live: Duration) -> Self {
        Self(Arc::new(Shared { sessions: sessions.clone(), time_to_live, state: Mutex::default() }))
    }

    /// Gives the call a session that its caller opened earlier.
    ///
    /// # Errors
    ///
    /// The session is lost: it expired, was closed, or is another caller's.
    pub fn resume(self, id: SessionId, auth: &AuthContext) -> Result<Self, RpcError> {
        let entry = self.0.sessions.find(id, auth).ok_or_else(|| {
            session_lost("there is no such session: it has expired or was closed, or another caller opened it")
        })?;
        let mut state = lock(&self.0.state);
        state.bound = Some(entry);
        state.touched = Some(id);
        drop(state);
        Ok(self)
    }

    /// The call's session, if it has one.
    pub fn id(&self) -> Option<SessionId> {
        lock(&self.0.state).bound.as_ref().map(|entry| entry.id)
    }

    /// The session that the call has or had, also if it has closed it: for logs.
    pub fn touched(&self) -> Option<SessionId> {
        lock(&self.0.state).touched
    }

    /// What the caller has to be told. No session can be opened from now on, since the caller would not learn of it.
    pub fn settle(&self) -> SessionChange {
        let mut state = lock(&self.0.state);
        state.settled = true;
        state.change
    }

    /// The caller will not be told anything: what was opened would be lost and is closed.
    pub fn abandon(&self) {
        let mut state = lock(&self.0.state);
        if !std::mem::replace(&mut state.settled, true)
            && let SessionChange::Opened { id, .. } = state.change
        {
            drop(state);
            self.0.sessions.discard(&id);
        }
    }

    /// Waits until the calls before this one are done with the session: a step of the method may run.
    pub(crate) async fn step(&self) -> Result<SessionStep, RpcError> {
        let bound = {
            let state = lock(&self.0.state);
            if state.lent {
                // Perhaps the guard is with what this step is for: nobody would let go of it.
                return Err(lent());
            }
            state.bound.clone()
        };
        let held = match bound {
            None => None,
            Some(entry) => Some(entry.hold().await.ok_or_else(|| {
                session_lost("the session was closed or has expired while this call was waiting for it")
            })?),
        };
        let mut state = lock(&self.0.state);
        state.held = held;
        state.running = true;
        drop(state);
        Ok(SessionStep(self.clone()))
    }

    pub(crate) fn open(&self, live: Live, owner: Owner, time_to_live: Option<Duration>) -> Result<(), RpcError> {
        let state = lock(&self.0.state);
        if state.bound.is_some() {
            return Err(already_open());
        }
        if state.settled || !state.running {
            return Err(too_late());
        }
        drop(state);
        // Not under the lock: where this fails, the object's own code runs.
        let time_to_live = time_to_live.unwrap_or(self.0.time_to_live);
        let held = self.0.sessions.open(live, owner, time_to_live)?;
        let id = held.entry().id;
        let mut state = lock(&self.0.state);
        // Another thread of the same call may have been quicker.
        let refused = match (state.bound.is_some(), state.settled || !state.running) {
            (true, _) => Some(already_open()),
            (false, true) => Some(too_late()),
            (false, false) => None,
        };
        if let Some(error) = refused {
            drop(state);
            self.0.sessions.discard(&id);
            return Err(error);
        }
        state.bound = Some(held.entry().clone());
        state.touched = Some(id);
        state.change = SessionChange::Opened { id, time_to_live };
        state.held = Some(held);
        Ok(())
    }

    pub(crate) fn borrow<T: Send + 'static>(&self) -> Result<SessionGuard<T>, RpcError> {
        let mut state = lock(&self.0.state);
        if state.bound.is_none() {
            return Err(Self::none());
        }
        let held = state.held.take().ok_or_else(|| in_use(state.running))?;
        state.lent = true;
        drop(state);
        SessionGuard::new(held, self.clone()).map_err(|held| {
            self.put_back(held);
            RpcError::type_error(format!("the session holds another object than a {}", std::any::type_name::<T>()))
        })
    }

    pub(crate) async fn close(&self) -> Result<(), RpcError> {
        let held = {
            let mut state = lock(&self.0.state);
            if state.bound.is_some() && state.held.is_none() {
                return Err(in_use(state.running));
            }
            state.bound = None;
            state.change = SessionChange::Closed;
            state.held.take()
        };
        if let Some(held) = held {
            self.0.sessions.end(held).await;
        }
        Ok(())
    }

    /// Checks that a step which others follow has let go of the object.
    pub(crate) fn check_given_back(&self) -> Result<(), RpcError> {
        if lock(&self.0.state).lent { Err(lent()) } else { Ok(()) }
    }

    /// The error for a call without a session.
    pub(crate) fn none() -> RpcError {
        RpcError::runtime_error(
            "this call has no session: no method has opened one, or the caller did not send its token",
        )
    }

    /// What a method borrowed stays with its step, so that no other call comes in between.
    pub(super) fn put_back(&self, held: Held) {
        let mut state = lock(&self.0.state);
        state.lent = false;
        let not_wanted = match state.running && state.held.is_none() {
            true => state.held.replace(held),
            false => Some(held),
        };
        drop(state);
        drop(not_wanted);
    }
}

/// One step of a method: other calls have the session when this is dropped.
pub(crate) struct SessionStep(CallSession);

impl Drop for SessionStep {
    fn drop(&mut self) {
        let mut state = lock(&self.0.0.state);
        state.running = false;
        let held = state.held.take();
        drop(state);
        drop(held);
    }
}

fn too_late() -> RpcError {
    RpcError::runtime_error(
        "it is too late to open a session: the caller learns of it in the head of the response, which has been sent; of \
         a stream that is sent as it comes, only the first step can still open one",
    )
}

fn already_open() -> RpcError {
    RpcError::runtime_error("a sticky session is already active for this request; close it first")
}

fn lent() -> RpcError {
    RpcError::runtime_error(
        "a guard of the session is still there, and the stream's next step would wait for it; drop the guard before the \
         step or the method that took it ends, and keep in the stream what it needs instead",
    )
}

fn in_use(running: bool) -> RpcError {
    RpcError::runtime_error(match running {
        true => "the session is in use by this call already; drop its guard first",
        false => "the session belongs to a call that is over",
    })
}

impl fmt::Debug for CallSession {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.0.state);
        formatter
            .debug_struct("CallSession")
            .field("id", &state.bound.as_ref().map(|entry| entry.id))
            .field("change", &state.change)
            .finish_non_exhaustive()
    }
}
