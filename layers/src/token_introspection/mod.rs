//! Whose a credential is, for gateways of the flat generation: `POST /__introspect_token__`, in JSON.
//!
//! Releases 0.36 to 0.44 of the reference ask so; later ones call the [identity protocol](tower_vgi::identity). Both can
//! be answered by the same [`Introspection`](tower_vgi::identity::Introspection), with the same checks. A server without this layer answers `not_enabled`.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! use http::{Request, Response};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use tower_vgi::identity::{IdentityError, Introspection, TokenIdentity};
//! use tower_vgi::{AuthContext, Body};
//! use tower_vgi_layers::token_introspection::TokenIntrospectionLayer;
//!
//! let known = |token: &str| {
//!     let found = (token == "tok_1").then(|| TokenIdentity::new("alice"));
//!     async move { found.ok_or_else(IdentityError::unresolved) }
//! };
//! let service = ServiceBuilder::new()
//!     .layer(TokenIntrospectionLayer::new(Introspection::new([("bearer", "gateway")], known)?))
//!     .service(service_fn(async |_: Request<Body>| Ok::<_, std::convert::Infallible>(Response::new(Body::empty()))));
//!
//! let mut request = Request::post("/__introspect_token__").body(Body::from(r#"{"token":"tok_1"}"#))?;
//! request.extensions_mut().insert(AuthContext::authenticated("bearer", "gateway"));
//! assert_eq!(service.oneshot(request).await?.status(), 200);
//! # Ok(())
//! # }
//! ```
//!
//! | answer | |
//! |---|---|
//! | 200 `{"principal", "token_name", "ttl_seconds"}` | whose it is, and how long that may be kept |
//! | 403 `not_an_introspector` | the caller may not ask; nothing of the request was looked at |
//! | 404 `unresolved` | nobody's: unknown, expired, malformed, too long, or like a JSON Web Token |
//! | 503 `unavailable` with `Retry-After` | nobody can tell now |
//! | 400 `unreadable_request` | the request broke off, which says nothing of the credential; where a layer outside has refused its body, that layer's answer |
//!
//! There is no 429: gateways ask for all who come to them, so that a limit here would be one for all of them together.
//! Limit callers where they come in.
//!
//! Everything else goes to the service inside. Put the layer inside of whatever decides who may call, and of what limits
//! requests; in a [`Stack`](crate::Stack) that is `StackBuilder::token_introspection`. It is for servers that serve flat
//! routes: on any other the stack takes it for a mistake. Events of `tracing` name the
//! caller and a digest of the credential, never the credential.

mod answer;
mod layer;
mod service;
#[cfg(test)]
mod tests;

pub use layer::TokenIntrospectionLayer;
pub use service::TokenIntrospection;

/// The target of events about requests that cannot be read. Who has asked for what is told by the core, with the target
/// [`identity::TARGET`](tower_vgi::identity::TARGET).
pub const TARGET: &str = "tower_vgi::token_introspection";
