//! What goes wrong, and how it is told.

use http::{Request, Response, StatusCode};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use tower::service_fn;
use tower_vgi::client::{Channel, Generation, MethodDetails, introspect, request_upload_urls};
use tower_vgi::{Body, ErrorCode, VgiArrow as _};

use crate::calculator::CalculatorClient;
use crate::ways::{all, clients, stack};

#[tokio::test]
async fn an_error_of_a_method_comes_whole() {
    for (way, client) in clients().await {
        let error = client.divide(1, 0).await.unwrap_err();
        assert_eq!(error.to_string(), "ValueError: the divisor must not be 0", "{way}");
        assert_eq!(error.kind(), Some("zero_divisor"), "{way}");
        assert_eq!(error.http_status(), Some(StatusCode::OK), "{way}");
        assert!(error.request_id().is_some_and(|id| !id.is_empty()) && error.server_id().is_some(), "{way}");
        assert!(error.traceback().is_some(), "{way}");
        let error = client.parse("x".to_owned()).await.unwrap_err();
        assert_eq!(error.type_name(), "ParseIntError", "{way}");
    }
}

#[tokio::test]
async fn an_unknown_method_is_not_implemented() {
    for (way, channel) in all().await {
        let batch = crate::support::Arguments::none().batch();
        let error = channel.unary("acme.Calculator.v1", "absent", batch).await.unwrap_err();
        assert!(error.is_not_implemented(), "{way}: {error}");
        assert_eq!(error.http_status(), Some(StatusCode::NOT_FOUND), "{way}");
        let error = request_upload_urls(&channel, 1).await.unwrap_err();
        assert_eq!(error.type_name(), "NotSupported", "{way}");
        assert_eq!(request_upload_urls(&channel, 101).await.unwrap_err().type_name(), "ValueError", "{way}");
    }
}

#[tokio::test]
async fn logs_come_before_the_result() {
    let logs = Arc::new(Mutex::new(Vec::new()));
    let seen = logs.clone();
    let channel = Channel::builder()
        .on_log(move |log| seen.lock().unwrap().push((log.level, log.message.clone(), log.request_id.is_some())))
        .service(stack(), "/")
        .unwrap();
    CalculatorClient::new(channel).whoami(1, 2).await.unwrap();
    let expected = (tower_vgi::client::LogLevel::Info, "asked who calls".to_owned(), true);
    assert_eq!(*logs.lock().unwrap(), [expected]);
}

#[tokio::test]
async fn the_generation_is_asked_for_once() {
    let count = Arc::new(Mutex::new(Vec::new()));
    let (seen, inner) = (count.clone(), stack());
    let service = service_fn(move |request: Request<Body>| {
        seen.lock().unwrap().push(format!("{} {}", request.method(), request.uri().path()));
        tower::ServiceExt::oneshot(inner.clone(), request)
    });
    let client = CalculatorClient::new(Channel::in_process(service));
    let calls = (0..3).map(|_| client.add(1.0, 2.0));
    for result in futures_util::future::join_all(calls).await {
        assert_eq!(result.unwrap(), 3.0);
    }
    let count = count.lock().unwrap();
    assert_eq!(count.iter().filter(|request| *request == "OPTIONS /health").count(), 1, "{count:?}");
    assert_eq!(count.len(), 4, "{count:?}");
}

#[tokio::test]
async fn something_else_than_a_server_is_named() {
    let service = service_fn(|_request: Request<Body>| async {
        let page = "<html><title>Sign in</title></html>";
        let response = Response::builder().status(502).header("content-type", "text/html");
        Ok::<_, Infallible>(response.body(Body::from(page)).unwrap())
    });
    let channel = Channel::builder().generation(Generation::Namespaced).service(service, "http://proxy:1/vgi").unwrap();
    let error = CalculatorClient::new(channel).add(1.0, 2.0).await.unwrap_err();
    assert_eq!((error.type_name(), error.code()), ("HttpError", ErrorCode::Unavailable));
    assert!(error.message().contains("HTTP 502 from http://proxy:1/vgi/acme.Calculator.v1/add"), "{error}");
    assert!(error.message().contains("'Sign in'"), "{error}");
}

