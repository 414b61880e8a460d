//! Over TLS, with a certificate authority of our own.

use tower_vgi::client::Channel;
use tower_vgi_layers::serve::{Tls, serve};

use crate::calculator::CalculatorClient;
use crate::ways::stack;

fn authority() -> (Tls, rustls::ClientConfig) {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let tls = Tls::from_pem(own.cert.pem().as_bytes(), own.signing_key.serialize_pem().as_bytes()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(own.cert.der().clone()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    (tls, builder.with_root_certificates(roots).with_no_client_auth())
}

#[tokio::test]
async fn a_server_behind_tls_is_called_over_either_version_of_http() {
    let (tls, config) = authority();
    let server = serve(stack()).tls(tls).signals(false).print_port(false).bind().await.unwrap();
    let url = format!("https://localhost:{}", server.local_addr().unwrap().port());
    tokio::spawn(server.run());
    for builder in [Channel::builder(), Channel::builder().http2_prior_knowledge()] {
        let client = CalculatorClient::new(builder.tls_config(config.clone()).connect(&url).unwrap());
        assert_eq!(client.add(1.0, 2.0).await.unwrap(), 3.0);
        assert_eq!(client.countdown(10).await.unwrap().collect().await.unwrap().len(), 10);
    }
    // The system does not know this authority.
    if let Ok(channel) = Channel::connect(&url) {
        let error = CalculatorClient::new(channel).add(1.0, 2.0).await.unwrap_err();
        assert!(error.is_connection_error() && error.message().contains("certificate"), "{error}");
    }
}
