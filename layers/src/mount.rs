//! Serves everything under a path prefix.
//!
//! The prefix is taken off once, at the outside: layers and services inside see paths that start
//! at `/`, and find the prefix in the request's extensions as [`MountPrefix`], for links and cookies.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! use http::{Request, Response, StatusCode};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use tower_vgi::Body;
//! use tower_vgi_layers::mount::MountLayer;
//!
//! let service = ServiceBuilder::new().layer(MountLayer::new("/vgi")?).service(service_fn(
//!     |request: Request<Body>| async move {
//!         assert_eq!(request.uri().path(), "/Calculator/add");
//!         Ok::<_, std::convert::Infallible>(Response::new(Body::empty()))
//!     },
//! ));
//!
//! let inside = Request::post("/vgi/Calculator/add").body(Body::empty())?;
//! assert_eq!(service.clone().oneshot(inside).await?.status(), StatusCode::OK);
//!
//! let outside = Request::post("/vgi2/Calculator/add").body(Body::empty())?;
//! assert_eq!(service.oneshot(outside).await?.status(), StatusCode::NOT_FOUND);
//! # Ok(())
//! # }
//! ```
//!
//! A path outside the prefix is answered with 404, unless it is below `/.well-known`: such documents are of the host, so
//! that their paths pass as they are. In an axum router, `nest_service` takes the
//! prefix off itself; insert a [`MountPrefix`] there in place of this layer.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{Request, Response, StatusCode, Uri};
use http_body::Body as HttpBody;
use tower_layer::Layer;
use tower_service::Service;
use tower_vgi::{Advertise, BoxError, Capabilities, MountPrefix};

use crate::response::{ResponseBody, ResponseFuture, json_error};

/// Takes a path prefix off each request. See the [module](self).
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct MountLayer {
    prefix: Arc<str>,
}

impl MountLayer {
    /// Serves under `prefix`, such as `/vgi`. The empty prefix, or `/`, leaves requests alone.
    ///
    /// # Errors
    ///
    /// When the prefix does not begin with `/`, ends with one, has an empty, `.` or `..` segment, or
    /// holds a character that does not stand for itself in a path.
    pub fn new(prefix: impl AsRef<str>) -> Result<Self, InvalidPrefix> {
        let prefix = prefix.as_ref();
        if prefix == "/" {
            return Ok(Self { prefix: Arc::from("") });
        }
        match problem(prefix) {
            None => Ok(Self { prefix: Arc::from(prefix) }),
            Some(problem) => Err(InvalidPrefix { prefix: prefix.to_owned(), problem }),
        }
    }

    /// The prefix, without a slash at its end.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
}

impl<S> Layer<S> for MountLayer {
    type Service = Mount<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Mount { inner, prefix: self.prefix.clone() }
    }
}

impl Advertise for MountLayer {
    fn advertise(&self, _capabilities: &mut Capabilities) {}
}

/// Why a prefix cannot be mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidPrefix {
    prefix: String,
    problem: &'static str,
}

impl fmt::Display for InvalidPrefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "the mount prefix {:?} {}; write it like \"/vgi\", or \"\" for none",
            self.prefix, self.problem
        )
    }
}

impl Error for InvalidPrefix {}

/// The service that [`MountLayer`] makes.
#[derive(Clone, Debug)]
pub struct Mount<S> {
    inner: S,
    prefix: Arc<str>,
}

impl<S> Mount<S> {
    inner_service_accessors!();
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Mount<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: HttpBody<Data = Bytes>,
    ResBody::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        if !self.prefix.is_empty() {
            match strip(request.uri(), &self.prefix) {
                Some(uri) => *request.uri_mut() = uri,
                None if request.uri().path().starts_with("/.well-known/") => {}
                None => return ResponseFuture::own(json_error(StatusCode::NOT_FOUND)),
            }
            let prefix = match request.extensions().get::<MountPrefix>() {
                // Mounted inside something that is mounted itself: links need both parts.
                Some(MountPrefix(outer)) => Arc::from(format!("{outer}{}", self.prefix)),
                None => self.prefix.clone(),
            };
            request.extensions_mut().insert(MountPrefix(prefix));
        }
        ResponseFuture::inner(self.inner.call(request))
    }
}

/// The address without the prefix; `None` when the path does not lie under it.
fn strip(uri: &Uri, prefix: &str) -> Option<Uri> {
    let rest = uri.path().strip_prefix(prefix)?;
    if !(rest.is_empty() || rest.starts_with('/')) {
        return None;
    }
    let path = if rest.is_empty() { "/" } else { rest };
    let target = match uri.query() {
        Some(query) => PathAndQuery::try_from(format!("{path}?{query}")),
        None => PathAndQuery::try_from(path),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(target.ok()?);
    Uri::from_parts(parts).ok()
}

fn problem(prefix: &str) -> Option<&'static str> {
    if prefix.is_empty() {
        return None;
    }
    let Some(segments) = prefix.strip_prefix('/') else {
        return Some("does not begin with \"/\"");
    };
    for segment in segments.split('/') {
        if segment.is_empty() {
            return Some("ends with \"/\" or has an empty segment");
        }
        if segment == "." || segment == ".." {
            return Some("has a relative segment");
        }
        if !segment.bytes().all(stands_for_itself) {
            return Some("holds a character that has to be escaped in a path");
        }
    }
    None
}

