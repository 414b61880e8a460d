//! What a request has to do with sessions.

/// What a request had to do with sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedSession {
    /// What happened.
    pub action: SessionAction,
    /// Which session it was; empty where there was none.
    pub id: String,
}

impl RecordedSession {
    /// Something that happened to a session.
    pub fn new(action: SessionAction, id: impl Into<String>) -> Self {
        Self { action, id: id.into() }
    }

    /// The server has sessions, and the request has nothing to do with one.
    pub fn none() -> Self {
        Self::new(SessionAction::None, "")
    }
}

/// What happens to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionAction {
    /// Nothing: there is none.
    None,
    /// It begins with this call.
    Opened,
    /// The call is one of the session.
    Resumed,
    /// It ends with this call.
    Closed,
}
