//! Call layers: tower layers around the decoded call, erased so that users may mix them.

use std::cell::Cell;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tower::ServiceExt as _;
use tower::util::BoxCloneSyncService;
use tower_layer::Layer;
use tower_service::Service;

use super::call::{Call, Operation};
use super::reply::Reply;
use crate::{BoxError, ErrorCode, ErrorDetail, RpcError};

/// What a call layer wraps: any service of calls.
pub type BoxCallService = BoxCloneSyncService<Call, Reply, BoxError>;

/// A [`Layer`] that can be put around calls. Every layer that makes a service of calls is one: there is nothing to
/// implement.
///
/// ```
/// use std::task::{Context, Poll};
/// use tower::{Layer, Service};
/// use tower_vgi::rpc::{Call, CallLayer, Method, Protocol};
///
/// /// Says which methods are called.
/// #[derive(Clone)]
/// struct Announce<S>(S);
///
/// impl<S: Service<Call>> Service<Call> for Announce<S> {
///     type Response = S::Response;
///     type Error = S::Error;
///     type Future = S::Future;
///
///     fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
///         self.0.poll_ready(context)
///     }
///
///     fn call(&mut self, call: Call) -> S::Future {
///         println!("{}/{}", call.protocol(), call.method().name);
///         self.0.call(call)
///     }
/// }
///
/// fn announced(protocol: Protocol, announce: impl CallLayer) -> Protocol {
///     protocol.layer(announce)
/// }
///
/// let protocol = announced(Protocol::new("Greeter"), tower::layer::layer_fn(Announce));
/// # assert_eq!(protocol.name(), "Greeter");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no layer around calls",
    label = "not a layer whose service takes a `Call`",
    note = "it has to be a `tower::Layer<BoxCallService>`, `Send + Sync + 'static`",
    note = "its service has to be a `Service<Call, Response = Reply>` that is `Clone + Send + Sync + 'static`, with an error \
            that is `Into<BoxError>` and a future that is `Send`"
)]
pub trait CallLayer: Send + Sync + 'static {
    #[doc(hidden)]
    fn wrap(&self, inner: BoxCallService) -> BoxCallService;
}

impl<L> CallLayer for L
where
    L: Layer<BoxCallService> + Send + Sync + 'static,
    L::Service: Service<Call, Response = Reply, Error: Into<BoxError>, Future: Send> + Clone + Send + Sync + 'static,
{
    fn wrap(&self, inner: BoxCallService) -> BoxCallService {
        BoxCallService::new(self.layer(inner).map_err(Into::into))
    }
}

/// One layer, erased.
#[derive(Clone)]
pub(crate) struct SharedLayer(Arc<dyn CallLayer>);

impl SharedLayer {
    pub(crate) fn new(layer: impl CallLayer) -> Self {
        Self(Arc::new(layer))
    }
}

impl fmt::Debug for SharedLayer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SharedLayer")
    }
}

/// Puts layers around a service; the first is the outermost. Without layers there is no box.
pub(crate) fn wrap<S>(inner: S, layers: &[SharedLayer]) -> Option<BoxCallService>
where
    S: Service<Call, Response = Reply, Error: Into<BoxError>, Future: Send> + Clone + Send + Sync + 'static,
{
    let mut outer = None;
    for layer in layers.iter().rev() {
        let wrapped = outer.take().unwrap_or_else(|| BoxCallService::new(inner.clone().map_err(Into::into)));
        outer = Some(layer.0.wrap(wrapped));
    }
    outer
}

/// Runs a call through its own copy of a stack.
pub(crate) async fn run(mut stack: BoxCallService, call: Call) -> Result<Reply, BoxError> {
    let operation = call.operation();
    poll_fn(|cx| {
        let _waiting = Waiting::enter(operation);
        stack.poll_ready(cx)
    })
    .await?;
    let reply = stack.call(call);
    // What a service keeps for being ready again is not needed while the call runs.
    drop(stack);
    reply.await
}

thread_local! {
    static WAITING: Cell<Option<Operation>> = const { Cell::new(None) };
}

/// While it lives, this thread asks whether a stack is ready for one operation.
struct Waiting(Option<Operation>);

impl Waiting {
    fn enter(operation: Operation) -> Self {
        Self(WAITING.replace(Some(operation)))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        WAITING.set(self.0);
    }
}

impl Operation {
    /// What is asked by the call that waits for the service to be ready: for `poll_ready`, which tower does not show
    /// the call. `None` anywhere else, and where a middleware in between makes services ready in a task of its own.
    ///
    /// A layer that makes calls wait should not do so with a cancel, which may free what the others wait for.
    pub fn waiting() -> Option<Self> {
        WAITING.get()
    }
}

/// What callers see of an error of middleware: an [`RpcError`] as it is, an error of tower's own as what a caller can
/// act on, anything else by its text.
pub fn middleware_error(error: BoxError) -> RpcError {
    match error.downcast::<RpcError>() {
        Ok(error) => *error,
        Err(error) => from_middleware(error.as_ref()),
    }
}

/// Errors of tower's own middleware become what a caller can act on.
fn from_middleware(error: &(dyn std::error::Error + 'static)) -> RpcError {
    let mut source = Some(error);
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<RpcError>() {
            return error.clone();
        }
        if error.is::<tower::timeout::error::Elapsed>() {
            return RpcError::new("TimeoutError", "the call took longer than the server allows")
                .with_code(ErrorCode::DeadlineExceeded);
        }
        if error.is::<tower::load_shed::error::Overloaded>() {
            return RpcError::runtime_error("the server is overloaded; try again later")
                .with_code(ErrorCode::Unavailable)
                .with_detail(ErrorDetail::retry_info(Duration::from_secs(1)));
        }
        source = error.source();
    }
    RpcError::runtime_error(error.to_string())
}
