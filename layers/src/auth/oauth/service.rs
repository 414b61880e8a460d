//! [`ResourceMetadataLayer`]: the document, for everybody.

use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body as HttpBody;
use tower_layer::Layer;
use tower_service::Service;
use tower_vgi::{Body, BoxError, MountPrefix};

use super::{InvalidMetadata, ResourceMetadata, WELL_KNOWN};
use crate::response::{ResponseBody, ResponseFuture};

/// Answers `GET` of the metadata document. It belongs outside of authentication.
///
/// The document is on the host at `/.well-known/oauth-protected-resource`, followed by the prefix that the service is
/// mounted at: [`MountLayer`](crate::mount::MountLayer) leaves paths below `/.well-known` as they are.
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct ResourceMetadataLayer {
    document: Bytes,
}

impl ResourceMetadataLayer {
    /// Serves this document.
    ///
    /// # Errors
    ///
    /// Those of [`ResourceMetadata::challenge`].
    pub fn new(metadata: &ResourceMetadata) -> Result<Self, InvalidMetadata> {
        metadata.check()?;
        Ok(Self { document: metadata.document().into() })
    }
}

impl<S> Layer<S> for ResourceMetadataLayer {
    type Service = ResourceMetadataService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ResourceMetadataService { inner, document: self.document.clone() }
    }
}

/// The service that [`ResourceMetadataLayer`] makes.
#[derive(Clone, Debug)]
pub struct ResourceMetadataService<S> {
    inner: S,
    document: Bytes,
}

impl<S> ResourceMetadataService<S> {
    inner_service_accessors!();

    fn answer(&self, method: &Method) -> Option<Response<Body>> {
        let mut response = Response::new(Body::empty());
        match *method {
            Method::GET | Method::HEAD => {
                let headers = response.headers_mut();
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                headers.insert(CONTENT_LENGTH, HeaderValue::from(self.document.len()));
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
                if method == Method::GET {
                    *response.body_mut() = Body::from(self.document.clone());
                }
            }
            Method::OPTIONS => return None,
            _ => {
                *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"));
            }
        }
        Some(response)
    }
}

/// Whether a request is for the document of the service at the place where it is mounted.
fn is_for_the_document<B>(request: &Request<B>) -> bool {
    let Some(rest) = request.uri().path().strip_prefix(WELL_KNOWN) else { return false };
    let prefix = request.extensions().get::<MountPrefix>();
    rest == prefix.map_or("", |prefix| &*prefix.0)
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for ResourceMetadataService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ReqBody: HttpBody,
    ResBody: HttpBody<Data = Bytes, Error: Into<BoxError>>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        if is_for_the_document(&request)
            && let Some(response) = self.answer(request.method())
        {
            return ResponseFuture::refuse(request, response);
        }
        ResponseFuture::inner(self.inner.call(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::collect;
    use std::convert::Infallible;
    use tower::{ServiceExt, service_fn};

    fn layer() -> ResourceMetadataLayer {
        let metadata = ResourceMetadata::new("https://api.example/vgi", ["https://login.example"]);
        ResourceMetadataLayer::new(&metadata).unwrap()
    }

    async fn ask(method: Method, path: &str, prefix: Option<&str>) -> Response<ResponseBody<Body>> {
        let service = layer().layer(service_fn(async |_: Request<Body>| {
            Ok::<_, Infallible>(Response::builder().status(StatusCode::IM_A_TEAPOT).body(Body::empty()).unwrap())
        }));
        let mut request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        if let Some(prefix) = prefix {
            request.extensions_mut().insert(MountPrefix(prefix.into()));
        }
        service.oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn the_document_is_where_the_service_is_mounted() {
        for (path, prefix) in [(WELL_KNOWN.to_owned(), None), (format!("{WELL_KNOWN}/vgi"), Some("/vgi"))] {
            let response = ask(Method::GET, &path, prefix).await;
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(response.headers()["content-type"], "application/json");
            assert_eq!(response.headers()["cache-control"], "public, max-age=60");
            let body = collect(response.into_body()).await.unwrap();
            assert!(body.starts_with(b"{\"") && body.ends_with(b"}"));
            let head = ask(Method::HEAD, &path, prefix).await;
            assert_eq!(head.headers()["content-length"], body.len().to_string());
            assert!(collect(head.into_body()).await.unwrap().is_empty());
            assert_eq!(ask(Method::DELETE, &path, prefix).await.status(), StatusCode::METHOD_NOT_ALLOWED);
            assert_eq!(ask(Method::OPTIONS, &path, prefix).await.status(), StatusCode::IM_A_TEAPOT);
        }
    }

    #[tokio::test]
    async fn other_paths_reach_the_service() {
        for (path, prefix) in [
            (WELL_KNOWN.to_owned(), Some("/vgi")),
            (format!("{WELL_KNOWN}/vgi"), None),
            (format!("{WELL_KNOWN}/vgi2"), Some("/vgi")),
            (format!("{WELL_KNOWN}/"), None),
            ("/x".to_owned(), None),
        ] {
            assert_eq!(ask(Method::GET, &path, prefix).await.status(), StatusCode::IM_A_TEAPOT, "{path}");
        }
    }

    #[tokio::test]
    async fn keeps_the_layer_contract() {
        crate::testing::check(&layer(), || Request::post("/add").body(Body::empty()).unwrap()).await;
    }
}
