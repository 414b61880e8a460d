//! Calls to any vgi-rpc server, of either wire generation and in any language.
//!
//! A [`Channel`] sends requests through any `tower::Service`: a pool of connections ([`Channel::connect`]), a server in
//! the same process ([`Channel::in_process`]), or whatever you stack with tower ([`ChannelBuilder::service`]). Typed
//! proxies, which `#[service]` writes, are thin over it; so are calls by name.
//!
//! ```
//! # #[cfg(feature = "server")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use tower_vgi::Result;
//! use tower_vgi::client::{Channel, UseDefault};
//! use tower_vgi::rpc::RpcService;
//!
//! #[tower_vgi::service]
//! trait Greeter {
//!     async fn greet(&self, name: String, #[default("Hello")] greeting: String) -> Result<String>;
//! }
//!
//! struct Friendly;
//!
//! impl Greeter for Friendly {
//!     async fn greet(&self, name: String, greeting: String) -> Result<String> {
//!         Ok(format!("{greeting}, {name}!"))
//!     }
//! }
//!
//! let service = RpcService::builder().protocol(GreeterServer::new(Friendly)).build()?;
//! // Without a socket; over one it is `GreeterClient::connect("http://localhost:8080").await?`.
//! let client = GreeterClient::new(Channel::in_process(service));
//! assert_eq!(client.greet("Ada".to_owned(), UseDefault).await?, "Hello, Ada!");
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "server"))]
//! # fn main() {}
//! ```
//!
//! # Generations
//!
//! Which form of the wire a server speaks is asked once a channel, before its first call, or told with
//! [`ChannelBuilder::generation`].
//!
//! # Errors
//!
//! Everything fails with an [`RpcError`](crate::RpcError): the server's own, with its type, message, kind, code, details
//! and traceback; `ConnectionError` and `TimeoutError` where nothing came; `HttpError` where something else than an
//! answer of the protocol came; `AuthenticationError` for a 401. See its `is_…` methods.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod answer;
mod argument;
mod builder;
mod call;
mod capabilities;
mod channel;
mod connect;
mod details;
mod envelope;
mod exchange;
mod external;
mod introspect;
#[cfg_attr(not(feature = "client-otel"), path = "no_otel.rs")]
mod otel;
mod outgoing;
mod producer;
mod resource;
mod response;
mod resume;
mod retry;
mod rows;
mod service;
mod session;
mod time;
mod token;
pub(crate) mod typed;
mod upload;
mod zstd;

pub use argument::{Argument, UseDefault};
pub use builder::ChannelBuilder;
pub use call::MethodCall;
pub use capabilities::{ServerCapabilities, capabilities};
pub use channel::Channel;
pub use connect::{Connection, ConnectionLost};
pub use details::MethodDetails;
pub use exchange::ExchangeStream;
pub use introspect::{DescribedMethod, DescribedProtocol, ServiceDescription, introspect};
pub use producer::ProducerStream;
pub use resource::{ProtectedResource, protected_resource, protected_resource_of_any_url};
pub use resume::ResumeToken;
pub use retry::RetryPolicy;
pub use rows::{RowExchange, RowStream};
pub use service::HttpService;
pub use session::{Session, SessionClient};
pub use token::TokenSource;
pub use typed::{FromHeader, FromResult, TypedCall};
pub use upload::request_upload_urls;

pub use crate::generation::Generation;
pub use crate::log::{LogLevel, LogMessage};
pub use crate::method::{MethodDescription, MethodKind, Parameter};
pub use crate::type_name::type_name;
pub use crate::upload_url::UploadUrl;
