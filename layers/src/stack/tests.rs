//! The stack around a small core.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use tower::{Layer, Service, ServiceExt};
use tower_vgi::rpc::{ARROW_STREAM, Generation, Generations, Method, Protocol, RpcService};
use tower_vgi::wire::{Limits, Metadata, decode_batch, encode_batch, keys};
use tower_vgi::{AuthContext, Body, Record, VgiArrow};

use super::*;
use crate::auth::{AuthLayer, BearerTokens};
use crate::cors::AllowOrigin;
use crate::testing::collect;

fn service() -> RpcService {
    let double = Method::unary("double").parameter::<f64>("x");
    let double = double.handler(|_context, params| async move { Ok(params.get::<f64>(0)? * 2.0) });
    RpcService::builder().protocol(Protocol::new("Calc").method(double)).build().unwrap()
}

#[derive(VgiArrow)]
struct Arguments {
    x: f64,
}

fn call(path: &str) -> Request<Body> {
    let metadata = Metadata::from_iter([(keys::METHOD, "double"), (keys::REQUEST_VERSION, "1")]);
    let body = encode_batch(&Arguments::to_batch([Arguments { x: 21.0 }].iter()).unwrap(), &metadata).unwrap();
    Request::post(path).header("content-type", ARROW_STREAM).body(Body::from(body)).unwrap()
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

async fn body(response: Response<Body>) -> Bytes {
    collect(response.into_body()).await.unwrap()
}

async fn doubles(stack: &Stack) {
    for path in ["/double", "/Calc/double"] {
        let response = stack.clone().oneshot(call(path)).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let answer = decode_batch(body(response).await.into(), Limits::default()).unwrap();
        assert_eq!(f64::from_parameter(answer.batch.column(0), 0).unwrap(), 42.0);
    }
}

/// Writes down its name when a request comes by.
#[derive(Clone)]
struct Note(Place, Arc<Mutex<Vec<Place>>>);

#[derive(Clone)]
struct Noting<S>(S, Note);

impl<S> Layer<S> for Note {
    type Service = Noting<S>;

    fn layer(&self, inner: S) -> Noting<S> {
        Noting(inner, self.clone())
    }
}

impl<S: Service<Request<Body>>> Service<Request<Body>> for Noting<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> S::Future {
        let Note(place, notes) = &self.1;
        notes.lock().unwrap().push(*place);
        self.0.call(request)
    }
}

#[tokio::test]
async fn layers_of_the_user_stand_where_they_are_put() {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let builder = Place::ALL
        .into_iter()
        .rev()
        .fold(Stack::builder(service()), |builder, place| builder.outside(place, Note(place, notes.clone())));
    let stack = builder.build().unwrap();
    stack.clone().oneshot(call("/double")).await.unwrap();
    assert_eq!(*notes.lock().unwrap(), Place::ALL);
    doubles(&stack).await;
}

#[tokio::test]
async fn of_two_layers_at_one_place_the_first_is_outside() {
    let notes = Arc::new(Mutex::new(Vec::new()));
    // The places are only names here, to tell the layers apart.
    let stack = Stack::builder(service())
        .outside(Place::Auth, Note(Place::Mount, notes.clone()))
        .outside(Place::Auth, Note(Place::Trace, notes.clone()))
        .replace(Place::Auth, Note(Place::Auth, notes.clone()))
        .build()
        .unwrap();
    stack.oneshot(call("/double")).await.unwrap();
    assert_eq!(*notes.lock().unwrap(), [Place::Mount, Place::Trace, Place::Auth]);
}

#[tokio::test]
async fn each_place_may_be_empty_and_all_of_them() {
    for place in Place::ALL {
        doubles(&Stack::builder(service()).without(place).build().unwrap()).await;
    }
    let bare = Place::ALL.into_iter().fold(Stack::builder(service()), StackBuilder::without).build().unwrap();
    doubles(&bare).await;
    let response = bare.oneshot(get("/health")).await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert!(!response.headers().contains_key("vgi-externalization-enabled"));
}

