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
async fn a_token_is_not_shown() {
    let (client, _) = setup();
    let session = client.session();
    session.add(1.0, 2.0).await.unwrap();
    assert!(!format!("{session:?}").contains("token\""), "{session:?}");
    assert!(Session::resume(client.channel(), "line\nbreak").is_err());
}
