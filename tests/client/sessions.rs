//! The session view: what it keeps, sends and tells.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use tower::{ServiceExt as _, service_fn};
use tower_vgi::Body;
use tower_vgi::client::{Channel, Generation, HttpService, Session};

use crate::calculator::CalculatorClient;
use crate::ways::service;

type Seen = Arc<Mutex<Vec<(Method, HeaderMap)>>>;

/// A server that opens a session with `add`, and closes it with `nothing`.
fn sticky(seen: Seen) -> impl HttpService {
    let inner = service();
    service_fn(move |request: Request<Body>| {
        let (inner, seen) = (inner.clone(), seen.clone());
        async move {
            seen.lock().unwrap().push((request.method().clone(), request.headers().clone()));
            if request.method() == Method::DELETE {
                return Ok(Response::builder()
                    .status(204)
                    .header("vgi-session-close", "true")
                    .body(Body::empty())
                    .unwrap());
            }
            let path = request.uri().path().to_owned();
            let mut response = inner.oneshot(request).await?;
            let mut set = |name: &'static str, value: &'static str| {
                response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
            };
            if path.ends_with("/add") {
                set("vgi-session", "token");
                set("vgi-echo-fly-force-instance-id", "machine");
            } else if path.ends_with("/nothing") {
                set("vgi-session-close", "true");
            }
            Ok::<_, Infallible>(response)
        }
    })
}

fn setup() -> (CalculatorClient<impl HttpService>, Seen) {
    let seen = Seen::default();
    let channel = Channel::builder().generation(Generation::Namespaced).service(sticky(seen.clone()), "/").unwrap();
    (CalculatorClient::new(channel), seen)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[tokio::test]
async fn a_session_is_kept_and_ended() {
    let (client, seen) = setup();
    let session = client.session();
    session.add(1.0, 2.0).await.unwrap();
    assert_eq!(session.session().token().as_deref(), Some("token"));
    assert_eq!(session.session().echo_headers()["fly-force-instance-id"], "machine");
    session.greet("x".to_owned(), None).await.unwrap();
    // Others do not belong to it.
    client.greet("x".to_owned(), None).await.unwrap();
    session.close().await.unwrap();
    let seen = seen.lock().unwrap();
    let sent: Vec<_> = seen
        .iter()
        .map(|(verb, headers)| {
            let accept = text(headers, "vgi-session-accept").is_some();
            (verb.as_str(), accept, text(headers, "vgi-session"), text(headers, "fly-force-instance-id"))
        })
        .collect();
    assert_eq!(
        sent,
        [
            ("POST", true, None, None),
            ("POST", true, Some("token"), Some("machine")),
            ("POST", false, None, None),
            ("DELETE", true, Some("token"), Some("machine")),
        ]
    );
}

#[tokio::test]
async fn a_session_that_the_server_closed_is_not_ended_again() {
    let (client, seen) = setup();
    let session = client.session();
    session.add(1.0, 2.0).await.unwrap();
    session.nothing().await.unwrap();
    assert!(session.session().is_closed() && session.session().token().is_none());
    session.close().await.unwrap();
    assert_eq!(seen.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_detached_session_lives_on() {
    let (client, seen) = setup();
    let session = client.session();
    session.add(1.0, 2.0).await.unwrap();
    let token = session.session().detach().unwrap();
    drop(session);
    tokio::task::yield_now().await;
    let resumed = Session::resume(client.channel(), &token).unwrap();
    let client = CalculatorClient::new(resumed.channel().clone());
    client.greet("x".to_owned(), None).await.unwrap();
    assert_eq!(text(&seen.lock().unwrap()[1].1, "vgi-session"), Some("token"));
    assert_eq!(seen.lock().unwrap().len(), 2);
    // Dropped without being detached, it is ended in the background.
    drop(resumed);
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    assert_eq!(seen.lock().unwrap().last().unwrap().0, Method::DELETE);
}

#[tokio::test]
async fn a_server_has_only_headers_echoed_that_lead_to_it() {
    let (inner, seen, count) = (service(), Seen::default(), Arc::new(Mutex::new(0)));
    let requests = seen.clone();
    let greedy = service_fn(move |request: Request<Body>| {
        let (inner, seen, count) = (inner.clone(), seen.clone(), count.clone());
        async move {
            seen.lock().unwrap().push((request.method().clone(), request.headers().clone()));
            let mut response = inner.oneshot(request).await?;
            let names = ["authorization", "content-length", "content-type", "host", "transfer-encoding", "vgi-session"];
            for name in names {
                let name = HeaderName::try_from(format!("vgi-echo-{name}")).unwrap();
                response.headers_mut().insert(name, HeaderValue::from_static("7"));
            }
            // And others without end.
            for _ in 0..50 {
                *count.lock().unwrap() += 1;
                let name = HeaderName::try_from(format!("vgi-echo-route-{}", count.lock().unwrap())).unwrap();
                response.headers_mut().insert(name, HeaderValue::from_static("7"));
            }
            Ok::<_, Infallible>(response)
        }
    });
    let channel = Channel::builder().generation(Generation::Namespaced).service(greedy, "/").unwrap();
    let client = CalculatorClient::new(channel);
    let session = client.session();
    for _ in 0..5 {
        session.add(1.0, 2.0).await.unwrap();
    }
    let echoes = session.session().echo_headers();
    assert_eq!(echoes.len(), 64);
    assert!(echoes.keys().all(|name| name.as_str().starts_with("route-")), "{echoes:?}");
    let seen = requests.lock().unwrap();
    let (_, last) = seen.last().unwrap();
    assert_eq!(text(last, "route-1"), Some("7"));
    assert!(!last.contains_key("authorization") && !last.contains_key("host"));
}

#[tokio::test]
async fn a_session_that_cannot_be_ended_is_an_error() {
    let inner = service();
    let failing = service_fn(move |request: Request<Body>| {
        let inner = inner.clone();
        async move {
            if request.method() == Method::DELETE {
                return Ok(Response::builder().status(502).body(Body::from("no such worker")).unwrap());
            }
            let mut response = inner.oneshot(request).await?;
            response.headers_mut().insert("vgi-session", HeaderValue::from_static("token"));
            Ok::<_, Infallible>(response)
        }
    });
    let channel = Channel::builder().generation(Generation::Namespaced).service(failing, "/").unwrap();
    let session = CalculatorClient::new(channel).session();
    session.add(1.0, 2.0).await.unwrap();
    let error = session.close().await.unwrap_err();
    assert_eq!(error.http_status().map(|status| status.as_u16()), Some(502), "{error}");
}

#[tokio::test]
async fn a_token_is_not_shown() {
    let (client, _) = setup();
    let session = client.session();
    session.add(1.0, 2.0).await.unwrap();
    assert!(!format!("{session:?}").contains("token\""), "{session:?}");
    for text in ["line\nbreak", ""] {
        assert!(Session::resume(client.channel(), text).is_err());
    }
}