#[tokio::test]
async fn credentials_in_a_url_are_neither_used_nor_shown() {
    let url = "http://ada:secret@localhost:1/vgi";
    for error in [
        Channel::connect(url).map(drop).unwrap_err(),
        Channel::builder().service(stack(), url).map(drop).unwrap_err(),
        Channel::builder().prefix("/vgi?key=1").service(stack(), "/").map(drop).unwrap_err(),
    ] {
        assert_eq!(error.type_name(), "ValueError", "{error}");
        assert!(!error.message().contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn a_page_in_place_of_capabilities_says_nothing_about_the_server() {
    let (inner, first) = (stack(), Arc::new(Mutex::new(true)));
    let service = service_fn(move |request: Request<Body>| {
        let (inner, first) = (inner.clone(), std::mem::take(&mut *first.lock().unwrap()));
        async move {
            if first {
                let page = Response::builder().header("content-type", "Text/HTML; charset=utf-8");
                return Ok(page.body(Body::from("<html><title>Welcome to the hotel</title>")).unwrap());
            }
            tower::ServiceExt::oneshot(inner, request).await
        }
    });
    let channel = Channel::builder().service(service, "/").unwrap();
    let error = channel.generation().await.unwrap_err();
    assert!(error.message().contains("'Welcome to the hotel'"), "{error}");
    assert_eq!(channel.generation().await.unwrap(), Generation::Namespaced);
}

#[tokio::test]
async fn what_a_server_says_went_wrong_counts_for_more_than_how_its_answer_ends() {
    let inner = stack();
    let service = service_fn(move |request: Request<Body>| {
        let inner = inner.clone();
        async move {
            let (parts, body) = tower::ServiceExt::oneshot(inner, request).await?.into_parts();
            let whole = http_body_util::BodyExt::collect(body).await.unwrap().to_bytes();
            let cut = Body::from(whole.slice(..whole.len() - 8));
            Ok::<_, Infallible>(Response::from_parts(parts, cut))
        }
    });
    let channel = Channel::builder().generation(Generation::Namespaced).accept_compressed(false).service(service, "/");
    let client = CalculatorClient::new(channel.unwrap());
    assert_eq!(client.divide(1, 0).await.unwrap_err().type_name(), "ValueError");
    assert!(client.divide(1, 1).await.unwrap_err().is_connection_error());
}

#[tokio::test]
async fn nothing_listens() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = CalculatorClient::connect(&url).await.unwrap().add(1.0, 2.0).await.unwrap_err();
    assert!(error.is_connection_error() && error.is_retryable(), "{error}");
}

#[tokio::test]
async fn what_a_server_offers_is_told_alike() {
    let mut tables = Vec::new();
    for (way, channel) in all().await {
        let description = introspect(&channel).await.unwrap();
        assert_eq!(description.protocols.len(), 1, "{way}");
        let protocol = &description.protocols[0];
        assert_eq!(
            (protocol.name.as_str(), protocol.version.as_deref()),
            ("acme.Calculator.v1", Some("1.2.0")),
            "{way}"
        );
        let add = protocol.methods.iter().find(|method| method.name == "add").unwrap();
        assert_eq!(add.parameters.fields().len(), 2, "{way}");
        let details = &add.details;
        if description.generation == Generation::Namespaced {
            assert_eq!(protocol.doc, "Arithmetic for tests.\n\nNothing else.", "{way}");
            assert_eq!(details.doc, "Add two numbers.\n\nThe second one may be left out.", "{way}");
            assert_eq!(details.parameter_docs, ["The first summand.", "The second summand."], "{way}");
            let default = details.default_of("b").unwrap();
            assert_eq!((f64::from_array(default, 0).unwrap(), details.default_of("a")), (1.0, None), "{way}");
            let stream = |name: &str| protocol.methods.iter().find(|method| method.name == name).unwrap();
            let scale = &stream("scale").details;
            let columns = |schema: &Option<arrow_schema::SchemaRef>| schema.as_ref().unwrap().field(0).name().clone();
            assert_eq!(
                (columns(&scale.input), columns(&scale.output)),
                ("value".to_owned(), "value".to_owned()),
                "{way}"
            );
            // Each call has columns of its own.
            assert_eq!(stream("columns").details.output, None, "{way}");
        } else {
            assert_eq!(details, &MethodDetails::default(), "{way}");
        }
        tables.push((description.generation, description.to_string()));
    }
    let table = &tables.iter().find(|(generation, _)| *generation == Generation::Namespaced).unwrap().1;
    let line = table.lines().find(|line| line.trim_start().starts_with("add ")).unwrap();
    assert_eq!(line.split_whitespace().collect::<Vec<_>>().join(" "), "add unary a: float64, b: float64 float64");
}

#[tokio::test]
async fn capabilities_are_remembered() {
    for (way, channel) in all().await {
        let first = tower_vgi::client::capabilities(&channel).await.unwrap();
        let second = tower_vgi::client::capabilities(&channel).await.unwrap();
        assert!(Arc::ptr_eq(&first, &second), "{way}");
        assert!(first.response_budgets, "{way}");
    }
}
