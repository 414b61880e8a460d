//! [`RpcService`]: the HTTP face of a server.

use std::convert::Infallible;
use std::fmt;
use std::future::ready;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{HeaderValue, Method, Request, Response, header};
use http_body::Body as HttpBody;
use tower_service::Service;

use super::budget;
use super::builder::RpcServiceBuilder;
use super::call::{Call, CallHead, Operation, SentTokens};
use super::dispatcher::{self, Dispatcher, HostedMethod};
use super::failed_call::FailedCall;
use super::generation::{Generation, Generations};
use super::identity::Identity;
use super::info::ServiceInfo;
use super::plain;
use super::reply::Reply;
use super::request::{self, RequestDecoder};
use super::response::{Replied, ResponseContext, ResponseFuture, Subject};
use super::route::{self, Shape};
use super::stack::{self, BoxCallService, CallLayer, SharedLayer};
use super::token::Sealer;
use crate::drain::Drain;
use crate::headers::{
    ACCEPT_MAX_RESPONSE_BYTES_SUPPORT, ACCEPT_PRODUCER_STREAM, EXTERNALIZATION_ENABLED, PRODUCER_STREAM,
};
use crate::session::Sessions;
use crate::vocabulary::{Advertise, Capabilities};
use crate::{Body, BoxError, RpcError};

const TRUE: HeaderValue = HeaderValue::from_static("true");

/// Answers every RPC route of both wire generations, with no layer around it: anonymously, uncompressed, and
/// within its own limit of a request's size.
///
/// A `tower::Service` over HTTP requests with any body: mount it under hyper, axum or tonic, or call it in a test.
///
/// ```
/// use tower_vgi::rpc::{Method, Protocol, RpcService};
///
/// let greeter = Protocol::new("Greeter").method(
///     Method::unary("greet")
///         .parameter::<String>("name")
///         .handler(|_ctx, params| async move { Ok(format!("Hello, {}!", params.get::<String>(0)?)) }),
/// );
/// let service = RpcService::builder().protocol(greeter).build()?;
/// assert_eq!(service.info().protocol, "Greeter");
/// # Ok::<(), tower_vgi::rpc::BuildError>(())
/// ```
#[derive(Clone)]
pub struct RpcService {
    inner: Arc<Inner>,
}

#[derive(Clone)]
pub(super) struct Inner {
    pub(super) dispatcher: Dispatcher,
    /// The layers around all calls; `None` where there are none.
    pub(super) stack: Option<BoxCallService>,
    pub(super) info: Arc<ServiceInfo>,
    pub(super) server_id: Arc<str>,
    pub(super) generations: Generations,
    pub(super) decoder: RequestDecoder,
    pub(super) tracebacks: bool,
}

impl RpcService {
    /// Begins the description of a server.
    pub fn builder() -> RpcServiceBuilder {
        RpcServiceBuilder::new()
    }

