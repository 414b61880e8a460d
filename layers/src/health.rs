//! Says that the server lives, who it is, and (through the headers around it) what it can do.
//!
//! `GET /health` answers with a small JSON object, `HEAD` with its headers, and `OPTIONS` is how
//! published clients discover capabilities before their first call: keep this layer inside
//! [`capabilities`](crate::capabilities) and outside authentication. `GET /health/ready` is for
//! load balancers: 200 while the server takes new work, 503 once it drains (see [`Readiness`]).
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! use std::sync::Arc;
//!
//! use http::{Request, Response};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use tower_vgi::{Body, ServiceInfo};
//! use tower_vgi_layers::health::HealthLayer;
//!
//! let info = Arc::new(ServiceInfo::new("node-1", "Calculator"));
//! let service = ServiceBuilder::new().layer(HealthLayer::new(info)).service(service_fn(
//!     |_request: Request<Body>| async { Ok::<_, std::convert::Infallible>(Response::new(Body::empty())) },
//! ));
//!
//! let response = service.oneshot(Request::get("/health").body(Body::empty())?).await?;
//! assert_eq!(response.status(), 200);
//! assert_eq!(response.headers()["content-type"], "application/json");
//! # Ok(())
//! # }
//! ```
//!
//! `POST /health` reaches the service: a method may have that name. So does every preflight,
//! if a CORS layer did not answer it; this layer treats it like any `OPTIONS`.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body as HttpBody;
use tower_layer::Layer;
use tower_service::Service;
use tower_vgi::{Advertise, Body, BoxError, Capabilities, ServiceInfo};

use crate::readiness::Readiness;
use crate::response::{ResponseBody, ResponseFuture, json_error};

/// Answers `/health` and `/health/ready`. See the [module](self).
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct HealthLayer {
    answers: Arc<Answers>,
}

impl HealthLayer {
    /// Speaks for the server that `info` describes.
    pub fn new(info: Arc<ServiceInfo>) -> Self {
        Self { answers: Arc::new(Answers { alive: alive(&info), readiness: Readiness::new() }) }
    }

    /// Asks `readiness` when `/health/ready` is asked; without it the server is always ready.
    pub fn readiness(self, readiness: Readiness) -> Self {
        let alive = self.answers.alive.clone();
        Self { answers: Arc::new(Answers { alive, readiness }) }
    }
}

impl<S> Layer<S> for HealthLayer {
    type Service = Health<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Health { inner, answers: self.answers.clone() }
    }
}

impl Advertise for HealthLayer {
    fn advertise(&self, _capabilities: &mut Capabilities) {}
}

/// The service that [`HealthLayer`] makes.
#[derive(Clone, Debug)]
pub struct Health<S> {
    inner: S,
    answers: Arc<Answers>,
}

impl<S> Health<S> {
    inner_service_accessors!();
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Health<S>
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

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        if let Some(response) = self.answers.answer(request.method(), request.uri().path()) {
            return ResponseFuture::own(response);
        }
        ResponseFuture::inner(self.inner.call(request))
    }
}

#[derive(Debug)]
struct Answers {
    alive: Bytes,
    readiness: Readiness,
}

