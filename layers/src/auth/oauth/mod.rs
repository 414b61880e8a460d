//! What clients have to know to get a token: the metadata document of RFC 9728, and the challenge that leads to it.
//!
//! ```
//! use tower_vgi::rpc::RpcService;
//! # use tower_vgi::rpc::{Method, Protocol};
//! use tower_vgi_layers::Stack;
//! use tower_vgi_layers::auth::oauth::ResourceMetadata;
//! use tower_vgi_layers::auth::{AuthLayer, BearerTokens};
//!
//! # let reports = Protocol::new("Reports").method(Method::unary("sum").handler(|_, _| async { Ok(7_i64) }));
//! let metadata = ResourceMetadata::new("https://api.example.com/vgi", ["https://login.example.com"])
//!     .scopes(["openid", "reports:read"])
//!     .client_id("desktop");
//! let stack = Stack::builder(RpcService::builder().protocol(reports).build()?)
//!     .prefix("/vgi")
//!     .auth(AuthLayer::new(BearerTokens::default()))
//!     .oauth(metadata)
//!     .build()?;
//! // GET /.well-known/oauth-protected-resource/vgi, and `WWW-Authenticate` with every 401.
//! # let _ = stack;
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```

mod metadata;
mod service;

pub use metadata::{InvalidMetadata, ResourceMetadata};
pub use service::{ResourceMetadataLayer, ResourceMetadataService};

/// Where the document is on the host; what a server is mounted at follows.
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";
