//! Sticky sessions of our server and the published ones, through the session view.

use http::Method;
use tower_vgi::client::{Channel, Session};

use crate::case::Proxy;
use crate::peer::{Any, Peer, ours_with_sessions, published_with};
use crate::release::Release;
use crate::rows::Increment;

const OPTIONS: &str = r#"{"enable_sticky": true, "sticky_default_ttl": 60, "sticky_echo_headers": {"X-Worker": "w1"}}"#;

async fn each(test: impl AsyncFn(&Peer, Proxy)) {
    for peer in ours_with_sessions() {
        let proxy = Proxy::new(peer.channel(peer.builder()));
        test(&peer, proxy).await;
    }
    for release in Release::ALL {
        let Some(peer) = published_with(release, OPTIONS).await else { return };
        let proxy = Proxy::new(peer.channel(peer.builder()));
        test(&peer, proxy).await;
    }
}

/// A proxy that takes up a session, by another channel.
fn resumed(peer: &Peer, token: &str) -> (Proxy, Session<Any>) {
    let channel: Channel<Any> = peer.channel(peer.builder());
    let session = Session::resume(&channel, token).unwrap();
    (Proxy::new(session.channel().clone()), session)
}

async fn is_lost(peer: &Peer, token: &str) -> bool {
    let (proxy, session) = resumed(peer, token);
    let outcome = proxy.increment_counter(0).await;
    session.detach();
    match outcome {
        Ok(_) => false,
        Err(error) => {
            assert!(error.is_session_lost(), "{}: {error}", peer.name);
            true
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_lives_from_its_opening_to_its_end() {
    each(async |peer, proxy| {
        let name = &peer.name;
        let capabilities = proxy.channel().capabilities().await.unwrap();
        assert!(capabilities.sticky_enabled, "{name}");
        assert_eq!(capabilities.sticky_default_ttl, Some(std::time::Duration::from_secs(60)), "{name}");
        assert!(capabilities.sticky_echo_headers[0].eq_ignore_ascii_case("X-Worker"), "{name}");
        // Without a view no session is opened.
        assert_eq!(proxy.open_counter(1).await.unwrap_err().type_name(), "RuntimeError", "{name}");

        let view = proxy.session();
        assert_eq!(view.session().token(), None);
        assert_eq!(view.open_counter(10).await.unwrap(), 10, "{name}");
        let token = view.session().token().unwrap();
        assert_eq!(view.session().echo_headers()["x-worker"], "w1", "{name}");
        assert_eq!(view.increment_counter(5).await.unwrap(), 15, "{name}");
        // Streams belong to it as well, each turn of them.
        let rows = view.stream_session_counter(3).await.unwrap().collect().await.unwrap();
        assert_eq!(rows.iter().map(|row| row.value).collect::<Vec<_>>(), [16, 17, 18], "{name}");
        let mut exchange = view.exchange_session_counter().await.unwrap();
        for (by, value) in [(2, 20), (-3, 17)] {
            assert_eq!(exchange.exchange(&[Increment { by }]).await.unwrap()[0].value, value, "{name}");
        }
        assert_eq!(view.close_counter().await.unwrap(), 17, "{name}");
        assert!(view.session().is_closed() && view.session().token().is_none(), "{name}");
        assert!(view.session().echo_headers().is_empty(), "{name}");
        view.close().await.unwrap();
        assert!(is_lost(peer, &token).await, "{name}");

        let requests = peer.requests.lock().unwrap();
        assert!(!requests.iter().any(|(method, ..)| method == Method::DELETE), "{name}: there was nothing to end");
        let of_session = requests.iter().filter(|(_, _, headers)| headers.contains_key("vgi-session"));
        let echoed = of_session.filter(|(_, _, headers)| headers.contains_key("x-worker")).count();
        // Our server needs one response for what takes others a turn for each batch.
        assert!(echoed >= 6, "{name}: {echoed}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_ended_by_its_view() {
    each(async |peer, proxy| {
        let view = proxy.session();
        view.open_counter(1).await.unwrap();
        let token = view.session().token().unwrap();
        view.close().await.unwrap();
        {
            let requests = peer.requests.lock().unwrap();
            let (method, path, headers) = requests.last().unwrap();
            assert_eq!((method, path.as_str()), (&Method::DELETE, "/__session__"), "{}", peer.name);
            assert_eq!(headers["vgi-session"], token.as_str(), "{}", peer.name);
            assert_eq!(headers["x-worker"], "w1", "{}", peer.name);
        }
        assert!(is_lost(peer, &token).await, "{}", peer.name);

        // A view that is dropped ends it in the background.
        let view = proxy.session();
        view.open_counter(1).await.unwrap();
        let token = view.session().token().unwrap();
        drop(view);
        while !is_lost(peer, &token).await {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_detached_session_is_taken_up_elsewhere() {
    each(async |peer, proxy| {
        let view = proxy.session();
        view.open_counter(1).await.unwrap();
        let token = view.session().detach().unwrap();
        drop(view);
        let (elsewhere, session) = resumed(peer, &token);
        assert_eq!(elsewhere.increment_counter(1).await.unwrap(), 2, "{}", peer.name);
        assert_eq!(session.token().as_deref(), Some(token.as_str()), "{}", peer.name);
        assert!(session.echo_headers().is_empty(), "{}", peer.name);
        session.close().await.unwrap();
        assert!(is_lost(peer, &token).await, "{}", peer.name);
    })
    .await;
}
