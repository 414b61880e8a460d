//! Sticky sessions: callers come back to live objects that methods have bound to this process.
//!
//! A method opens a session with [`CallContext::open_session`](tower_vgi::rpc::CallContext::open_session) (see
//! [`tower_vgi::session`]). This layer gives its caller a token, and finds the session by it in later requests:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! use std::time::Duration;
//!
//! use http::{Method, Request};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_vgi::Body;
//! use tower_vgi::rpc::{self, Protocol, RpcService};
//! use tower_vgi_layers::sticky::StickyLayer;
//!
//! struct Counter(i64);
//!
//! let next = rpc::Method::unary("next").handler(|ctx, _| async move {
//!     if ctx.session_id().is_none() {
//!         ctx.open_session(Counter(0), Duration::from_secs(60))?;
//!     }
//!     let mut counter = ctx.session::<Counter>()?;
//!     counter.0 += 1;
//!     Ok(counter.0)
//! });
//! let service = RpcService::builder().protocol(Protocol::new("Counting").method(next)).build()?;
//! let service = ServiceBuilder::new().layer(StickyLayer::new(&service)).service(service);
//!
//! // Ending a session that is not there is no error, and tells nobody which ones are.
//! let request = Request::builder().method(Method::DELETE).uri("/__session__").body(Body::empty())?;
//! assert_eq!(service.oneshot(request).await?.status(), 200);
//! # Ok(())
//! # }
//! ```
//!
//! # On the wire
//!
//! | header | of | meaning |
//! |---|---|---|
//! | `VGI-Session-Accept: true` | request | the caller keeps tokens; without it no session can be opened |
//! | `VGI-Session` | request | the caller's session |
//! | `VGI-Session` | response | a session was opened: its token |
//! | `VGI-Echo-<name>` | response | with the token: send `<name>` with every request of the session |
//! | `VGI-Session-Close: true` | response | the session was closed |
//!
//! `DELETE /__session__` ends a session: 204, or 200 where there is none.
//!
//! A request whose session is not there is refused with the error `SessionLostError` (kind `session_lost`), and no method
//! runs: the token is damaged, another caller's, another worker's, or its session has expired or was closed. Nothing is
//! opened in its place; what to do is for the caller to decide.
//!
//! Requests without these headers pass as they are.
//!
//! # More than one worker
//!
//! A session lives in one process, so that its requests have to reach that one: by a load balancer that keeps them
//! together, or by [echo headers](StickyLayer::echo_headers), which have the caller say where to ([`fly`] has them for
//! Fly.io). Give all workers the same [token keys](tower_vgi::rpc::RpcServiceBuilder::token_keys), so that a request that
//! went astray says so.
//!
//! # Where it stands
//!
//! Inside of whatever says who calls, since a session belongs to its caller, and of compression; around nothing but the
//! core. [`serve`](mod@crate::serve) drains sessions at the end; see [`StickyLayer::drain_handle`] for other servers.

mod echo;
pub mod fly;
mod future;
mod layer;
mod service;
mod token;

pub use future::ResponseFuture;
pub use layer::{DEFAULT_TIME_TO_LIVE, StickyLayer};
pub use service::Sticky;

#[cfg(test)]
mod tests;
