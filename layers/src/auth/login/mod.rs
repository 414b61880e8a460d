//! Lets people log in with their browser: the code flow of OAuth with PKCE, kept in sealed cookies.
//!
//! A `GET` of a browser that authentication refuses is sent to the identity provider, and comes back to
//! `…/_oauth/callback` with a code. The code is exchanged for a token, which the browser keeps in a cookie that only this
//! server can read; with later requests it takes the place of the `Authorization` header. `…/_oauth/logout` ends that.
//!
//! ```no_run
//! use tower_vgi::rpc::{Method, Protocol, RpcService, TokenKeys};
//! use tower_vgi_layers::Stack;
//! use tower_vgi_layers::auth::AuthLayer;
//! use tower_vgi_layers::auth::jwt::Jwt;
//! use tower_vgi_layers::auth::login::{Login, LoginLayer};
//! use tower_vgi_layers::stack::Place;
//!
//! # let reports = Protocol::new("Reports").method(Method::unary("sum").handler(|_, _| async { Ok(7_i64) }));
//! let keys = TokenKeys::new([7; 32]);
//! let login = Login::new("https://api.example.com/vgi", "https://login.example.com", "client-id")
//!     .client_secret("client-secret")
//!     .scopes(["openid", "email"])
//!     .use_id_token();
//! let jwt = Jwt::builder().issuer("https://login.example.com").audience("client-id").build()?;
//! let stack = Stack::builder(RpcService::builder().protocol(reports).token_keys(keys.clone()).build()?)
//!     .prefix("/vgi")
//!     .auth(AuthLayer::new(jwt))
//!     .outside(Place::Auth, LoginLayer::new(login, &keys)?)
//!     .build()?;
//! # let _ = stack;
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```
//!
//! # What protects it
//!
//! The state of a login that is under way (the verifier of PKCE, where to go afterwards, the time) is sealed into a
//! cookie of ten minutes, and the state that comes back has to be that of the same browser. Cookies are `HttpOnly`,
//! `SameSite=Lax`, of this host only, and `Secure` where the service is at `https`. `Lax` keeps pages of others from
//! calling with the cookie, since calls are `POST`. People are sent back to this service only. The token is not kept by
//! the server: when it has expired, or the server's key has changed, the browser logs in anew.

mod config;
mod cookies;
mod flow;
mod future;
mod provider;
mod service;

pub use config::{InvalidLogin, Login};
pub use future::ResponseFuture;
pub use service::{LoginLayer, LoginService};

#[cfg(test)]
mod tests;
