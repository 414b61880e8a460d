//! Sticky sessions: live objects, such as an open cursor or a loaded model, that callers come back to.
//!
//! A method binds an object with [`CallContext::open_session`](crate::rpc::CallContext::open_session) and finds it again
//! with [`CallContext::session`](crate::rpc::CallContext::session) in later calls of the same caller:
//!
//! ```
//! use tower_vgi::rpc::CallContext;
//! use tower_vgi::Result;
//!
//! struct Cursor { row: i64 }
//!
//! async fn open(ctx: &CallContext) -> Result<()> {
//!     ctx.open_session(Cursor { row: 0 }, None)
//! }
//!
//! async fn next(ctx: &CallContext) -> Result<i64> {
//!     let mut cursor = ctx.session::<Cursor>()?;
//!     cursor.row += 1;
//!     Ok(cursor.row)
//! }
//!
//! async fn close(ctx: &CallContext) -> Result<()> {
//!     ctx.close_session().await
//! }
//! ```
//!
//! The object stays in this process: it is neither copied nor stored, and gone when the process is. How callers name
//! their session is the concern of a layer (`StickyLayer` of `tower-vgi-layers`), which leaves a [`CallSession`] in the
//! request; [`Sessions`] is where the objects are.
//!
//! # What holds
//!
//! - Calls of one session run one after another, in the order in which they are ready to run; those of others do not
//!   wait. A producer takes the session for each of its steps, so that one whose caller reads slowly keeps nobody waiting.
//! - An object is closed exactly once: by [`close_session`](crate::rpc::CallContext::close_session), by its caller, when
//!   its time is over, or when the server stops; and if a call is using it then, when that call ends.
//! - A call that waits for its session leaves the queue when its caller goes away.
//! - A panic of a method leaves the session as it is, with the object as the method left it.

mod call;
mod drain;
mod entry;
mod error;
mod guard;
mod headers;
mod id;
mod lease;
mod live;
mod owner;
mod places;
mod reaper;
mod registry;
mod shard;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use call::{CallSession, SessionChange};
pub use drain::DrainHandle;
pub use error::{server_draining, session_lost};
pub use guard::SessionGuard;
pub use headers::{SESSION, SESSION_ACCEPT, SESSION_CLOSE};
pub use id::SessionId;
pub(crate) use lease::Lease;
pub(crate) use live::Live;
pub(crate) use owner::Owner;
pub use registry::{
    DEFAULT_IDLE_STREAM_TIME_TO_LIVE, DEFAULT_MAX_SESSIONS, MAX_TIME_TO_LIVE, Sessions, SessionsBuilder,
};

/// So many parts that calls seldom meet at the lock of one.
const SHARDS: usize = 32;

/// Nothing that can panic runs under one of these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