    pub(super) fn new(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// What the server is, for layers that talk about it.
    pub fn info(&self) -> Arc<ServiceInfo> {
        self.inner.info.clone()
    }

    /// How many bytes of a decoded request body the core takes.
    pub fn max_request_bytes(&self) -> usize {
        self.inner.decoder.max_request_bytes
    }

    /// The same server with another limit of a decoded request's size; see
    /// [`RpcServiceBuilder::max_request_bytes`]. For whoever puts limits around a server that is built already.
    #[must_use]
    pub fn with_max_request_bytes(mut self, bytes: usize) -> Self {
        Arc::make_mut(&mut self.inner).decoder.max_request_bytes = bytes;
        self
    }

    /// Where live objects are kept between calls.
    pub fn sessions(&self) -> &Sessions {
        &self.inner.dispatcher.hosts().runtime.sessions
    }

    /// Seals small secrets of one purpose under the server's [token keys](RpcServiceBuilder::token_keys); see
    /// [`TokenKeys::sealer`](super::TokenKeys::sealer).
    pub fn sealer(&self, purpose: &str) -> Sealer {
        self.inner.dispatcher.hosts().runtime.tokens.sealer(purpose)
    }

    /// The same server with one more layer around all calls, outside of those that it has; see
    /// [`RpcServiceBuilder::layer`]. For whoever puts layers around a server that is built already.
    #[must_use]
    pub fn with_layer(mut self, layer: impl CallLayer) -> Self {
        let inner = Arc::make_mut(&mut self.inner);
        inner.stack = match inner.stack.take() {
            Some(stack) => Some(layer.wrap(stack)),
            None => stack::wrap(inner.dispatcher.clone(), &[SharedLayer::new(layer)]),
        };
        self
    }

    /// The protocols and methods.
    pub fn dispatcher(&self) -> &Dispatcher {
        &self.inner.dispatcher
    }
}

/// A request after the checks that need no body.
enum Begun {
    Answered(Response<Body>),
    Refused(http::request::Parts, ResponseContext, RpcError),
    Admitted(Box<CallHead>, ResponseContext),
}

impl Inner {
    /// The checks that need no body.
    fn begin(&self, parts: http::request::Parts) -> Begun {
        let hosts = self.dispatcher.hosts();
        let shape = route::shape(parts.uri.path(), hosts, self.generations);
        let generation = match shape.generation() {
            Some(generation) => generation,
            // A client of the protocol reads Arrow, wherever it went.
            None if parts.method == Method::POST && request::is_arrow(&parts.headers) => Generation::Namespaced,
            None => return Begun::Answered(plain::not_found()),
        };
        if parts.method != Method::POST {
            let mut response = plain::other_verb(&parts.method, &shape, hosts);
            // Callers find out by OPTIONS which generation is spoken here; a layer may have more to say.
            if parts.method == Method::OPTIONS && self.generations.contains(Generation::Namespaced) {
                response.headers_mut().insert(ACCEPT_MAX_RESPONSE_BYTES_SUPPORT, TRUE);
            }
            return Begun::Answered(response);
        }
        if plain::is_token_introspection(&shape, &parts.headers) {
            return Begun::Answered(plain::token_introspection_disabled());
        }
        let admitted = self.admit(&shape, generation, &parts);
        let mut context = ResponseContext {
            identity: Identity::of_request(&self.server_id, &parts.headers),
            subject: match &admitted {
                Ok((method, ..)) => Subject::Method(method.clone()),
                Err(_) => Subject::Path(parts.uri.path().trim_start_matches('/').to_owned()),
            },
            generation,
            operation: Operation::Unary,
            tracebacks: self.tracebacks,
            streamed: parts.headers.get(ACCEPT_PRODUCER_STREAM).is_some_and(|value| value == "true"),
            limit: None,
            record: parts.extensions.get().cloned(),
        };
        let (method, operation, limit) = match admitted {
            Ok(admitted) => admitted,
            Err(error) => return Begun::Refused(parts, context, error),
        };
        context.operation = operation;
        context.limit = limit;
        let tokens = SentTokens::default();
        let identity = context.identity.clone();
        let head = CallHead { method, generation, operation, tokens, identity, limit, parts, deferred: None };
        Begun::Admitted(Box::new(head), context)
    }

    /// The checks in the order of the generation; gives the method and the limit of the response.
    fn admit(
        &self,
        shape: &Shape<'_>,
        generation: Generation,
        parts: &http::request::Parts,
    ) -> Result<(Arc<HostedMethod>, Operation, Option<u64>), RpcError> {
        let requested = if generation.reads_budget_header() { budget::requested(&parts.headers)? } else { None };
        let (method, operation) = self.route(shape, generation, &parts.headers)?;
        Ok((method, operation, budget::tightest(budget::of_server(&parts.extensions), requested)))
    }

