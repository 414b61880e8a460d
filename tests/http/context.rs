//! What a method sees of its call, and what it may add to the response.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, Request};
use tower::ServiceExt as _;
use tower_vgi::rpc::{CallContext, Generation, Method, Producer, Protocol, RpcService};
use tower_vgi::wire::keys;
use tower_vgi::{AuthContext, ResponseBudget, Result};

use crate::support::{Answer, Ask, Number, Server, ask, both, column, row};

/// Something that a layer knows.
#[derive(Clone)]
struct Tenant(&'static str);

fn service() -> RpcService {
    let unary = |name: &str, code: fn(&CallContext) -> Result<String>| {
        Method::unary(name).handler(move |context, _| async move { code(&context) })
    };
    let protocol = Protocol::new("Calc")
        .version("1.2.3")
        .method(unary("header", |context| Ok(context.headers()["x-given"].to_str()?.to_owned())))
        .method(unary("peer", |context| Ok(context.peer_addr().map(|peer| peer.to_string()).unwrap_or_default())))
        .method(unary("ids", |context| Ok(format!("{} {}", context.server_id(), context.request_id()))))
        .method(unary("cookie", |context| Ok(context.cookie("b").unwrap_or_else(|| "none".to_owned()))))
        .method(unary("who", |context| {
            context.auth().require_authenticated()?;
            Ok(context.auth().principal.clone())
        }))
        .method(unary("tenant", |context| {
            Ok(context.extensions().get::<Tenant>().map_or("none", |tenant| tenant.0).to_owned())
        }))
        .method(unary("where", |context| {
            Ok(format!("{} {:?} {} {}", context.uri(), context.generation(), context.protocol(), context.method().name))
        }))
        .method(unary("metadata", |context| Ok(context.metadata().get_str("app").unwrap_or("none").to_owned())))
        .method(unary("preferred", |context| Ok(format!("{:?}", context.preferred_response_bytes()))))
        .method(unary("answer", |context| {
            context.set_header(HeaderName::from_static("x-taken"), HeaderValue::from_static("1"))?;
            context.set_header(HeaderName::from_static("x-taken"), HeaderValue::from_static("2"))?;
            context.set_cookie("a=1; Path=/; HttpOnly")?;
            context.set_cookie("b=2")?;
            context.delete_cookie("c")?;
            Ok("answered".to_owned())
        }))
        .method(Method::unary("forbidden").parameter::<String>("name").handler(|context, params| async move {
            let name = HeaderName::try_from(params.get::<String>(0)?)?;
            context.set_header(name, HeaderValue::from_static("x"))
        }))
        .method(Method::unary("broken").handler(|context, _| async move {
            context.set_header(HeaderName::from_static("x-taken"), HeaderValue::from_static("1"))?;
            Err::<(), _>(tower_vgi::RpcError::value_error("broken").into())
        }))
        .method(Method::producer("stream").rows::<Number>().handler(|context, _| async move {
            context.set_header(HeaderName::from_static("x-taken"), HeaderValue::from_static("1"))?;
            let cookies = context.set_cookie("a=1").is_err();
            assert!(cookies, "cookies are for unary methods");
            Ok(Producer::new(Once))
        }));
    RpcService::builder().protocol(protocol).server_id("server-1").build().unwrap()
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Once;

impl tower_vgi::rpc::ProducerState for Once {
    async fn produce(&mut self, _context: &CallContext, output: &mut tower_vgi::rpc::Output) -> Result<()> {
        output.emit_rows(&[Number { n: 1 }])?;
        output.finish()
    }
}

async fn text(request: Ask) -> String {
    ask(&service(), request).await.result::<String>()
}

#[tokio::test]
async fn a_method_sees_the_head_of_its_request() {
    for generation in both() {
        let call = |method| Ask::unary(generation, method, row([]));
        assert_eq!(text(call("header").header("x-given", "yes")).await, "yes");
        assert_eq!(text(call("ids").header("x-request-id", "r-1")).await, "server-1 r-1");
        assert_eq!(text(call("cookie").header("cookie", "a=1; b=two%20").header("cookie", "c=3")).await, "two%20");
        assert_eq!(text(call("cookie")).await, "none");
        assert_eq!(text(call("metadata").with("app", "mine")).await, "mine");
        let path = call("where").path;
        let expected = format!("{path}?q=1 {generation:?} Calc where");
        assert_eq!(text(call("where").path(&format!("{path}?q=1"))).await, expected);
    }
}

#[tokio::test]
async fn a_request_without_an_id_gets_one_that_the_response_tells() {
    for generation in both() {
        let answer = ask(&service(), Ask::unary(generation, "ids", row([]))).await;
        let id = answer.header("x-request-id").unwrap().to_owned();
        assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        assert_eq!(answer.result::<String>(), format!("server-1 {id}"));
        assert_ne!(ask(&service(), Ask::unary(generation, "ids", row([]))).await.header("x-request-id"), Some(&*id));
    }
}

#[tokio::test]
async fn a_method_knows_where_its_caller_is() {
    let server = Server::start(service()).await;
    for generation in both() {
        let peer = server.connect().await.send(Ask::unary(generation, "peer", row([]))).await.result::<String>();
        assert!(peer.starts_with("127.0.0.1:"), "{peer}");
        assert_eq!(text(Ask::unary(generation, "peer", row([]))).await, "", "without a socket there is no address");
    }
}

async fn with_extensions(request: Ask, fill: impl FnOnce(&mut http::Extensions)) -> Answer {
    let mut request: Request<_> = request.request();
    fill(request.extensions_mut());
    Answer::collect(service().oneshot(request).await.unwrap()).await
}

#[tokio::test]
async fn a_method_sees_what_layers_know() {
    for generation in both() {
        let call = |method| Ask::unary(generation, method, row([]));
        let answer = with_extensions(call("tenant"), |extensions| {
            extensions.insert(Tenant("blue"));
        });
        assert_eq!(answer.await.result::<String>(), "blue");
        let answer = with_extensions(call("who"), |extensions| {
            extensions.insert(AuthContext::authenticated("jwt", "alice"));
        });
        assert_eq!(answer.await.result::<String>(), "alice");
        let refused = ask(&service(), call("who")).await.expect_failure();
        assert_eq!((refused.exception.as_str(), refused.code.as_str()), ("PermissionError", "UNAUTHENTICATED"));

        let budget = ResponseBudget { max_response_bytes: Some(1000), preferred_response_bytes: Some(5000) };
        let answer = with_extensions(call("preferred"), |extensions| {
            extensions.insert(budget);
        });
        assert_eq!(answer.await.result::<String>(), "Some(1000)", "a hint does not exceed the limit");
    }
}

#[tokio::test]
async fn headers_and_cookies_reach_the_caller() {
    for generation in both() {
        let answer = ask(&service(), Ask::unary(generation, "answer", row([]))).await;
        assert_eq!(answer.header("x-taken"), Some("2"));
        let cookies: Vec<&str> =
            answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
        assert_eq!(cookies.len(), 3);
        assert!(cookies[0].starts_with("a=1; ") && cookies[0].contains("HttpOnly"), "{cookies:?}");
        assert_eq!(cookies[1], "b=2");
        assert!(cookies[2].starts_with("c=; ") && cookies[2].contains("Max-Age=0"), "{cookies:?}");

        let broken = ask(&service(), Ask::unary(generation, "broken", row([]))).await;
        assert_eq!(broken.header("x-taken"), Some("1"), "also when the method fails then");
        let stream = ask(&service(), Ask::init(generation, "stream", row([]))).await;
        assert_eq!((stream.header("x-taken"), Number::rows_of(&stream).as_slice()), (Some("1"), &[1][..]));
    }
}

#[tokio::test]
async fn headers_of_the_protocol_and_of_http_are_not_a_methods_to_set() {
    for name in ["content-type", "content-length", "transfer-encoding", "vgi-session", "x-vgi-rpc-error"] {
        let request = Ask::unary(Generation::Flat, "forbidden", row([("name", column(name.to_owned()))]));
        let answer = ask(&service(), request).await;
        assert_eq!(answer.expect_failure().exception, "ValueError", "{name}");
    }
}

#[tokio::test]
async fn a_server_may_be_shared_by_many_callers_at_once() {
    let server = Arc::new(Server::start(service()).await);
    let calls = (0..32).map(|index| {
        let server = server.clone();
        tokio::spawn(async move {
            let generation = both()[index % 2];
            let request = Ask::unary(generation, "metadata", row([])).with("app", index.to_string());
            let answer = server.connect().await.send(request.without(keys::PROTOCOL)).await;
            assert_eq!(answer.result::<String>(), index.to_string());
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
}