impl Answers {
    fn answer(&self, method: &Method, path: &str) -> Option<Response<Body>> {
        let rest = path.strip_prefix("/health")?;
        let (status, body) = match rest {
            "" => (StatusCode::OK, self.alive.clone()),
            "/ready" if self.readiness.is_ready() => (StatusCode::OK, Bytes::from_static(br#"{"status":"ready"}"#)),
            "/ready" => (StatusCode::SERVICE_UNAVAILABLE, Bytes::from_static(br#"{"status":"draining"}"#)),
            _ => return None,
        };
        match *method {
            Method::GET => Some(json(status, body)),
            Method::HEAD => Some(without_body(json(status, body))),
            Method::OPTIONS => Some(discovery()),
            Method::POST => None,
            _ => Some(wrong_verb()),
        }
    }
}

fn json(status: StatusCode, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    *response.body_mut() = Body::from(body);
    response
}

fn without_body(response: Response<Body>) -> Response<Body> {
    response.map(|_| Body::empty())
}

fn discovery() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}

fn wrong_verb() -> Response<Body> {
    let mut response = json_error(StatusCode::METHOD_NOT_ALLOWED);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"));
    response
}

/// The members in the order that the reference writes them, compact.
fn alive(info: &ServiceInfo) -> Bytes {
    let server_id = serde_json::Value::from(info.server_id.as_str());
    let protocol = serde_json::Value::from(info.protocol.as_str());
    Bytes::from(format!(r#"{{"status":"ok","server_id":{server_id},"protocol":{protocol}}}"#))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::collect;
    use std::convert::Infallible;
    use tower::{ServiceExt, service_fn};

    async fn ask(layer: HealthLayer, method: Method, path: &str) -> Response<ResponseBody<Body>> {
        let service = layer.layer(service_fn(async |_: Request<Body>| {
            let mut response = Response::new(Body::from("inner"));
            *response.status_mut() = StatusCode::IM_A_TEAPOT;
            Ok::<_, Infallible>(response)
        }));
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        service.oneshot(request).await.unwrap()
    }

    fn layer() -> HealthLayer {
        HealthLayer::new(Arc::new(ServiceInfo::new("n\"1", "Calculator")))
    }

    const ALIVE: &str = r#"{"status":"ok","server_id":"n\"1","protocol":"Calculator"}"#;

    #[tokio::test]
    async fn get_tells_who_the_server_is() {
        let response = ask(layer(), Method::GET, "/health").await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(collect(response.into_body()).await.unwrap(), ALIVE);
    }

    #[tokio::test]
    async fn head_has_the_headers_of_get() {
        let response = ask(layer(), Method::HEAD, "/health").await;
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(response.headers()["content-length"], ALIVE.len().to_string());
        assert!(collect(response.into_body()).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn options_can_be_cached() {
        let response = ask(layer(), Method::OPTIONS, "/health").await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["allow"], "GET, HEAD");
        assert_eq!(response.headers()["cache-control"], "public, max-age=300");
        assert!(collect(response.into_body()).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn post_and_other_paths_reach_the_service() {
        for (method, path) in [
            (Method::POST, "/health"),
            (Method::POST, "/health/ready"),
            (Method::POST, "/health/init"),
            (Method::GET, "/"),
            (Method::GET, "/health/"),
            (Method::GET, "/healthy"),
        ] {
            assert_eq!(ask(layer(), method, path).await.status(), StatusCode::IM_A_TEAPOT, "{path}");
        }
    }

    #[tokio::test]
    async fn other_verbs_are_not_allowed() {
        for method in [Method::PUT, Method::DELETE, Method::PATCH] {
            let response = ask(layer(), method, "/health").await;
            assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
            assert_eq!(response.headers()["allow"], "GET, HEAD, OPTIONS");
            assert_eq!(collect(response.into_body()).await.unwrap(), r#"{"title": "405 Method Not Allowed"}"#);
        }
    }

    #[tokio::test]
    async fn readiness_ends_when_the_server_drains() {
        let readiness = Readiness::new();
        let layer = layer().readiness(readiness.clone());
        assert_eq!(ask(layer.clone(), Method::GET, "/health/ready").await.status(), StatusCode::OK);
        readiness.drain();
        let response = ask(layer.clone(), Method::GET, "/health/ready").await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(collect(response.into_body()).await.unwrap(), r#"{"status":"draining"}"#);
        assert_eq!(ask(layer, Method::GET, "/health").await.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn keeps_the_layer_contract() {
        crate::testing::check(&layer(), || Request::post("/add").body(Body::empty()).unwrap()).await;
    }
}
