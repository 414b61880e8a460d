//! Pages for people: what the server is, what its methods take, and what is not there.
//!
//! | page | route | shown |
//! |---|---|---|
//! | landing | `GET /` | who the server is, and how to call it |
//! | describe | `GET /describe` | every method: documentation, parameters, schemas, and how to call it from Python and Rust |
//! | not found | any path at which the service has nothing | where to go instead, with status 404 |
//!
//! `HEAD` has the headers of `GET`. Each page can be switched off; the describe page is also off where
//! [`ServiceInfo::describe`](tower_vgi::ServiceInfo) is, and so is then what the landing page says of methods.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! use http::Request;
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_vgi::Body;
//! use tower_vgi::rpc::{Method, Protocol, RpcService};
//! use tower_vgi_layers::pages::PagesLayer;
//!
//! let greeter = Protocol::new("Greeter").doc("Greets people.").method(
//!     Method::unary("greet")
//!         .parameter::<String>("name")
//!         .handler(|_ctx, params| async move { Ok(format!("Hello, {}!", params.get::<String>(0)?)) }),
//! );
//! let service = RpcService::builder().protocol(greeter).build()?;
//! let pages = PagesLayer::new(service.info()).repository("https://git.example/greeter")?;
//! let service = ServiceBuilder::new().layer(pages).service(service);
//!
//! let response = service.oneshot(Request::get("/describe").body(Body::empty())?).await?;
//! assert_eq!(response.status(), 200);
//! assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
//! # Ok(())
//! # }
//! ```
//!
//! # What reaches the service all the same
//!
//! `OPTIONS` of the two routes, by which clients and browsers discover what a server can do, and a `POST` of
//! `/describe` where the service has a flat method of that name. Other verbs are answered with 405 while the
//! page is on.
//!
//! # What is not found
//!
//! A response that the service marked with [`NotFound`](tower_vgi::rpc::NotFound) gets the page for its body. Clients
//! of the protocol, known by their content type, never see it: they read Arrow. For a path that has the form of a
//! method's route the service answers other verbs than `POST` with 405, as clients expect; a `GET` by a browser, one
//! that accepts `text/html`, is told there that nothing is to be found.
//!
//! # What the pages are made of
//!
//! One document each, with its style and script inside, and nothing from elsewhere: they work without a network, and
//! their `Content-Security-Policy` allows exactly these. Whatever comes from the service or the request is escaped.
//! Links begin with the [`MountPrefix`](tower_vgi::MountPrefix); the address in the examples is the one that the request
//! was sent to, with the scheme of `X-Forwarded-Proto` where a proxy says so.

mod address;
mod answer;
mod assets;
mod catalog;
mod document;
mod future;
mod layer;
mod prose;
mod service;
mod site;
mod snippet;
mod templates;

#[cfg(test)]
mod tests;

pub use future::ResponseFuture;
pub use layer::{InvalidRepository, PagesLayer};
pub use service::Pages;
