//! Tokens that say who calls, and that expire.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use tokio::sync::Mutex;

use crate::{AuthReason, Body, BoxError, ErrorCode, RpcError};

/// Where a channel gets its bearer token; see [`ChannelBuilder::tokens`](super::ChannelBuilder::tokens).
///
/// Closures from nothing to a future are sources too; their tokens are asked for again when the server refuses one.
pub trait TokenSource: Send + Sync + 'static {
    /// A token. `refused` is the one that was sent and that the server does not take, if this is why it is asked: a
    /// source with a cache of its own has to forget it. Calls wait meanwhile, for one question at a time.
    ///
    /// # Errors
    ///
    /// Why there is none. The call then fails with it.
    fn token(&self, refused: Option<&str>) -> impl Future<Output = Result<String, BoxError>> + Send;
}

impl<F, R> TokenSource for F
where
    F: Fn() -> R + Send + Sync + 'static,
    R: Future<Output = Result<String, BoxError>> + Send + 'static,
{
    fn token(&self, _refused: Option<&str>) -> impl Future<Output = Result<String, BoxError>> + Send {
        self()
    }
}

trait ErasedSource: Send + Sync {
    fn token<'a>(&'a self, refused: Option<&'a str>) -> Asking<'a>;
}

type Asking<'a> = Pin<Box<dyn Future<Output = Result<String, BoxError>> + Send + 'a>>;

impl<T: TokenSource> ErasedSource for T {
    fn token<'a>(&'a self, refused: Option<&'a str>) -> Asking<'a> {
        Box::pin(TokenSource::token(self, refused))
    }
}

/// The tokens of a channel: the source, and what it gave last.
#[derive(Clone)]
pub(crate) struct Tokens {
    source: Arc<dyn ErasedSource>,
    current: Arc<Mutex<Option<Token>>>,
}

/// A token, and the header that it is sent in.
#[derive(Clone)]
pub(crate) struct Token {
    text: String,
    header: HeaderValue,
}

impl Tokens {
    pub(crate) fn new(source: impl TokenSource) -> Self {
        Self { source: Arc::new(source), current: Arc::default() }
    }

    /// The token to send.
    pub(crate) async fn current(&self) -> Result<Token, RpcError> {
        let mut current = self.current.lock().await;
        match &*current {
            Some(token) => Ok(token.clone()),
            None => Ok(current.insert(self.ask(None).await?).clone()),
        }
    }

    /// Another token in place of one that the server does not take; none where there is no other.
    pub(crate) async fn instead_of(&self, refused: &Token) -> Result<Option<Token>, RpcError> {
        let mut current = self.current.lock().await;
        // Of the calls that were refused with the same one, the first asks.
        if let Some(token) = current.as_ref().filter(|token| token.text != refused.text) {
            return Ok(Some(token.clone()));
        }
        // Whatever becomes of this: the next call does not send it again unasked.
        *current = None;
        let token = self.ask(Some(&refused.text)).await?;
        Ok((token.text != refused.text).then(|| current.insert(token).clone()))
    }

    async fn ask(&self, refused: Option<&str>) -> Result<Token, RpcError> {
        let failed = |why: &dyn fmt::Display| {
            RpcError::new("AuthenticationError", format!("there is no token to send: {why}"))
                .with_code(ErrorCode::Unauthenticated)
        };
        let text = self.source.token(refused).await.map_err(|error| match error.downcast::<RpcError>() {
            Ok(error) => *error,
            Err(error) => failed(&error),
        })?;
        // The text is not shown: it is a secret.
        let mut header =
            HeaderValue::from_str(&format!("Bearer {text}")).map_err(|_| failed(&"it does not fit into a header"))?;
        header.set_sensitive(true);
        Ok(Token { text, header })
    }
}

impl Token {
    pub(crate) fn add_to(&self, headers: &mut HeaderMap) {
        headers.insert(header::AUTHORIZATION, self.header.clone());
    }
}

/// Whether another token may help. Servers that give no reason may mean anything.
pub(crate) fn is_worth_another(response: &Response<Body>) -> bool {
    let reason = response.headers().get("vgi-auth-reason").and_then(|reason| reason.to_str().ok());
    response.status() == StatusCode::UNAUTHORIZED
        && reason.is_none_or(|reason| {
            !matches!(AuthReason::from_wire(reason), AuthReason::InsufficientScope | AuthReason::ProxyRequired)
        })
}

impl fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Tokens")
    }
}
