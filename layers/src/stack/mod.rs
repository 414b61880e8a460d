//! All layers assembled, in the order that works.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! use http::Request;
//! use tower::ServiceExt;
//! use tower_vgi::Body;
//! use tower_vgi::rpc::{Method, Protocol, RpcService};
//! use tower_vgi_layers::Stack;
//! use tower_vgi_layers::cors::AllowOrigin;
//!
//! let greet = Method::unary("greet")
//!     .parameter::<String>("name")
//!     .handler(|_context, params| async move { Ok(format!("Hello, {}!", params.get::<String>(0)?)) });
//! let service = RpcService::builder().protocol(Protocol::new("Greeter").method(greet)).build()?;
//!
//! let stack = Stack::builder(service)
//!     .prefix("/vgi")
//!     .max_request_bytes(16 << 20)
//!     .cors(AllowOrigin::list(["https://app.example"])?)
//!     .build()?;
//!
//! let response = stack.oneshot(Request::get("/vgi/health").body(Body::empty())?).await?;
//! assert_eq!(response.headers()["vgi-max-request-bytes"], "16777216");
//! # Ok(())
//! # }
//! ```
//!
//! A [`Stack`] is a `tower::Service` over requests with any body, which never fails: run it with [`Stack::serve`], give
//! it to hyper, nest it in an axum router, or call it in a test. Its type does not depend on what is in it.
//!
//! # What is in it
//!
//! [`Stack::new`] has what a default deployment needs: an id for each request, tracing, capabilities on every response,
//! an answer where something panics, health, a minimum rate for request bodies, compression, and pages. Limits,
//! CORS, sessions and a prefix are there once they are configured. Whatever is in it is said to callers; what is left out costs
//! a branch.
//!
//! # Making it yours
//!
//! The layers stand in the order of [`Place`], whose documentation says why. At each place a layer of your own may go
//! right [`outside`](StackBuilder::outside), [`replace`](StackBuilder::replace) the one that belongs there, or leave it
//! [`without`](StackBuilder::without) any. Every layer that makes a service of HTTP requests fits ([`HttpLayer`]):
//!
//! ```
//! # use tower_vgi::rpc::{Method, Protocol, RpcService};
//! # use tower_vgi_layers::Stack;
//! use std::time::Duration;
//!
//! use tower::timeout::TimeoutLayer;
//! use tower_vgi_layers::stack::Place;
//!
//! # let service = RpcService::builder().protocol(Protocol::new("Greeter")).build()?;
//! let stack = Stack::builder(service)
//!     .outside(Place::Auth, TimeoutLayer::new(Duration::from_secs(60)))
//!     .without(Place::Pages)
//!     .build()?;
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```
//!
//! Nothing here is more than these layers and tower: where an order of your own or types without a box are worth more,
//! use `tower::ServiceBuilder`, and hand [`CapabilitiesLayer`](crate::capabilities::CapabilitiesLayer) what the layers
//! advertise.
mod assemble;
mod builder;
mod error;
mod layer;
mod place;
mod slot;

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use tower_service::Service;
use tower_vgi::rpc::{RpcService, ServiceInfo};
use tower_vgi::session::DrainHandle;
use tower_vgi::{Body, BoxError, Capabilities};

use crate::readiness::Readiness;
use layer::BoxHttpService;

pub use builder::StackBuilder;
pub use error::StackError;
pub use layer::{HttpLayer, Next, NextFuture};
pub use place::Place;

/// A server with layers around it. See the [module](self).
#[derive(Clone)]
pub struct Stack {
    service: BoxHttpService,
    about: Arc<About>,
}

/// What a stack knows of itself.
struct About {
    info: Arc<ServiceInfo>,
    capabilities: Capabilities,
    readiness: Readiness,
    drain_handle: DrainHandle,
    /// The storage and the prefix under which it is served.
    #[cfg(all(feature = "local-storage", feature = "serve"))]
    local_storage: Option<(crate::local_storage::LocalStorage, String)>,
}

impl Stack {
    /// The stack of a default deployment around `service`.
    ///
    /// # Errors
    ///
    /// None at present: a default configuration has no mistakes.
    pub fn new(service: RpcService) -> Result<Self, StackError> {
        Self::builder(service).build()
    }

    /// Begins the description of a stack around `service`.
    pub fn builder(service: RpcService) -> StackBuilder {
        StackBuilder::new(service)
    }

    /// What the server is.
    pub fn info(&self) -> &Arc<ServiceInfo> {
        &self.about.info
    }

    /// What the server says it can do.
    pub fn capabilities(&self) -> &Capabilities {
        &self.about.capabilities
    }

    /// What `/health/ready` asks; whoever runs the server tells it when a drain begins.
    pub fn readiness(&self) -> &Readiness {
        &self.about.readiness
    }

    /// Ends the server's sessions; for whoever runs the server.
    pub fn drain_handle(&self) -> &DrainHandle {
        &self.about.drain_handle
    }

    /// Runs the stack on a socket. A drain makes `/health/ready` say so, and lets callers end their sessions.
    #[cfg(feature = "serve")]
    pub fn serve(self) -> crate::serve::Serve<Self> {
        let (readiness, sessions) = (self.readiness().clone(), self.drain_handle().clone());
        #[cfg(feature = "local-storage")]
        let local_storage = self.about.local_storage.clone();
        let serve = crate::serve(self).readiness(readiness).drain_handle(sessions);
        #[cfg(feature = "local-storage")]
        let serve = serve.on_bound(move |url| {
            if let Some((storage, prefix)) = local_storage {
                storage.found_at(&format!("{url}{prefix}"));
            }
        });
        serve
    }
}

impl<B> Service<Request<B>> for Stack
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = StackFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> StackFuture {
        StackFuture(self.service.call(request.map(Body::new)))
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Stack").field("info", &self.about.info).finish_non_exhaustive()
    }
}

/// The future of [`Stack`].
pub struct StackFuture(<BoxHttpService as Service<Request<Body>>>::Future);

impl Future for StackFuture {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: std::pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for StackFuture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("StackFuture")
    }
}

#[cfg(test)]
mod tests;
