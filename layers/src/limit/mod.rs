//! How large requests and responses may be.
//!
//! [`RequestLimitLayer`] refuses a request body that is over the cap: before it is read when its
//! length is announced, and otherwise while it is read. [`ResponseLimitLayer`] tells the service
//! inside how large responses may become; the service keeps to it, since only it can say what to do
//! instead. Both tell callers, so that they can send less, or upload first.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! use http::{Request, Response, StatusCode};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use tower_vgi::{Body, ResponseBudget};
//! use tower_vgi_layers::limit::{LimitedBody, RequestLimitLayer, ResponseLimitLayer};
//!
//! let service = ServiceBuilder::new()
//!     .layer(RequestLimitLayer::new(4)?)
//!     .layer(ResponseLimitLayer::new(1 << 20)?)
//!     .service(service_fn(|request: Request<LimitedBody<Body>>| async move {
//!         let budget = request.extensions().get::<ResponseBudget>();
//!         assert_eq!(budget.and_then(|budget| budget.max_response_bytes), Some(1 << 20));
//!         Ok::<_, std::convert::Infallible>(Response::new(Body::empty()))
//!     }));
//!
//! let response = service.clone().oneshot(Request::new(Body::from("1234"))).await?;
//! assert_eq!(response.status(), StatusCode::OK);
//! let response = service.oneshot(Request::new(Body::from("12345"))).await?;
//! assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
//! # Ok(())
//! # }
//! ```
//!
//! The request limit counts bytes as they are sent. Put it outside
//! [`compression`](crate::compression), which has a cap of its own for what they become, and inside
//! [`health`](crate::health). A refused client that is still writing is heard out for a while, so that it
//! sees the answer and not a broken connection. Both layers may appear several times, as when an application
//! and its host each set a limit: the smallest counts.

mod request;
mod response;

use std::error::Error;
use std::fmt;

use http::{HeaderName, HeaderValue};
use tower_vgi::Capabilities;

pub use request::{LimitedBody, RequestLimit, RequestLimitLayer, ResponseFuture};
pub use response::{ResponseLimit, ResponseLimitLayer};

/// The largest limit: beyond it, JSON readers lose digits.
pub const MAX_LIMIT: u64 = (1 << 53) - 1;

/// A limit that is 0, or larger than [`MAX_LIMIT`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidLimit {
    name: &'static str,
    value: u64,
}

impl InvalidLimit {
    fn check(name: &'static str, value: u64) -> Result<u64, Self> {
        if (1..=MAX_LIMIT).contains(&value) { Ok(value) } else { Err(Self { name, value }) }
    }
}

impl fmt::Display for InvalidLimit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} must lie between 1 and {MAX_LIMIT}, {} does not", self.name, self.value)
    }
}

impl Error for InvalidLimit {}

/// Advertises the smallest of the limits under one name.
fn advertise(capabilities: &mut Capabilities, name: HeaderName, limit: u64) {
    let known = capabilities.headers().iter().find(|(known, _)| *known == name);
    let known = known.and_then(|(_, value)| value.to_str().ok()?.parse::<u64>().ok());
    let limit = known.map_or(limit, |known| known.min(limit));
    capabilities.set(name, HeaderValue::from(limit));
}
