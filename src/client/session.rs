//! [`Session`]: calls that belong to state which one worker of the server keeps (sticky sessions).

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex};

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use super::channel::{Channel, lock};
use super::connect::Connection;
use super::outgoing::Outgoing;
use super::response::refusal;
use super::service::HttpService;
use crate::headers::{SESSION, SESSION_ACCEPT, SESSION_CLOSE};

const ECHO: &str = "vgi-echo-";

/// More headers than this no server has echoed.
const MOST_ECHOES: usize = 64;

/// A view of a channel whose calls belong together: it keeps the token that the server opens a session with and the
/// headers that are to be echoed, and sends both with every later request.
///
/// [`close`](Self::close) ends the session for certain; a view that is dropped tries to, in the background.
/// [`detach`](Self::detach) keeps the session alive, to be taken up with [`Session::resume`].
pub struct Session<S: HttpService = Connection> {
    channel: Channel<S>,
    state: Arc<SessionState>,
}

/// A [`Session`] with the typed proxy whose calls belong to it.
pub struct SessionClient<C, S: HttpService = Connection> {
    client: C,
    session: Session<S>,
}

/// What a session's responses have said.
#[derive(Default)]
pub(crate) struct SessionState(Mutex<Held>);

#[derive(Default)]
struct Held {
    token: Option<HeaderValue>,
    echoes: HeaderMap,
    closed: bool,
}

impl SessionState {
    /// Adds what the server is to know. What the request has already stays.
    pub(crate) fn add_to(&self, headers: &mut HeaderMap) {
        let held = lock(&self.0);
        headers.insert(SESSION_ACCEPT, HeaderValue::from_static("true"));
        if let Some(token) = &held.token {
            headers.insert(SESSION, token.clone());
        }
        for (name, value) in &held.echoes {
            if !headers.contains_key(name) {
                headers.insert(name.clone(), value.clone());
            }
        }
    }

    /// Keeps what the server says.
    pub(crate) fn take_from(&self, headers: &HeaderMap) {
        let mut held = lock(&self.0);
        if let Some(token) = headers.get(SESSION).filter(|token| !token.is_empty()) {
            let mut token = token.clone();
            token.set_sensitive(true);
            held.token = Some(token);
            held.closed = false;
        }
        for (name, value) in headers {
            if let Some(name) = name.as_str().strip_prefix(ECHO)
                && let Ok(name) = HeaderName::try_from(name)
                && is_for_routing(&name)
                && (held.echoes.len() < MOST_ECHOES || held.echoes.contains_key(&name))
            {
                held.echoes.insert(name, value.clone());
            }
        }
        if headers.get(SESSION_CLOSE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true")) {
            *held = Held { closed: true, ..Held::default() };
        }
    }
}

/// Whether a server may have a header echoed: not what frames a request, leads its connection or says who is calling.
fn is_for_routing(name: &HeaderName) -> bool {
    const NEVER: [HeaderName; 12] = [
        header::AUTHORIZATION,
        header::CONNECTION,
        header::CONTENT_ENCODING,
        header::CONTENT_LENGTH,
        header::CONTENT_TYPE,
        header::EXPECT,
        header::HOST,
        header::PROXY_AUTHORIZATION,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ];
    !NEVER.contains(name) && ![SESSION, SESSION_ACCEPT].contains(name)
}

impl<S: HttpService> Channel<S> {
    /// A view whose calls may open a session, and belong to it from then on.
    pub fn session(&self) -> Session<S> {
        Session::begin(self, None)
    }
}

impl<S: HttpService> Session<S> {
    /// Takes up a session that was [detached](Self::detach). The headers to be echoed are only known again after
    /// another response that says them.
    ///
    /// # Errors
    ///
    /// A `ValueError` when this cannot be a token.
    pub fn resume(channel: &Channel<S>, token: &str) -> Result<Self, crate::RpcError> {
        let mut token = HeaderValue::from_str(token)
            .ok()
            .filter(|token| !token.is_empty())
            .ok_or_else(|| crate::RpcError::value_error("a session token is visible ASCII text; this is not"))?;
        token.set_sensitive(true);
        Ok(Self::begin(channel, Some(token)))
    }

    fn begin(channel: &Channel<S>, token: Option<HeaderValue>) -> Self {
        let state = Arc::new(SessionState(Mutex::new(Held { token, ..Held::default() })));
        let channel = Channel { session: Some(state.clone()), ..channel.clone() };
        Self { channel, state }
    }

    /// The channel whose calls belong to the session.
    pub fn channel(&self) -> &Channel<S> {
        &self.channel
    }

    /// The token, while a session is open.
    pub fn token(&self) -> Option<String> {
        lock(&self.state.0).token.as_ref().and_then(|token| token.to_str().ok()).map(str::to_owned)
    }

    /// The headers that are sent with every request of the session, for routing.
    pub fn echo_headers(&self) -> HeaderMap {
        lock(&self.state.0).echoes.clone()
    }

    /// Whether the server has closed the session.
    pub fn is_closed(&self) -> bool {
        lock(&self.state.0).closed
    }

    /// Gives the token away: the view forgets it, and does not end the session.
    pub fn detach(&self) -> Option<String> {
        lock(&self.state.0).token.take().and_then(|token| token.to_str().ok().map(str::to_owned))
    }

    /// Ends the session, and waits for the server's answer. Does nothing where none is open.
    ///
    /// # Errors
    ///
    /// Why the server could not be told, or what it answers in place of ending the session.
    pub async fn close(self) -> Result<(), crate::RpcError> {
        end(&self.channel, &self.state).await
    }
}

/// Tells the server, with the headers that lead to the worker which holds the session.
async fn end<S: HttpService>(channel: &Channel<S>, state: &Arc<SessionState>) -> Result<(), crate::RpcError> {
    if lock(&state.0).token.is_none() {
        return Ok(());
    }
    let outgoing = Outgoing::plain(Method::DELETE, channel.uri("/__session__")?);
    let sent = channel.send(&outgoing).await;
    lock(&state.0).token = None;
    let response = sent?;
    match response.status().is_success() {
        true => Ok(()),
        false => Err(refusal::not_of_the_protocol(response, &outgoing.uri).await),
    }
}

impl<S: HttpService> Drop for Session<S> {
    fn drop(&mut self) {
        if lock(&self.state.0).token.is_some()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let (channel, state) = (self.channel.clone(), self.state.clone());
            runtime.spawn(async move {
                let _ = end(&channel, &state).await;
            });
        }
    }
}

impl<S: HttpService> fmt::Debug for Session<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = lock(&self.state.0);
        formatter
            .debug_struct("Session")
            .field("open", &held.token.is_some())
            .field("closed", &held.closed)
            .finish_non_exhaustive()
    }
}

impl<C, S: HttpService> SessionClient<C, S> {
    #[doc(hidden)]
    pub fn new(client: C, session: Session<S>) -> Self {
        Self { client, session }
    }

    /// The session: its token, its headers, `detach`.
    pub fn session(&self) -> &Session<S> {
        &self.session
    }

    /// Ends the session; see [`Session::close`].
    ///
    /// # Errors
    ///
    /// Why the server could not be told.
    pub async fn close(self) -> Result<(), crate::RpcError> {
        self.session.close().await
    }
}

impl<C, S: HttpService> Deref for SessionClient<C, S> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.client
    }
}

impl<C: fmt::Debug, S: HttpService> fmt::Debug for SessionClient<C, S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SessionClient").field("client", &self.client).field("session", &self.session).finish()
    }
}
