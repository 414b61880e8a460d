//! Which request gets a page.

use std::sync::Arc;

use http::{Method, Request, Response, StatusCode, header};
use tower::ServiceExt as _;
use tower_layer::Layer as _;
use tower_vgi::Body;
use tower_vgi::rpc::{ARROW_STREAM, Method as Rpc, Protocol, RpcService};

use super::{calculator, get, info, layer, not_found, request, send, teapot, with, wrong_verb};
use crate::pages::PagesLayer;

#[tokio::test]
async fn pages_that_are_switched_off_leave_their_paths_to_the_service() {
    assert_eq!(get(&layer().landing(false), "/").await.status, StatusCode::IM_A_TEAPOT);
    assert!(get(&layer().landing(false), "/describe").await.is_html());
    for hidden in [layer().describe(false), PagesLayer::new(Arc::new(info().with_describe(false)))] {
        assert_eq!(get(&hidden, "/describe").await.status, StatusCode::IM_A_TEAPOT);
        for path in ["/", "/nothing"] {
            assert!(!send(&hidden, request(Method::GET, path), not_found).await.body.contains("/describe"), "{path}");
        }
    }
    let page = send(&layer().not_found(false), request(Method::GET, "/nothing"), not_found).await;
    assert_eq!((page.status, &*page.body, page.marked), (StatusCode::NOT_FOUND, "inner", true));
}

#[tokio::test]
async fn other_verbs_are_refused_where_a_page_is() {
    for path in ["/", "/describe"] {
        for method in [Method::POST, Method::PUT, Method::DELETE] {
            let answer = send(&layer(), request(method, path), teapot).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
            assert_eq!(answer.header("allow"), "GET, OPTIONS");
            assert_eq!(answer.header("content-type"), "application/json");
            assert_eq!(answer.body, r#"{"title": "405 Method Not Allowed"}"#);
        }
    }
}

#[tokio::test]
async fn a_flat_method_named_describe_stays_reachable() {
    let method = Rpc::unary("describe").handler(|_, _| async { Ok(()) });
    let layer = PagesLayer::new(Arc::new(info().with_flat_protocol(Protocol::new("Flat").method(method))));
    assert_eq!(send(&layer, request(Method::POST, "/describe"), teapot).await.status, StatusCode::IM_A_TEAPOT);
    assert!(get(&layer, "/describe").await.is_html());
    let discovery = send(&layer, request(Method::OPTIONS, "/describe"), not_found).await;
    assert_eq!(discovery.header("allow"), "GET, HEAD, POST");
}

#[tokio::test]
async fn discovery_reaches_the_service() {
    let offers = || Response::builder().header("vgi-offer", "1").header("allow", "POST").body(Body::empty()).unwrap();
    for path in ["/", "/describe"] {
        let answer = send(&layer(), request(Method::OPTIONS, path), offers).await;
        assert_eq!((answer.header("vgi-offer"), answer.header("allow")), ("1", "GET, HEAD"));
        let answer = send(&layer(), request(Method::OPTIONS, path), not_found).await;
        assert_eq!((answer.status, answer.header("allow"), &*answer.body), (StatusCode::OK, "GET, HEAD", ""));
        assert_eq!(answer.header("cache-control"), "public, max-age=300");
        assert_eq!(send(&layer(), request(Method::OPTIONS, path), teapot).await.status, StatusCode::IM_A_TEAPOT);
    }
}

#[tokio::test]
async fn what_is_marked_as_not_found_gets_a_page() {
    for method in [Method::GET, Method::POST, Method::OPTIONS, Method::DELETE] {
        let page = send(&layer(), request(method, "/nothing"), not_found).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND);
        assert!(page.is_html() && page.body.contains("POST /{protocol}/{method}") && !page.marked);
        assert_eq!((page.header("set-cookie"), page.header("allow")), ("a=1", ""));
        assert_eq!(page.header("content-length"), page.body.len().to_string());
    }
    let head = send(&layer(), request(Method::HEAD, "/nothing"), not_found).await;
    assert!(head.body.is_empty() && head.header("content-type").starts_with("text/html"));
    let unmarked = || Response::builder().status(StatusCode::NOT_FOUND).body(Body::from("inner")).unwrap();
    assert_eq!(send(&layer(), request(Method::GET, "/nothing"), unmarked).await.body, "inner");
}

#[tokio::test]
async fn clients_of_the_protocol_never_get_a_page() {
    let request = || with(request(Method::POST, "/nothing"), header::CONTENT_TYPE, ARROW_STREAM);
    let answer = send(&layer(), request(), not_found).await;
    assert_eq!((answer.status, &*answer.body), (StatusCode::NOT_FOUND, "inner"));
}

#[tokio::test]
async fn only_browsers_get_the_page_for_a_wrong_verb() {
    const BROWSER: &str = "text/html,application/xhtml+xml,*/*;q=0.8";
    let accepts = |method, accept| with(request(method, "/nonesuch"), header::ACCEPT, accept);
    for method in [Method::GET, Method::HEAD] {
        let page = send(&layer(), accepts(method, BROWSER), wrong_verb).await;
        assert_eq!((page.status, page.header("allow")), (StatusCode::NOT_FOUND, ""));
        assert!(page.header("content-type").starts_with("text/html"));
    }
    for (method, accept) in [
        (Method::POST, BROWSER),
        (Method::PUT, BROWSER),
        (Method::GET, "*/*"),
        (Method::GET, "application/json, text/*"),
        (Method::GET, "text/html;q=0, */*"),
        (Method::GET, ""),
    ] {
        let answer = send(&layer(), accepts(method, accept), wrong_verb).await;
        assert_eq!((answer.status, &*answer.body), (StatusCode::METHOD_NOT_ALLOWED, "inner"), "{accept}");
    }
}

#[tokio::test]
async fn around_the_core_a_browser_finds_its_way() {
    let service = RpcService::builder().protocol(calculator()).build().unwrap();
    let service = PagesLayer::new(service.info()).layer(service);
    let status = async |request: Request<Body>| {
        let response = service.clone().oneshot(request).await.unwrap();
        let kind = response.headers().get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), kind.unwrap_or_default())
    };
    let browser = |path| with(request(Method::GET, path), header::ACCEPT, "text/html");
    let html = |status: u16| (status, "text/html; charset=utf-8".to_owned());
    for path in ["/foo", "/Calculator/foo", "/Nope/foo", "/a/b/c/d", "/favicon.ico"] {
        assert_eq!(status(browser(path)).await, html(404), "{path}");
    }
    for path in ["/", "/describe"] {
        assert_eq!(status(browser(path)).await, html(200), "{path}");
    }
    for path in ["/add", "/Calculator/add"] {
        assert_eq!(status(browser(path)).await, (405, "application/json".to_owned()), "{path}");
    }
    let call = with(request(Method::POST, "/a/b/c/d"), header::CONTENT_TYPE, ARROW_STREAM);
    assert_eq!(status(call).await, (404, ARROW_STREAM.to_owned()));
}

#[tokio::test]
async fn keeps_the_layer_contract() {
    let call = || with(request(Method::POST, "/add"), header::CONTENT_TYPE, ARROW_STREAM);
    crate::testing::check(&layer(), call).await;
    crate::testing::check(&layer(), || request(Method::GET, "/nothing")).await;
    crate::testing::check(&layer(), || request(Method::OPTIONS, "/")).await;
}
