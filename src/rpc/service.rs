//! [`RpcService`]: the HTTP face of a server.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{HeaderValue, Method, Request, Response, header};
use http_body::Body as HttpBody;
use tower_service::Service;

use super::budget;
use super::builder::RpcServiceBuilder;
use super::call::{Call, Operation, Reply};
use super::dispatcher::{Dispatcher, HostedMethod};
use super::failed_call::FailedCall;
use super::generation::{Generation, Generations};
use super::handler::BoxFuture;
use super::identity::Identity;
use super::info::ServiceInfo;
use super::plain;
use super::request::{self, RequestDecoder};
use super::response::ResponseContext;
use super::route::{self, Shape};
use super::stack::{self, BoxCallService};
use crate::drain::Drain;
use crate::headers::{
    ACCEPT_MAX_RESPONSE_BYTES_SUPPORT, ACCEPT_PRODUCER_STREAM, EXTERNALIZATION_ENABLED, PRODUCER_STREAM,
};
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

    /// The protocols and methods.
    pub fn dispatcher(&self) -> &Dispatcher {
        &self.inner.dispatcher
    }
}

impl Inner {
    async fn respond<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: HttpBody + Send,
        B::Error: Into<BoxError>,
    {
        let hosts = self.dispatcher.hosts();
        let (parts, body) = request.into_parts();
        let uri = parts.uri.clone();
        let shape = route::shape(uri.path(), hosts, self.generations);
        let generation = match shape.generation() {
            Some(generation) => generation,
            // A client of the protocol reads Arrow, wherever it went.
            None if parts.method == Method::POST && request::is_arrow(&parts.headers) => Generation::Namespaced,
            None => return plain::not_found(),
        };
        if parts.method != Method::POST {
            let mut response = plain::other_verb(&parts.method, &shape, hosts);
            // Callers find out by OPTIONS which generation is spoken here; a layer may have more to say.
            if parts.method == Method::OPTIONS && self.generations.contains(Generation::Namespaced) {
                response.headers_mut().insert(ACCEPT_MAX_RESPONSE_BYTES_SUPPORT, TRUE);
            }
            return response;
        }
        if plain::is_token_introspection(&shape, &parts.headers) {
            return plain::token_introspection_disabled();
        }
        let identity = Identity::of_request(&self.server_id, &parts.headers);
        let mut context = ResponseContext {
            identity,
            origin: String::new(),
            method: String::new(),
            generation,
            operation: Operation::Unary,
            tracebacks: self.tracebacks,
            streamed: parts.headers.get(ACCEPT_PRODUCER_STREAM).is_some_and(|value| value == "true"),
            limit: None,
        };
        let (method, limit) = match self.admit(&shape, generation, &mut context, &parts) {
            Ok(admitted) => admitted,
            Err(error) => {
                context.origin = uri.path().trim_start_matches('/').to_owned();
                let drain = Drain::untouched(parts.version, &parts.headers, &body);
                drain.finish(std::pin::pin!(body)).await;
                return context.failed(error.into());
            }
        };
        context.limit = limit;
        match self.call(parts, body, method, limit, &mut context).await {
            Ok(reply) => context.reply(reply).await,
            Err(failed) => context.failed(*failed),
        }
    }

    /// The checks that need no body, in the order of the generation; gives the method and the response limit.
    fn admit(
        &self,
        shape: &Shape<'_>,
        generation: Generation,
        context: &mut ResponseContext,
        parts: &http::request::Parts,
    ) -> Result<(Arc<HostedMethod>, Option<u64>), RpcError> {
        let requested = if generation.reads_budget_header() { budget::requested(&parts.headers)? } else { None };
        let (method, operation) = self.route(shape, generation, &parts.headers)?;
        context.operation = operation;
        context.method.clone_from(&method.description.name);
        context.origin = format!("{}/{}", method.protocol, method.description.name);
        Ok((method, budget::tightest(budget::of_server(&parts.extensions), requested)))
    }

    async fn call<B>(
        &self,
        parts: http::request::Parts,
        body: B,
        method: Arc<HostedMethod>,
        limit: Option<u64>,
        context: &mut ResponseContext,
    ) -> Result<Reply, Box<FailedCall>>
    where
        B: HttpBody + Send,
        B::Error: Into<BoxError>,
    {
        let input = self.decoder.decode(&parts, body).await?;
        let tokens = match context.operation {
            Operation::Unary | Operation::Init => {
                request::check_envelope(&input.metadata, &method, context.generation)?;
                Default::default()
            }
            Operation::Turn | Operation::Cancel => {
                let (operation, tokens) = request::turn(&input.metadata);
                context.operation = operation;
                tokens
            }
        };
        let call = Call {
            method,
            generation: context.generation,
            operation: context.operation,
            tokens,
            identity: context.identity.clone(),
            limit,
            input,
            parts,
        };
        let reply = match &self.stack {
            Some(stack) => stack::run(stack, call).await,
            None => self.dispatcher.dispatch(call).await,
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
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let inner = self.inner.clone();
        Box::pin(async move { Ok(inner.respond(request).await) })
    }
}

impl Advertise for RpcService {
    fn advertise(&self, capabilities: &mut Capabilities) {
        capabilities.set(ACCEPT_MAX_RESPONSE_BYTES_SUPPORT, TRUE);
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
