//! How often callers may call.
//!
//! Two layers, for what is known at two places:
//!
//! - [`RateLimitLayer`] looks at the address that a connection comes from, before anybody is asked who they are: 429 with
//!   `Retry-After`. In a stack it goes right outside of authentication, where it also slows down those who try
//!   credentials.
//! - [`CallRateLimitLayer`] is a call layer: it knows who calls what. `RESOURCE_EXHAUSTED` with a `RetryInfo`; a cancel
//!   always passes, since it may free what others wait for.
//!
//! ```
//! use tower_vgi::rpc::{Method, Protocol, RpcService};
//! use tower_vgi_layers::Stack;
//! use tower_vgi_layers::rate_limit::{CallRateLimitLayer, Rate, RateLimitLayer};
//! use tower_vgi_layers::stack::Place;
//!
//! let reports = Protocol::new("Reports").method(Method::unary("sum").handler(|_, _| async { Ok(7_i64) }));
//! let service = RpcService::builder()
//!     .protocol(reports.layer(CallRateLimitLayer::per_caller(Rate::per_second(5).burst(20))))
//!     .build()?;
//! let stack = Stack::builder(service)
//!     .outside(Place::Auth, RateLimitLayer::per_address(Rate::per_second(100)))
//!     .build()?;
//! # let _ = stack;
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```
//!
//! Limits are those of one process, counted by [`governor`](https://docs.rs/governor): whoever has used nothing for a
//! while may send a burst, and then as many as the rate says. Who has been quiet is forgotten. Half a million are counted
//! by themselves at the same time; those who come then share one count.

mod address;
mod call;
mod known;
mod limiter;
mod network;

pub use address::{RateLimit, RateLimitLayer};
pub use call::{CallRateLimit, CallRateLimitLayer};
pub use limiter::Rate;
