//! [`SessionGuard`]: the object of a session, while a method uses it.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use super::call::CallSession;
use super::entry::Held;

/// The object that a session holds, for one call alone; from [`CallContext::session`](crate::rpc::CallContext::session).
///
/// It may move into a task or a thread. The next call of the session waits until it is dropped, even if this call is over
/// by then.
///
/// In a stream it has to be dropped before the step that took it ends, or the method that opens the stream: each step
/// takes the session anew, and one that follows while a guard is still there fails.
pub struct SessionGuard<T> {
    /// There until this is dropped.
    held: Option<Held>,
    call: CallSession,
    object: PhantomData<fn() -> T>,
}

impl<T: Send + 'static> SessionGuard<T> {
    /// Gives what is held back where the object is none of these.
    pub(super) fn new(held: Held, call: CallSession) -> Result<Self, Held> {
        match held.object().is_some_and(|object| object.is::<T>()) {
            true => Ok(Self { held: Some(held), call, object: PhantomData }),
            false => Err(held),
        }
    }
}

// The type was looked at when this was made, and nobody else has the object since.
#[allow(clippy::expect_used)]
impl<T: 'static> Deref for SessionGuard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        let object = self.held.as_ref().and_then(Held::object);
        object.and_then(|object| object.downcast_ref()).expect("the object is there, and is a T")
    }
}

#[allow(clippy::expect_used)]
impl<T: 'static> DerefMut for SessionGuard<T> {
    fn deref_mut(&mut self) -> &mut T {
        let object = self.held.as_mut().and_then(Held::object_mut);
        object.and_then(|object| object.downcast_mut()).expect("the object is there, and is a T")
    }
}

impl<T> Drop for SessionGuard<T> {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            self.call.put_back(held);
        }
    }
}

impl<T> fmt::Debug for SessionGuard<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SessionGuard").field("session", &self.call.id()).finish_non_exhaustive()
    }
}
