//! Lets people log in with their browser: the code flow of OAuth with PKCE, kept in sealed cookies.
//!
//! A `GET` of a browser that authentication refuses is sent to the identity provider, and comes back to
//! `…/_oauth/callback` with a code. The code is exchanged for a token, which the browser keeps in a cookie that only this
//! server can read; with later requests it takes the place of the `Authorization` header. `…/_oauth/logout` ends that, with a
//! page that asks nobody to log in; the login after it lets people choose who they are.
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
//! `SameSite=Lax`, of this host only, and `Secure` where the service is at `https`. `Lax` keeps pages of other sites from
//! calling with the cookie, since calls are `POST`; hosts below the same domain are no other site. They can set cookies
//! beside these too: where a service has a host to itself, at its root, browsers are told to take no such cookie
//! (`__Host-`), and elsewhere none counts of two that differ. Below a domain that strangers have hosts of, give a service a
//! host to itself.
//!
//! People are sent back to this service only, and to pages that are named. The token is not kept by the server: when it has
//! expired, or the server's key has changed, the browser logs in anew.
//!
//! A token that is refused right after the login, such as when it was made for another audience than the one that
//! authentication expects, ends in a page that says why. The provider would otherwise give the next one without asking,
//! and the browser go in circles. Another cookie, `_vgi_login`, says for a minute that there was a login, so that this does
//! not depend on whether the browser has kept the token. Requests with an `Authorization` of their own are sent to no login:
//! the cookie would not count.
//!
//! Scripts see one cookie, `_vgi_identity`: base64url of a JSON object with the `sub`, `email`, `preferred_username`,
//! `name` and `picture` of the `id_token`, for pages to show. It lets nobody in.
//!
//! Anybody can begin logins and come back to `…/_oauth/callback` with made-up codes, each of which asks the provider. 64 at
//! the same time do; to bound how often one address does, put a `RateLimitLayer` outside of the layer here:
//! `.outside(Place::Auth, rate_limit).outside(Place::Auth, login)`. Of two layers at a place the one that is named first is
//! outside.
//!
//! # Pages on other hosts
//!
//! [`Login::frontends`] names pages on other hosts that may have tokens. They send people here with
//! `?_vgi_return_to=<URL>`, and get them back with `#token=…`, once authentication has found the token good; what is behind
//! `#` is sent to no server. After a login `client_id=…` comes with it, and, where tokens can be renewed,
//! `refresh_token=…&token_endpoint=…`; who was logged in already brings the token only. The client's secret is never there.
//! What the URL itself has behind `#` may say where in the page, and has none of `=`, `&`, `;` and `%`.
//!
//! Such a page should look at what comes back once, take it out of its address, and put something of its own that nobody can
//! guess into the query of its URL, by which it knows that it has sent these people itself: anybody can make up an address
//! with a token of theirs. To call the service it has to be allowed by the layer of `cors` as well. Google gives a refresh
//! token because it is asked with `access_type=offline`; most others want `offline_access` among the
//! [scopes](Login::scopes).
//!
//! So that tokens can be renewed without it, [`Login::exchange_tokens`] answers `POST …/_oauth/token`, which adds the
//! secret and asks the provider's token endpoint: for a code with its verifier, or for a refresh token, and nothing else.
//! Scopes are at most those that people are asked for. Both what is sent on and what comes back is put together from known
//! members. Forms are small and few are exchanged at the same time; a rate limit outside bounds these as well. Pages of
//! other origins than the frontends' and the service's own are refused. Clients find it in the metadata, which name it only
//! where it is there:
//!
//! ```no_run
//! use tower_vgi_layers::auth::login::Login;
//! # use tower_vgi_layers::auth::login::InvalidLogin;
//!
//! let login = Login::new("https://api.example.com/vgi", "https://login.example.com", "client-id")
//!     .client_secret("client-secret")
//!     .frontends(["https://ui.example.com/reports"])
//!     .exchange_tokens();
//! let endpoint = login.token_endpoint();
//! # // Without the feature of the metadata this example is still one.
//! # #[cfg(feature = "auth-oauth")]
//! let metadata = tower_vgi_layers::auth::oauth::ResourceMetadata::new(
//!     "https://api.example.com/vgi",
//!     ["https://login.example.com"],
//! )
//! .client_id("client-id")
//! .token_endpoint(endpoint);
//! ```

mod claims;
mod config;
mod cookies;
mod destination;
mod exchange;
mod flow;
mod form;
mod frontends;
mod future;
mod hand_on;
mod identity;
mod latest;
mod leave;
mod page;
mod provider;
mod service;
mod session;
mod visit;

pub use config::{InvalidLogin, Login};
pub use future::ResponseFuture;
pub use service::{LoginLayer, LoginService};

#[cfg(test)]
mod tests;
