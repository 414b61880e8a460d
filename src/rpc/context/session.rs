//! The session of a call, as its method sees it.

use std::time::Duration;

use tokio::runtime::Handle;

use super::CallContext;
use crate::session::{CallSession, Live, Owner, SESSION_ACCEPT, SessionGuard, SessionId, Sessions};
use crate::{Result, RpcError};

impl CallContext {
    /// Keeps `object` for later calls of this caller, for `time_to_live` from now on or what the server has as its
    /// default. It is dropped at its end.
    ///
    /// ```
    /// # use tower_vgi::rpc::CallContext;
    /// # struct Cursor;
    /// # fn method(ctx: &CallContext) -> tower_vgi::Result<()> {
    /// ctx.open_session(Cursor, None)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When the server has no sessions, drains, or has no place for another one; when the caller does not keep sessions
    /// (`VGI-Session-Accept: true`); and when this call has a session already. The object is then dropped.
    pub fn open_session<T: Send + 'static>(&self, object: T, time_to_live: impl Into<Option<Duration>>) -> Result<()> {
        self.open(time_to_live.into(), |runtime| Live::new(object, runtime))
    }

    /// As [`open_session`](Self::open_session), for an object that takes more than a drop to close: `close` is called
    /// with it exactly once, when the session ends for whatever reason, on the runtime and apart from any call.
    ///
    /// ```
    /// # use tower_vgi::rpc::CallContext;
    /// # struct Cursor;
    /// # impl Cursor { async fn close(self) {} }
    /// # fn method(ctx: &CallContext) -> tower_vgi::Result<()> {
    /// ctx.open_session_closing(Cursor, None, Cursor::close)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`open_session`](Self::open_session); the object is then closed.
    pub fn open_session_closing<T, F, Fut>(
        &self,
        object: T,
        time_to_live: impl Into<Option<Duration>>,
        close: F,
    ) -> Result<()>
    where
        T: Send + 'static,
        F: FnOnce(T) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.open(time_to_live.into(), |runtime| Live::closing(object, close, runtime))
    }

    /// The object of this call's session, for this call alone.
    ///
    /// ```
    /// # use tower_vgi::rpc::CallContext;
    /// # struct Cursor { row: i64 }
    /// # fn method(ctx: &CallContext) -> tower_vgi::Result<i64> {
    /// let mut cursor = ctx.session::<Cursor>()?;
    /// cursor.row += 1;
    /// # Ok(cursor.row)
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When this call has no session, its object is no `T`, or a guard of it is still there.
    pub fn session<T: Send + 'static>(&self) -> Result<SessionGuard<T>> {
        match self.call_session() {
            Some(session) => Ok(session.borrow()?),
            None => Err(CallSession::none())?,
        }
    }

    /// The id of this call's session, for logs.
    pub fn session_id(&self) -> Option<SessionId> {
        self.call_session()?.id()
    }

    /// Closes this call's session; done when its object is closed. Without a session this does nothing.
    ///
    /// The caller learns of it in the head of the response. Where a later step of a streamed response closes the session,
    /// the caller learns of it with its next call, which is told that the session is lost.
    ///
    /// # Errors
    ///
    /// When a guard of the object is still there.
    pub async fn close_session(&self) -> Result<()> {
        match self.call_session() {
            Some(session) => Ok(session.close().await?),
            None => Ok(()),
        }
    }

    /// Where live objects are kept between calls.
    pub(crate) fn sessions(&self) -> &Sessions {
        &self.hosted().runtime.sessions
    }

    pub(crate) fn call_session(&self) -> Option<&CallSession> {
        self.extensions().get()
    }

    fn open(&self, time_to_live: Option<Duration>, live: impl FnOnce(Handle) -> Live) -> Result<()> {
        // From here on its end is seen to, whatever is in the way.
        let live = live(Handle::try_current()?);
        let accepted = self.headers().get(SESSION_ACCEPT).is_some_and(|value| is_true(value.as_bytes()));
        if !accepted {
            Err(RpcError::runtime_error(
                "the caller does not keep sessions, and would lose this one: its request has no header \
                 'VGI-Session-Accept: true' (with published clients, call inside of with_session_token())",
            ))?;
        }
        let session = self.call_session().ok_or_else(|| {
            RpcError::runtime_error("sticky sessions are not available on this server; it has no layer for them")
        })?;
        Ok(session.open(live, Owner::of(self.auth()), time_to_live)?)
    }
}

fn is_true(value: &[u8]) -> bool {
    value.trim_ascii().eq_ignore_ascii_case(b"true")
}
