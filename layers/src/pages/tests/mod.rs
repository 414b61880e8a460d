//! The layer as a whole.

mod content;
mod routes;

use std::convert::Infallible;
use std::sync::Arc;

use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use tower::{ServiceExt, service_fn};
use tower_layer::Layer;
use tower_vgi::rpc::{Method as Rpc, NotFound, Protocol};
use tower_vgi::{Body, ServiceInfo};

use super::PagesLayer;
use crate::testing::collect;

/// What came back.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    marked: bool,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn is_html(&self) -> bool {
        self.header("content-type") == "text/html; charset=utf-8" && self.body.starts_with("<!doctype html>")
    }
}

/// Sends a request to a layer around a service that answers as told.
async fn send(layer: &PagesLayer, request: Request<Body>, answer: fn() -> Response<Body>) -> Answer {
    let service = layer.layer(service_fn(move |_: Request<Body>| async move { Ok::<_, Infallible>(answer()) }));
    let (parts, body) = service.oneshot(request).await.unwrap().into_parts();
    let body = String::from_utf8(collect(body).await.unwrap().to_vec()).unwrap();
    Answer { status: parts.status, headers: parts.headers, marked: parts.extensions.get::<NotFound>().is_some(), body }
}

async fn get(layer: &PagesLayer, path: &str) -> Answer {
    send(layer, request(Method::GET, path), teapot).await
}

fn request(method: Method, path: &str) -> Request<Body> {
    Request::builder().method(method).uri(path).header("host", "vgi.example").body(Body::empty()).unwrap()
}

fn with(mut request: Request<Body>, name: header::HeaderName, value: &'static str) -> Request<Body> {
    request.headers_mut().insert(name, header::HeaderValue::from_static(value));
    request
}

/// The service was reached.
fn teapot() -> Response<Body> {
    Response::builder().status(StatusCode::IM_A_TEAPOT).body(Body::from("inner")).unwrap()
}

fn marked(status: StatusCode) -> Response<Body> {
    let mut response = Response::builder().status(status).header("allow", "POST").header("set-cookie", "a=1");
    response = response.header("content-length", "5").extension(NotFound);
    response.body(Body::from("inner")).unwrap()
}

fn not_found() -> Response<Body> {
    marked(StatusCode::NOT_FOUND)
}

fn wrong_verb() -> Response<Body> {
    marked(StatusCode::METHOD_NOT_ALLOWED)
}

fn calculator() -> Protocol {
    let add = Rpc::unary("add").parameter::<f64>("a").parameter_doc("The first.").parameter::<f64>("b");
    let add = add.default_value(&1.5, "1.5").doc("Add `a` and `b`.").handler(|_, _| async { Ok(1.0) });
    let absent = Rpc::unary("Zero").handler(|_, _| async { Ok(()) });
    Protocol::new("Calculator").version("1.2.0").doc("Arithmetic for everybody.").method(absent).method(add)
}

fn info() -> ServiceInfo {
    ServiceInfo::new("node-1", "Calculator").with_protocol(calculator()).with_protocol(Protocol::new("Other"))
}

fn layer() -> PagesLayer {
    PagesLayer::new(Arc::new(info()))
}
