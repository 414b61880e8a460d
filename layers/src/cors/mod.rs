//! Calls from web pages of other origins.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! use http::{Request, Response};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use tower_vgi::{Body, Capabilities};
//! use tower_vgi_layers::cors::{AllowOrigin, CorsLayer};
//! use tower_vgi_layers::request_id::RequestIdLayer;
//!
//! let capabilities = Capabilities::new().with(&RequestIdLayer::new());
//! let cors = CorsLayer::new(AllowOrigin::list(["https://app.example"])?, &capabilities);
//! let service = ServiceBuilder::new().layer(RequestIdLayer::new()).layer(cors).service(service_fn(
//!     |_request: Request<Body>| async { Ok::<_, std::convert::Infallible>(Response::new(Body::empty())) },
//! ));
//!
//! let request = Request::post("/add").header("origin", "https://app.example").body(Body::empty())?;
//! let response = service.oneshot(request).await?;
//! assert_eq!(response.headers()["access-control-allow-origin"], "https://app.example");
//! let exposed = response.headers()["access-control-expose-headers"].to_str()?;
//! assert!(exposed.split(", ").any(|name| name == "x-request-id"));
//! # Ok(())
//! # }
//! ```
//!
//! Whatever a page needs of a response besides the body has to be exposed, which is why the layer takes
//! [`Capabilities`](tower_vgi::Capabilities): it exposes what all parts of the stack say that they send. Errors carry
//! the same headers as results, so that a page can read them.
//!
//! # Preflights
//!
//! Arrow is no media type that forms could send, so browsers ask before each call. Only that question, an `OPTIONS`
//! request with an `Origin` and an `Access-Control-Request-Method`, is answered here. Any other `OPTIONS` reaches the
//! service inside, since that is how clients discover what a server can do: tower-http's `CorsLayer`, which answers
//! them all, does not suit the protocol. A page may send whatever headers it asks for.
//!
//! Put the layer inside [`capabilities`](crate::capabilities), so that its own answers have these headers too, and
//! outside of everything that refuses requests: preflights come without credentials.
//!
//! # Origins that may not call
//!
//! Their requests are served like any other, without the headers that would let their pages read the response; it is
//! the browser that protects its user. Whether a response has these headers depends on the request, so that every
//! response says `Vary: Origin`, and caches keep them apart. Credentials of the browser's own, such as cookies, are
//! never asked for: callers send theirs in headers.

mod allow_origin;
mod layer;
mod service;
mod settings;

#[cfg(test)]
mod tests;

pub use allow_origin::{AllowOrigin, InvalidOrigin};
pub use layer::{CorsLayer, ResourcePolicy};
pub use service::{Cors, ResponseFuture};