#[tokio::test]
async fn every_response_says_what_the_layers_that_are_there_can_do() {
    let stack = Stack::builder(service()).max_request_bytes(5000).max_response_bytes(100_000).build().unwrap();
    for request in [call("/double"), call("/nothing"), get("/health"), get("/a/b/c/d"), get("/")] {
        let response = stack.clone().oneshot(request).await.unwrap();
        let headers = response.headers();
        assert_eq!(headers["vgi-supported-encodings"], "zstd, gzip");
        assert_eq!(headers["vgi-max-request-bytes"], "5000");
        assert_eq!(headers["vgi-max-response-bytes"], "100000");
        assert_eq!(headers["vgi-accept-max-response-bytes-support"], "true");
        assert!(headers.contains_key("x-request-id"));
    }
    let stack = Stack::builder(service()).without(Place::Compression).build().unwrap();
    let response = stack.oneshot(get("/health")).await.unwrap();
    assert!(!response.headers().contains_key("vgi-supported-encodings"));
}

#[tokio::test]
async fn sessions_are_there_when_they_are_wanted() {
    let delete = || Request::delete("/__session__").body(Body::empty()).unwrap();
    let stack = Stack::builder(service()).build().unwrap();
    assert_eq!(stack.oneshot(delete()).await.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);

    let echo = (HeaderName::from_static("x-machine"), HeaderValue::from_static("7"));
    let stack = Stack::builder(service()).sticky(true).sticky_default_ttl(Duration::from_secs(7));
    let stack = stack.sticky_echo_headers(http::HeaderMap::from_iter([echo])).build().unwrap();
    let response = stack.clone().oneshot(delete()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["vgi-sticky-enabled"], "true");
    assert_eq!(response.headers()["vgi-sticky-default-ttl"], "7");
    assert_eq!(response.headers()["vgi-sticky-echo-headers"], "x-machine");
    let mut lost = call("/double");
    lost.headers_mut().insert("vgi-session", HeaderValue::from_static("lost"));
    assert_eq!(stack.oneshot(lost).await.unwrap().headers()["x-vgi-rpc-error"], "true");
}

