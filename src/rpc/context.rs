//! [`CallContext`]: what a method sees of its call besides the parameters.

mod session;

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};

use cookie::Cookie;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Uri, header};
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use super::call::{CallHead, Operation};
use super::dispatcher::HostedMethod;
use super::generation::Generation;
use super::log::{LogLevel, LogMessage};
use super::method::MethodDescription;
use crate::vocabulary::{AuthContext, PeerAddr};
use crate::wire::Metadata;
use crate::{MethodError, Result, RpcError};

/// What a method sees of its call: who calls, the request's head, logging, and the response's head.
///
/// Cheap to clone, so that it can move into tasks and threads.
#[derive(Clone)]
pub struct CallContext {
    shared: Arc<Shared>,
    /// That of a later step, in place of the request's.
    metadata: Option<Arc<Metadata>>,
}

struct Shared {
    head: Box<CallHead>,
    metadata: Metadata,
    preferred_response_bytes: Option<u64>,
    logs: Mutex<Vec<LogMessage>>,
    response_headers: Mutex<HeaderMap>,
    cancelled: OnceLock<CancellationToken>,
    gone: AtomicBool,
}

static ANONYMOUS: LazyLock<AuthContext> = LazyLock::new(AuthContext::anonymous);

impl CallContext {
    /// `metadata` is what the method sees as its tick's.
    pub(crate) fn new(head: Box<CallHead>, metadata: Metadata, preferred_response_bytes: Option<u64>) -> Self {
        Self {
            metadata: None,
            shared: Arc::new(Shared {
                head,
                metadata,
                preferred_response_bytes,
                logs: Mutex::new(Vec::new()),
                response_headers: Mutex::new(HeaderMap::new()),
                cancelled: OnceLock::new(),
                gone: AtomicBool::new(false),
            }),
        }
    }

    /// The same call, at a later step of its stream.
    pub(crate) fn with_metadata(&self, metadata: Metadata) -> Self {
        Self { shared: self.shared.clone(), metadata: Some(Arc::new(metadata)) }
    }

    /// The method with all that its calls share.
    pub(crate) fn hosted(&self) -> &Arc<HostedMethod> {
        &self.shared.head.method
    }

    /// Who calls; anonymous where no authentication layer said otherwise.
    pub fn auth(&self) -> &AuthContext {
        self.extensions().get::<AuthContext>().unwrap_or(&ANONYMOUS)
    }

    /// The wire name of the protocol.
    pub fn protocol(&self) -> &str {
        &self.hosted().protocol
    }

    /// What the method looks like to callers.
    pub fn method(&self) -> &MethodDescription {
        &self.hosted().description
    }

    /// Which form of the wire the caller speaks.
    pub fn generation(&self) -> Generation {
        self.shared.head.generation
    }

    /// The id of this request: the caller's `X-Request-ID`, or one made here.
    pub fn request_id(&self) -> &str {
        self.shared.head.identity.request_id()
    }

    /// The id of this server.
    pub fn server_id(&self) -> &str {
        &self.shared.head.identity.server_id
    }

    /// The metadata of the request batch; in a stream, of the tick that asked for this step.
    pub fn metadata(&self) -> &Metadata {
        self.metadata.as_deref().unwrap_or(&self.shared.metadata)
    }