    /// Decodes the body and runs the call.
    async fn run<B>(
        &self,
        head: Box<CallHead>,
        body: Pin<&mut B>,
        context: &mut ResponseContext,
    ) -> Result<Reply, Box<FailedCall>>
    where
        B: HttpBody + Send,
        B::Error: Into<BoxError>,
    {
        let mut call = Call { input: self.decoder.decode(&head.parts, body).await?, head };
        let Call { head, input } = &mut call;
        match head.operation {
            Operation::Unary | Operation::Init => {
                request::check_envelope(&input.metadata, &head.method, head.generation)?;
            }
            Operation::Turn | Operation::Cancel => {
                (head.operation, head.tokens) = request::turn(&input.metadata);
                context.operation = head.operation;
            }
        }
        if let Some(record) = &context.record {
            record.dispatch(&call);
        }
        let reply = match &self.stack {
            Some(stack) => stack::run(stack.clone(), call).await,
            None => dispatcher::dispatch(call).await,
        };
        reply.map_err(FailedCall::from_box)
    }

    /// Which comes first, the route or the content type, differs between the generations.
    fn route(
        &self,
        shape: &Shape<'_>,
        generation: Generation,
        headers: &http::HeaderMap,
    ) -> Result<(Arc<HostedMethod>, Operation), RpcError> {
        let hosts = self.dispatcher.hosts();
        let found = if generation.content_type_before_route() {
            request::check_content_type(headers)?;
            shape.resolve(hosts)?
        } else {
            let found = shape.resolve(hosts)?;
            request::check_content_type(headers)?;
            found
        };
        request::check_content_encoding(headers)?;
        Ok(found)
    }
}

impl<B> Service<Request<B>> for RpcService
where
    B: HttpBody + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        let (parts, body) = request.into_parts();
        ResponseFuture::new(match self.inner.begin(parts) {
            Begun::Answered(response) => Box::pin(ready(response)),
            Begun::Refused(parts, context, error) => Box::pin(async move {
                let mut body = pin!(body);
                Drain::untouched(parts.version, &parts.headers, &*body).finish(body.as_mut()).await;
                context.failed(error.into())
            }),
            Begun::Admitted(head, context) => Box::pin(answer(self.inner.clone(), head, body, context)),
        })
    }
}

/// Runs a call, from its body to its response. Its future is allocated for every call.
#[allow(clippy::manual_async_fn)]
fn answer<B>(
    inner: Arc<Inner>,
    head: Box<CallHead>,
    body: B,
    mut context: ResponseContext,
) -> impl Future<Output = Response<Body>> + Send
where
    B: HttpBody + Send,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    // Not an `async fn`, which would keep room for its arguments twice.
    async move {
        let body = pin!(body);
        let replied = match inner.run(head, body, &mut context).await {
            Ok(reply) => context.reply(reply),
            Err(failed) => Replied::Now(context.failed(*failed)),
        };
        match replied {
            Replied::Now(response) => response,
            Replied::Later(response) => response.await,
        }
    }
}

impl Advertise for RpcService {
    fn advertise(&self, capabilities: &mut Capabilities) {
        // By this callers find out which generation is spoken here.
        if self.inner.generations.contains(Generation::Namespaced) {
            capabilities.set(ACCEPT_MAX_RESPONSE_BYTES_SUPPORT, TRUE);
        }
        capabilities.set(PRODUCER_STREAM, TRUE);
        capabilities.set(EXTERNALIZATION_ENABLED, HeaderValue::from_static("false"));
        capabilities.expose(super::response::RPC_ERROR);
        capabilities.expose(super::identity::REQUEST_ID);
        capabilities.expose(header::RETRY_AFTER);
    }
}

impl fmt::Debug for RpcService {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RpcService").field("protocols", &self.inner.dispatcher).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::{Method, Protocol};

    /// Allocators have pieces of up to a kilobyte at hand.
    #[test]
    fn the_future_of_a_call_is_small() {
        let method = Method::unary("add").handler(|_ctx, _params| async { Ok(1_i64) });
        let service = RpcService::builder().protocol(Protocol::new("P").method(method)).build().unwrap();
        let request = Request::post("/P/add").header("content-type", request::ARROW_STREAM).body(()).unwrap();
        let Begun::Admitted(head, context) = service.inner.begin(request.into_parts().0) else {
            panic!("not admitted")
        };
        let future = answer(service.inner.clone(), head, Body::empty(), context);
        let size = size_of_val(&future);
        assert!(size <= 1024, "{size}");
    }
}
