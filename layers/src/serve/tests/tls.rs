//! Behind TLS, with a client that trusts the server's own certificate only.

use super::*;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::serve::Tls;

struct Authority {
    tls: Tls,
    roots: RootCertStore,
}

impl Authority {
    fn new() -> Self {
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let tls = Tls::from_pem(own.cert.pem().as_bytes(), own.signing_key.serialize_pem().as_bytes()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(own.cert.der().clone()).unwrap();
        Self { tls, roots }
    }

    async fn connect(&self, running: &Running, protocol: &str) -> TlsStream<TcpStream> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = builder.with_root_certificates(self.roots.clone()).with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, running.connect().await).await.unwrap()
    }
}

#[tokio::test]
async fn both_versions_of_http_are_offered() {
    let authority = Authority::new();
    let running = Running::start(&Desk::default(), |serve| serve.tls(authority.tls.clone())).await;

    let stream = authority.connect(&running, "http/1.1").await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let mut sender = http1(stream).await;
    assert_eq!(get(&mut sender, "/version").await.unwrap().1, "HTTP/1.1");
    let large = vec![7; 3_000_000];
    let request = Request::post("/echo").header("host", "localhost").body(Body::from(large.clone())).unwrap();
    let answer = sender.send_request(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
    assert_eq!(answer, large);

    let stream = authority.connect(&running, "h2").await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("https://localhost/version").body(Body::empty()).unwrap();
    let answer = sender.send_request(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
    assert_eq!(answer, "HTTP/2.0");
}

#[tokio::test]
async fn who_does_not_speak_tls_gets_nothing_and_disturbs_nobody() {
    let authority = Authority::new();
    let running = Running::start(&Desk::default(), |serve| {
        serve.tls(authority.tls.clone()).header_read_timeout(Duration::from_millis(100))
    })
    .await;
    let mut plain = running.connect().await;
    plain.write_all(b"GET /version HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP/1.1 200"));

    // Says nothing at all: the handshake has its time like a head.
    let mut silent = running.connect().await;
    assert_eq!(silent.read(&mut [0; 1]).await.unwrap_or(0), 0);

    let mut sender = http1(authority.connect(&running, "http/1.1").await).await;
    assert_eq!(get(&mut sender, "/version").await.unwrap().0, StatusCode::OK);
}

#[tokio::test]
async fn the_drain_does_not_wait_for_handshakes() {
    let authority = Authority::new();
    let mut running = Running::start(&Desk::default(), |serve| {
        serve.tls(authority.tls.clone()).drain_timeout(Duration::from_secs(600))
    })
    .await;
    let _silent = running.connect().await;
    let mut sender = http1(authority.connect(&running, "http/1.1").await).await;
    assert_eq!(get(&mut sender, "/version").await.unwrap().0, StatusCode::OK);
    running.stop();
    running.ended().await;
}
