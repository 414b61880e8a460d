//! Behind nginx and HAProxy, which end TLS, check the certificates of clients and pass them on.
//!
//! Without these programs nothing is tested, and a line says so; with `TOWER_VGI_REQUIRE_INTEROP=1` that is a failure.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod authority;
mod proxy;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::{HeaderName, HeaderValue};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tower_vgi::client::{Channel, ChannelBuilder};
use tower_vgi::rpc::{CallContext, RpcService};
use tower_vgi::{AuthReason, Body, Result, RpcError};
use tower_vgi_layers::Stack;
use tower_vgi_layers::auth::AuthLayer;
use tower_vgi_layers::auth::mtls::{Mtls, TrustedProxies};

use authority::{Authority, Identity};
use proxy::{Kind, Proxy};

/// Knows its callers.
#[tower_vgi::service]
trait Door {
    /// The caller's name, and the number of their certificate.
    async fn whoami(&self, context: &CallContext) -> Result<String>;
}

struct Porter;

impl Door for Porter {
    async fn whoami(&self, context: &CallContext) -> Result<String> {
        let caller = context.auth();
        caller.require_authenticated()?;
        let dns = caller.claims.get("dns").and_then(|names| names[0].as_str()).unwrap_or("none");
        Ok(format!("{} of {}, {dns}", caller.principal, caller.domain))
    }
}

/// Starts the server that believes proxies of this machine's usual address only.
async fn server() -> SocketAddr {
    let service = RpcService::builder().protocol(DoorServer::new(Porter)).build().unwrap();
    let mtls = Mtls::of_header(TrustedProxies::at([IpAddr::from(Ipv4Addr::LOCALHOST)]));
    let stack = Stack::builder(service).auth(AuthLayer::new(mtls)).build().unwrap();
    let server = stack.serve().host("127.0.0.1").port(0).signals(false).print_port(false).bind().await.unwrap();
    let address = server.local_addr().unwrap();
    tokio::spawn(server.run());
    address
}

async fn whoami(builder: ChannelBuilder, url: &str) -> Result<String, RpcError> {
    DoorClient::new(builder.connect(url).unwrap()).whoami().await
}

fn forged(certificate: &Identity) -> (HeaderName, HeaderValue) {
    let value = HeaderValue::from_str(&certificate.escaped_pem()).unwrap();
    (HeaderName::from_static("x-ssl-client-cert"), value)
}

#[tokio::test]
async fn the_proxy_says_whose_certificate_it_has_checked() {
    let authority = Authority::new();
    let (alice, bob) = (authority.sign("alice"), authority.sign("bob"));
    let foreign = Authority::new().sign("alice");
    let backend = server().await;
    for kind in Kind::installed() {
        let proxy = Proxy::start(kind, &authority, backend).await;
        let as_client = |identity: Option<&Identity>| Channel::builder().tls_config(authority.trusting(identity));
        for identity in [&alice, &bob] {
            let expected = format!("{0} of mtls, {0}.example", identity.name);
            assert_eq!(whoami(as_client(Some(identity)), &proxy.url()).await.unwrap(), expected, "{kind:?}");
        }

        // What a client writes into the header is not what the server sees.
        let (name, value) = forged(&alice);
        let spoofing = as_client(Some(&bob)).header(name.clone(), value.clone());
        assert_eq!(whoami(spoofing, &proxy.url()).await.unwrap(), "bob of mtls, bob.example", "{kind:?}");

        // A client without a certificate gets no further, even if it claims one.
        for builder in [as_client(None), as_client(None).header(name, value)] {
            let error = whoami(builder, &proxy.url()).await.unwrap_err();
            assert_eq!(error.auth_reason(), Some(AuthReason::ProxyRequired), "{kind:?}: {error}");
            assert!(error.proxy_hint().is_some_and(|hint| hint.contains("x-ssl-client-cert")), "{kind:?}");
        }
        let error = whoami(as_client(Some(&foreign)), &proxy.url()).await.unwrap_err();
        assert_eq!(error.auth_reason(), None, "{kind:?}: the proxy itself turns it away: {error}");
    }
}

#[tokio::test]
async fn whoever_goes_past_the_proxy_is_not_believed() {
    let alice = Authority::new().sign("alice");
    let backend = server().await;
    let from = async |address: [u8; 4]| {
        let mut connector = HttpConnector::new();
        connector.set_local_address(Some(IpAddr::from(address)));
        let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build(connector);
        let (name, value) = forged(&alice);
        let channel = Channel::builder().header(name, value).service(client, &format!("http://{backend}")).unwrap();
        DoorClient::new(channel).whoami().await
    };
    let error = from([127, 0, 0, 2]).await.unwrap_err();
    assert_eq!(error.auth_reason(), Some(AuthReason::ProxyRequired), "{error}");
    // Where the proxy is, anybody's word counts: that is what the address stands for.
    assert_eq!(from([127, 0, 0, 1]).await.unwrap(), "alice of mtls, alice.example");
}
