//! Decides who calls, before a request's body is read and before anybody looks at what it asks for.
//!
//! [`AuthLayer`] asks an [`Authenticate`]: one of the providers here, a composition of them, or a closure of your own.
//! What it says becomes an [`AuthContext`](tower_vgi::AuthContext) in the request's extensions, which methods find as
//! `context.auth()`; the tokens of streams are bound to it. Whoever is refused gets a 401 that says why in a way that
//! programs can act on.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! use http::{Request, Response, StatusCode};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use tower_vgi::{AuthContext, Body};
//! use tower_vgi_layers::auth::{AuthLayer, BearerTokens};
//!
//! let tokens = BearerTokens::new([("s3cret", AuthContext::authenticated("bearer", "alice"))]);
//! let service = ServiceBuilder::new().layer(AuthLayer::new(tokens)).service(service_fn(
//!     |request: Request<Body>| async move {
//!         let caller = request.extensions().get::<AuthContext>().map(|caller| caller.principal.clone());
//!         Ok::<_, std::convert::Infallible>(Response::new(Body::from(caller.unwrap_or_default())))
//!     },
//! ));
//!
//! let request = Request::post("/add").header("authorization", "Bearer s3cret").body(Body::empty())?;
//! assert_eq!(service.clone().oneshot(request).await?.status(), StatusCode::OK);
//!
//! let response = service.oneshot(Request::post("/add").body(Body::empty())?).await?;
//! assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
//! assert_eq!(response.headers()["vgi-auth-reason"], "missing_credential");
//! # Ok(())
//! # }
//! ```
//!
//! # Providers
//!
//! | provider | feature | who calls |
//! |---|---|---|
//! | [`BearerTokens`], [`Bearer`] | `auth` | whoever knows a token: from a list, or as a function of yours says |
//! | [`ApiKeys`] | `auth` | whoever knows a key, in a header of its own |
//! | [`Jwt`](jwt::Jwt) | `auth-jwt` | whom an identity provider has given a token that it signed |
//! | [`Grants`](identity::Grants) | `auth-identity` | who holds a sealed grant, which this server has given for a job |
//! | [`ResolvedTokens`](identity::ResolvedTokens) | `auth-identity` | whose an opaque token is, as a resolver says |
//! | [`Mtls`](mtls::Mtls) | `auth-mtls` | whose client certificate was checked, by the server itself or by a proxy |
//! | [`ProxyProof`](proof::ProxyProof) | `auth-proxy-proof` | a [`Gate`]: only what has come through your own proxy |
//! | a closure, your own type | `auth` | as you say |
//!
//! [`oauth`] (`auth-oauth`) tells clients where they get a token, and [`login`] (`auth-login`) gets one for people who
//! come with a browser.
//!
//! # Composition
//!
//! [`chain`] tries one after the other, and the first that knows the caller counts. [`or_anonymous`] lets callers stay
//! unknown who send no credential. [`require_all`] puts a [`Gate`] in
//! front: a condition that has to hold whoever calls. A gate is no [`Authenticate`], so that it cannot become one
//! alternative among several by mistake:
//!
//! ```compile_fail
//! # use tower_vgi::AuthContext;
//! # use tower_vgi_layers::auth::{AuthLayer, BearerTokens, Gate, chain};
//! # fn layer(gate: impl Gate, tokens: BearerTokens) -> AuthLayer {
//! AuthLayer::new(chain(gate, tokens)) // does not compile: use require_all(gate, tokens)
//! # }
//! ```
//!
//! # Who is not asked
//!
//! `OPTIONS`, by which browsers and clients find out how to call, and `GET` and `HEAD` below `/health` and
//! `/.well-known`, which are for everybody. A `POST` there may be a call, and is treated as one.

mod anonymous;
mod answer;
mod api_key;
mod authenticate;
mod bearer;
mod chain;
mod credential;
mod error;
mod exempt;
mod future;
mod gate;
mod layer;
mod notice;
mod secrets;
mod service;
mod taken;

#[cfg(feature = "auth-outbound")]
mod outbound;
#[cfg(any(feature = "auth-oauth", feature = "auth-outbound"))]
mod private;

#[cfg(feature = "auth-identity")]
pub mod identity;
#[cfg(feature = "auth-jwt")]
pub mod jwt;
#[cfg(feature = "auth-login")]
pub mod login;
#[cfg(feature = "auth-mtls")]
pub mod mtls;
#[cfg(feature = "auth-oauth")]
pub mod oauth;
#[cfg(feature = "auth-proxy-proof")]
pub mod proof;

pub use anonymous::{OrAnonymous, or_anonymous};
pub use api_key::ApiKeys;
pub use authenticate::Authenticate;
pub use bearer::{Bearer, BearerTokens};
pub use chain::{Chain, chain};
pub use error::AuthError;
pub use future::ResponseFuture;
pub use gate::{Gate, RequireAll, RequireGate, require_all, require_gate};
pub use layer::AuthLayer;
pub use service::Auth;
pub use taken::BearerTaken;

/// The target of events about keys, tokens, logins and proofs.
pub const TARGET: &str = "tower_vgi::auth";

#[cfg(test)]
mod tests;