#[tokio::test]
async fn the_smaller_of_two_limits_counts_as_sent_and_decoded() {
    let stack = Stack::builder(service()).max_request_bytes(10_000).hosting_max_request_bytes(2000).build().unwrap();
    doubles(&stack).await;
    let mut sent = call("/double");
    *sent.body_mut() = Body::from(vec![0; 2001]);
    let response = stack.clone().oneshot(sent).await.unwrap();
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(response.headers()["vgi-max-request-bytes"], "2000");

    let mut decoded = call("/double");
    decoded.headers_mut().insert("content-encoding", HeaderValue::from_static("zstd"));
    *decoded.body_mut() = Body::from(zstd::bulk::compress(&[0; 2001], 1).unwrap());
    assert_eq!(stack.oneshot(decoded).await.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_limit_above_the_cores_own_is_the_cores_too() {
    let small = RpcService::builder().protocol(Protocol::new("Calc")).max_request_bytes(10).build().unwrap();
    let stack = Stack::builder(small).max_request_bytes(1000).build().unwrap();
    let mut request = call("/double");
    *request.body_mut() = Body::from(vec![0; 500]);
    let response = stack.oneshot(request).await.unwrap();
    assert_ne!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn everything_is_below_the_prefix() {
    let stack = Stack::builder(service()).prefix("/vgi").build().unwrap();
    assert_eq!(stack.clone().oneshot(call("/vgi/Calc/double")).await.unwrap().status(), StatusCode::OK);
    assert_eq!(stack.clone().oneshot(get("/vgi/health")).await.unwrap().status(), StatusCode::OK);
    assert_eq!(stack.clone().oneshot(call("/Calc/double")).await.unwrap().status(), StatusCode::NOT_FOUND);
}

#[test]
fn all_mistakes_are_told_at_once() {
    let error = Stack::builder(service())
        .prefix("vgi/")
        .compression_level(99)
        .max_request_bytes(0)
        .max_response_bytes(1000)
        .repository("javascript:alert(1)")
        .build()
        .unwrap_err();
    assert_eq!(error.mistakes().len(), 5, "{error}");
    for part in ["\"vgi/\"", "repository", "99", "the request limit", "65536"] {
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
    let flat = RpcService::builder().protocol(Protocol::new("Calc")).generations(Generations::Only(Generation::Flat));
    assert!(Stack::builder(flat.build().unwrap()).max_response_bytes(1000).build().is_ok());
}

#[tokio::test]
async fn an_error_of_a_users_layer_is_an_answer() {
    let late = tower::timeout::TimeoutLayer::new(Duration::from_millis(1));
    let never = tower::layer::layer_fn(|_: Next| {
        tower::service_fn(async |_: Request<Body>| {
            std::future::pending::<()>().await;
            Ok::<_, tower_vgi::BoxError>(Response::new(Body::empty()))
        })
    });
    let failing = tower::layer::layer_fn(|_: Next| {
        tower::service_fn(async |_: Request<Body>| Err::<Response<Body>, _>(tower_vgi::BoxError::from("as planned")))
    });
    let builder = || Stack::builder(service());
    let stack = builder().outside(Place::Auth, late).replace(Place::Auth, never).build().unwrap();
    let response = stack.oneshot(call("/double")).await.unwrap();
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(response.headers()["content-type"], ARROW_STREAM);

    let stack = builder().outside(Place::Auth, failing).build().unwrap();
    let response = stack.oneshot(call("/double")).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(String::from_utf8_lossy(&body(response).await).contains("as planned"));
}

#[tokio::test]
async fn a_users_layer_may_change_the_body_and_advertise() {
    struct Offer;
    impl tower_vgi::Advertise for Offer {
        fn advertise(&self, capabilities: &mut Capabilities) {
            capabilities.set(HeaderName::from_static("vgi-own"), HeaderValue::from_static("yes"));
        }
    }
    let limit = crate::limit::RequestLimitLayer::new(3).unwrap();
    let stack = Stack::builder(service()).outside(Place::Pages, limit).advertise(&Offer).build().unwrap();
    let response = stack.oneshot(call("/double")).await.unwrap();
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(response.headers()["vgi-own"], "yes");
}

#[tokio::test]
async fn callers_are_asked_who_they_are_below_the_prefix() {
    let tokens = BearerTokens::new([("s3cret", AuthContext::authenticated("bearer", "alice"))]);
    let stack = Stack::builder(service()).prefix("/vgi").cors(AllowOrigin::any()).auth(AuthLayer::new(tokens));
    let stack = stack.build().unwrap();
    let send = async |mut request: Request<Body>, token: &str| {
        let headers = request.headers_mut();
        headers.insert("origin", HeaderValue::from_static("https://example.org"));
        headers.insert("authorization", HeaderValue::from_str(token).unwrap());
        stack.clone().oneshot(request).await.unwrap()
    };
    assert_eq!(send(call("/vgi/double"), "Bearer s3cret").await.status(), StatusCode::OK);
    // Nobody learns which methods there are.
    for path in ["/vgi/double", "/vgi/nothing", "/vgi/Calc/double", "/vgi/__describe__", "/vgi/health"] {
        let refused = send(call(path), "Bearer wrong").await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{path}");
        // Pages of other origins can read why, and what the server can do.
        let exposed = refused.headers()["access-control-expose-headers"].to_str().unwrap().to_ascii_lowercase();
        assert!(exposed.contains("vgi-auth-reason"), "{exposed}");
        assert!(refused.headers().contains_key("vgi-supported-encodings"));
    }
    assert_eq!(send(get("/vgi/"), "Bearer wrong").await.status(), StatusCode::UNAUTHORIZED);
    for path in ["/vgi/health", "/vgi/health/ready"] {
        assert_eq!(send(get(path), "Bearer wrong").await.status(), StatusCode::OK);
    }
    let preflight = Request::options("/vgi/double").header("access-control-request-method", "POST");
    let preflight = send(preflight.body(Body::empty()).unwrap(), "").await;
    assert!(preflight.status().is_success(), "{}", preflight.status());
}

#[tokio::test]
async fn readiness_is_the_stacks_own() {
    let stack = Stack::new(service()).unwrap();
    assert_eq!(stack.clone().oneshot(get("/health/ready")).await.unwrap().status(), StatusCode::OK);
    stack.readiness().drain();
    assert_eq!(stack.oneshot(get("/health/ready")).await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_panic_anywhere_is_an_answer() {
    let panics = tower::layer::layer_fn(|_: Next| {
        tower::service_fn(async |_: Request<Body>| -> Result<Response<Body>, tower_vgi::BoxError> { panic!("secret") })
    });
    for place in Place::ALL {
        let stack = Stack::builder(service()).outside(place, panics).build().unwrap();
        let response = stack.oneshot(call("/double")).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        // Inside of the inner net it gets the headers that every response has.
        for name in ["x-request-id", "vgi-supported-encodings"] {
            assert_eq!(response.headers().contains_key(name), place > Place::CatchPanic, "{place:?}");
        }
        assert!(!String::from_utf8_lossy(&body(response).await).contains("secret"));
    }
}

#[tokio::test]
async fn pages_are_for_people() {
    let stack = Stack::builder(service()).prefix("/vgi").repository("https://git.example/calc").build().unwrap();
    for (path, status) in [("/vgi/", 200), ("/vgi/describe", 200), ("/vgi/a/b/c/d", 404)] {
        let response = stack.clone().oneshot(get(path)).await.unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (status, &HeaderValue::from_static("text/html; charset=utf-8"))
        );
    }
    let plain =
        Stack::builder(service()).landing_page(false).describe_page(false).not_found_page(false).build().unwrap();
    for path in ["/", "/describe", "/a/b/c/d"] {
        let response = plain.clone().oneshot(get(path)).await.unwrap();
        assert_eq!(response.headers()["content-type"], "application/json", "{path}");
    }
}

#[tokio::test]
async fn bodies_that_do_not_fit_into_the_memory_are_refused() {
    let stack = Stack::builder(service()).max_request_memory(10_000).build().unwrap();
    doubles(&stack).await;
    let mut large = call("/double");
    *large.body_mut() = Body::from(vec![0; 20_000]);
    assert_eq!(stack.oneshot(large).await.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[cfg(feature = "auth-identity")]
#[test]
fn a_mistake_of_authentication_is_one_of_the_stack() {
    use crate::auth::identity::Grants;
    use tower_vgi::identity::GrantKeys;

    let tokens = BearerTokens::new([("s3cret", AuthContext::authenticated("bearer", "alice"))]);
    let callers = crate::auth::chain(tokens, Grants::new(GrantKeys::new([[1; 32]]).unwrap()));
    let auth = AuthLayer::new(callers).proxy_headers([HeaderName::from_static("x-user")]);
    let error = Stack::builder(service()).auth(auth).build().unwrap_err();
    assert!(error.to_string().contains("x-user"), "{error}");
}

#[cfg(feature = "token-introspection")]
#[test]
fn a_route_of_the_flat_generation_needs_it() {
    use tower_vgi::identity::{IdentityError, Introspection, TokenIdentity};

    use crate::token_introspection::TokenIntrospectionLayer;

    let with = |service| {
        let known = |_: &str| async { Err::<TokenIdentity, _>(IdentityError::unresolved()) };
        let introspection = Introspection::new(["gateway"], known).unwrap();
        Stack::builder(service).token_introspection(TokenIntrospectionLayer::new(introspection)).build()
    };
    assert!(with(service()).is_ok());
    let only =
        RpcService::builder().protocol(Protocol::new("Calc")).generations(Generations::Only(Generation::Namespaced));
    let error = with(only.build().unwrap()).unwrap_err();
    assert!(error.to_string().contains("does not serve"), "{error}");
}