    /// The request's headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.shared.head.parts.headers
    }

    /// The request's target.
    pub fn uri(&self) -> &Uri {
        &self.shared.head.parts.uri
    }

    /// What layers and servers put on the request.
    pub fn extensions(&self) -> &Extensions {
        &self.shared.head.parts.extensions
    }

    /// Where the connection came from, if the server says so.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.extensions().get::<PeerAddr>().map(|peer| peer.0)
    }

    /// The value of a cookie of the request.
    pub fn cookie(&self, name: &str) -> Option<String> {
        let values = self.headers().get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        values
            .flat_map(|value| Cookie::split_parse(value.to_owned()))
            .filter_map(std::result::Result::ok)
            .find(|cookie| cookie.name() == name)
            .map(|cookie| cookie.value().to_owned())
    }

    /// How large a response suits the server best, in bytes of the Arrow body.
    pub fn preferred_response_bytes(&self) -> Option<u64> {
        self.shared.preferred_response_bytes
    }

    /// Sends the caller a message before the result.
    ///
    /// ```
    /// # use tower_vgi::rpc::{CallContext, LogLevel};
    /// # fn method(context: &CallContext) {
    /// context.log(LogLevel::Info, "opened the table");
    /// # }
    /// ```
    pub fn log(&self, level: LogLevel, message: impl Into<String>) {
        self.log_message(LogMessage::new(level, message));
    }

    /// Sends the caller a message with extras before the result.
    pub fn log_message(&self, message: LogMessage) {
        lock(&self.shared.logs).push(message);
    }

    /// Sets a header of the response, in place of an earlier value.
    ///
    /// Of a stream that is sent as it comes, only the first step can still set headers.
    ///
    /// # Errors
    ///
    /// When the name belongs to the protocol or to HTTP's framing.
    pub fn set_header(&self, name: HeaderName, value: HeaderValue) -> Result<()> {
        let text = name.as_str();
        let framing =
            [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::TRANSFER_ENCODING];
        if text.starts_with("vgi-") || text.starts_with("x-vgi-") || framing.contains(&name) {
            return Err(RpcError::value_error(format!(
                "the response header '{text}' is the server's own; use another name"
            ))
            .into());
        }
        lock(&self.shared.response_headers).insert(name, value);
        Ok(())
    }

    /// Sets a cookie on the caller. Unary methods only.
    ///
    /// ```
    /// # use tower_vgi::rpc::CallContext;
    /// # fn method(context: &CallContext) -> tower_vgi::Result<()> {
    /// context.set_cookie("theme=dark; Path=/; HttpOnly")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When the text is no cookie, or the method is a stream.
    pub fn set_cookie(&self, cookie: &str) -> Result<()> {
        if self.shared.head.operation != Operation::Unary {
            return Err(RpcError::runtime_error("a stream cannot set cookies; use a unary method").into());
        }
        let parsed = Cookie::parse(cookie.to_owned())?;
        let value = HeaderValue::from_str(&parsed.to_string())?;
        lock(&self.shared.response_headers).append(header::SET_COOKIE, value);
        Ok(())
    }

    /// Removes a cookie from the caller. Unary methods only.
    ///
    /// # Errors
    ///
    /// When the name is no cookie's name, or the method is a stream.
    pub fn delete_cookie(&self, name: &str) -> Result<()> {
        self.set_cookie(&format!("{name}=; Max-Age=0; Path=/"))
    }

    /// Completes when the caller has gone away, or a layer has given up on the call.
    pub fn cancelled(&self) -> WaitForCancellationFuture<'_> {
        self.cancellation().cancelled()
    }

    /// Whether the caller has gone away, or a layer has given up on the call: for code that cannot wait.
    pub fn is_cancelled(&self) -> bool {
        self.cancellation().is_cancelled()
    }

    /// Runs code that blocks on a thread where it may.
    ///
    /// When the caller goes away the code runs on, and should ask [`CallContext::is_cancelled`] now and then.
    ///
    /// # Errors
    ///
    /// Those of the code; a panic in it is an error too.
    pub async fn run_blocking<T, F>(&self, code: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T> + Send + 'static,
    {
        match tokio::task::spawn_blocking(code).await {
            Ok(result) => result,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(MethodError::from(RpcError::runtime_error("the server is shutting down"))),
        }
    }

    pub(crate) fn take_logs(&self) -> Vec<LogMessage> {
        std::mem::take(&mut *lock(&self.shared.logs))
    }

    pub(crate) fn take_response_headers(&self) -> HeaderMap {
        std::mem::take(&mut *lock(&self.shared.response_headers))
    }

    /// Tells everybody who asks that the caller has gone, as soon as the guard is dropped.
    pub(crate) fn cancel_on_drop(&self) -> CancelOnDrop {
        CancelOnDrop(Some(self.clone()))
    }

    // Most methods never ask, so no token is made before somebody does.
    fn cancellation(&self) -> &CancellationToken {
        let token = self.shared.cancelled.get_or_init(CancellationToken::new);
        // The caller may have gone before the token was there to be told.
        if self.shared.gone.load(Ordering::SeqCst) {
            token.cancel();
        }
        token
    }
}

/// See [`CallContext::cancel_on_drop`].
pub(crate) struct CancelOnDrop(Option<CallContext>);

impl CancelOnDrop {
    /// What was guarded has come to its end.
    pub(crate) fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        let Some(context) = &self.0 else { return };
        context.shared.gone.store(true, Ordering::SeqCst);
        if let Some(token) = context.shared.cancelled.get() {
            token.cancel();
        }
    }
}

/// A panic while one of these locks is held leaves nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for CallContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CallContext")
            .field("protocol", &self.protocol())
            .field("method", &self.method().name)
            .field("request_id", &self.request_id())
            .finish_non_exhaustive()
    }
}

impl RpcError {
    /// What a caller sees of a panic.
    pub(crate) fn from_panic(panic: &(dyn std::any::Any + Send), protocol: &str, method: &str) -> Self {
        let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let text = text.unwrap_or("no message");
        Self::runtime_error(format!("{protocol}/{method} panicked: {text}")).with_code(crate::ErrorCode::Internal)
    }
}