/// RFC 3986 `pchar` without percent escapes: clients may escape a character or not, and only these compare by byte.
fn stands_for_itself(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use tower::{ServiceExt, service_fn};
    use tower_vgi::Body;

    async fn seen(prefix: &str, target: &str) -> Option<(String, Option<String>)> {
        let service = MountLayer::new(prefix).unwrap().layer(service_fn(async |request: Request<Body>| {
            let mut response = Response::new(Body::empty());
            let prefix = request.extensions().get::<MountPrefix>().map(|prefix| prefix.0.to_string());
            response.extensions_mut().insert((request.uri().to_string(), prefix));
            Ok::<_, Infallible>(response)
        }));
        let response = service.oneshot(Request::get(target).body(Body::empty()).unwrap()).await.unwrap();
        response.extensions().get::<(String, Option<String>)>().cloned()
    }

    #[tokio::test]
    async fn the_prefix_is_taken_off_once_and_the_query_stays() {
        let mounted = |path: &str| Some((path.to_owned(), Some("/vgi".to_owned())));
        assert_eq!(seen("/vgi", "/vgi/add").await, mounted("/add"));
        assert_eq!(seen("/vgi", "/vgi/vgi/add?x=/vgi/").await, mounted("/vgi/add?x=/vgi/"));
        assert_eq!(seen("/vgi", "/vgi").await, mounted("/"));
        assert_eq!(seen("/vgi", "/vgi/").await, mounted("/"));
        assert_eq!(seen("/vgi", "/vgi?a=1").await, mounted("/?a=1"));
        assert_eq!(seen("/vgi", "/vgi/a%2Fb").await, mounted("/a%2Fb"));
        assert_eq!(seen("/vgi", "http://example.org/vgi/add").await, mounted("http://example.org/add"));
    }

    #[tokio::test]
    async fn paths_outside_are_not_found() {
        assert_eq!(seen("/vgi", "/vgi2/add").await, None);
        assert_eq!(seen("/vgi", "/").await, None);
        assert_eq!(seen("/vgi", "/add/vgi").await, None);
        assert_eq!(seen("/a/b", "/a").await, None);

        let service = MountLayer::new("/vgi")
            .unwrap()
            .layer(service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::empty()))));
        let response = service.oneshot(Request::get("/x").body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(crate::testing::collect(response.into_body()).await.unwrap(), r#"{"title": "404 Not Found"}"#);
    }

    #[tokio::test]
    async fn documents_of_the_host_pass_as_they_are() {
        let document = "/.well-known/oauth-protected-resource/vgi";
        assert_eq!(seen("/vgi", document).await, Some((document.to_owned(), Some("/vgi".to_owned()))));
        assert_eq!(seen("/vgi", "/.well-known").await, None);
        assert_eq!(seen("/vgi", "/.well-knownx/a").await, None);
    }

    #[tokio::test]
    async fn an_empty_prefix_changes_nothing() {
        assert_eq!(seen("", "/vgi/add").await, Some(("/vgi/add".to_owned(), None)));
        assert_eq!(seen("/", "/vgi/add").await, Some(("/vgi/add".to_owned(), None)));
    }

    #[tokio::test]
    async fn mounts_within_mounts_add_up() {
        let inner = MountLayer::new("/b").unwrap().layer(service_fn(async |request: Request<Body>| {
            assert_eq!(request.uri().path(), "/c");
            assert_eq!(&*request.extensions().get::<MountPrefix>().unwrap().0, "/a/b");
            Ok::<_, Infallible>(Response::new(Body::empty()))
        }));
        let service = MountLayer::new("/a").unwrap().layer(inner);
        let response = service.oneshot(Request::get("/a/b/c").body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }

    #[test]
    fn a_prefix_that_cannot_match_is_refused() {
        for prefix in ["vgi", "/vgi/", "//", "/a//b", "/a/../b", "/a b", "/a%20b", "/a?b", "/ä"] {
            assert!(MountLayer::new(prefix).is_err(), "{prefix}");
        }
        let error = MountLayer::new("vgi").unwrap_err();
        assert!(error.to_string().contains("does not begin with"), "{error}");
    }

    #[tokio::test]
    async fn keeps_the_layer_contract() {
        crate::testing::check(&MountLayer::new("/vgi").unwrap(), || {
            Request::get("/vgi/x").body(Body::empty()).unwrap()
        })
        .await;
    }
}
