//! Certificates that an authority of the tests has signed: in headers, and over a real connection.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rcgen::{CertificateParams, DnType, Issuer, KeyPair, SanType};
use tower_vgi::AuthReason::{
    self, ExpiredCredential, InsufficientScope, InvalidCredential, MissingCredential, ProxyRequired,
};
use tower_vgi::{AuthContext, PeerAddr, PeerCertificates};

use super::*;
use crate::auth::{AuthError, Authenticate as _, chain};

pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(super) pem: String,
}

pub(super) struct Signed {
    pub(super) certificate: rcgen::Certificate,
    pub(super) key: KeyPair,
}

impl Authority {
    pub(super) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    pub(super) fn sign(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Signed {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::OrganizationName, "Example, Inc");
        params.distinguished_name.push(DnType::CommonName, name);
        change(&mut params);
        Signed { certificate: params.signed_by(&key, &self.issuer).unwrap(), key }
    }
}

impl Signed {
    fn der(&self) -> Bytes {
        Bytes::copy_from_slice(self.certificate.der())
    }

    fn escaped_pem(&self) -> String {
        utf8_percent_encode(&self.certificate.pem(), NON_ALPHANUMERIC).to_string()
    }
}

fn alice() -> Signed {
    Authority::new().sign("alice", |_| {})
}

fn head(headers: &[(&str, &str)]) -> Parts {
    let mut head = Request::new(()).into_parts().0;
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        head.headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    head
}

fn of_header() -> Mtls {
    Mtls::of_header(TrustedProxies::anybody_who_connects())
}

fn of_xfcc() -> Mtls {
    Mtls::of_xfcc(TrustedProxies::anybody_who_connects())
}

fn of_connection(der: Bytes) -> Parts {
    let mut head = head(&[]);
    head.extensions.insert(PeerCertificates([der].into()));
    head
}

async fn name(mtls: &Mtls, head: Parts) -> Result<String, Option<AuthReason>> {
    mtls.authenticate(&head).await.map(|caller| caller.principal).map_err(|error| error.reason())
}

#[tokio::test]
async fn a_certificate_is_read_in_every_form_that_proxies_write() {
    let alice = alice();
    let der = STANDARD.encode(alice.der());
    let pem_in_a_line = alice.certificate.pem().replace("\r\n", "\n").trim().replace('\n', " ");
    for value in [alice.escaped_pem(), pem_in_a_line, der.clone(), format!(":{der}:")] {
        let head = head(&[("x-ssl-client-cert", &value)]);
        let caller = of_header().authenticate(&head).await.unwrap();
        assert_eq!((caller.domain.as_str(), caller.principal.as_str()), ("mtls", "alice"));
        assert_eq!(caller.claims["subject_dn"], r"O=Example\, Inc,CN=alice");
        assert_eq!(caller.claims["dns"], serde_json::json!(["localhost"]));
        assert!(caller.claims["not_valid_after"].as_str().unwrap().ends_with('Z'));
    }
    let named = of_header().header(HeaderName::from_static("client-cert")).domain("corp");
    let caller = named.authenticate(&head(&[("client-cert", &der)])).await.unwrap();
    assert_eq!(caller.domain, "corp");
}

#[tokio::test]
async fn what_is_no_certificate_is_refused() {
    let good = alice().escaped_pem();
    let cut = STANDARD.encode(&alice().der()[..100]);
    let trailing = STANDARD.encode([&alice().der()[..], b"x"].concat());
    let long = "A".repeat(20_000);
    for value in ["", "x", "%ff", ":", "-----BEGIN CERTIFICATE-----", "AAAA", &cut, &trailing, &long] {
        assert_eq!(name(&of_header(), head(&[("x-ssl-client-cert", value)])).await, Err(Some(InvalidCredential)));
    }
    let twice = head(&[("x-ssl-client-cert", &good), ("x-ssl-client-cert", &good)]);
    assert_eq!(name(&of_header(), twice).await, Err(Some(InvalidCredential)));
    let nameless = Authority::new().sign("", |_| {});
    let two_names = Authority::new().sign("alice", |params| {
        params.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 3]), "root");
    });
    for signed in [nameless, two_names] {
        assert_eq!(name(&Mtls::of_connection(), of_connection(signed.der())).await, Err(Some(InvalidCredential)));
    }
}

#[tokio::test]
async fn a_header_that_the_proxy_did_not_set_is_the_proxys_fault() {
    for mtls in [of_header(), of_xfcc()] {
        assert_eq!(name(&mtls, head(&[])).await, Err(Some(ProxyRequired)));
        assert_eq!(mtls.proxy_headers().len(), 1);
    }
    assert_eq!(name(&Mtls::of_connection(), head(&[])).await, Err(Some(MissingCredential)));
    assert!(Mtls::of_connection().proxy_headers().is_empty());
}

#[tokio::test]
async fn headers_of_others_than_the_proxy_are_not_believed() {
    let alice = alice().escaped_pem();
    let proxy = IpAddr::from(Ipv4Addr::new(10, 0, 0, 1));
    let mtls = Mtls::of_header(TrustedProxies::at([proxy]));
    let from = |address: Option<&str>| {
        let mut head = head(&[("x-ssl-client-cert", &alice)]);
        if let Some(address) = address {
            head.extensions.insert(PeerAddr(SocketAddr::new(address.parse().unwrap(), 4711)));
        }
        head
    };
    assert_eq!(name(&mtls, from(Some("10.0.0.1"))).await.as_deref(), Ok("alice"));
    assert_eq!(name(&mtls, from(Some("::ffff:10.0.0.1"))).await.as_deref(), Ok("alice"));
    for address in [Some("10.0.0.2"), Some("::1"), None] {
        assert_eq!(name(&mtls, from(address)).await, Err(Some(ProxyRequired)), "{address:?}");
    }
    let envoy = head(&[("x-forwarded-client-cert", r#"Subject="CN=alice""#)]);
    assert_eq!(name(&Mtls::of_xfcc(TrustedProxies::at([proxy])), envoy).await, Err(Some(ProxyRequired)));
    // What stands before the nearest proxy's own element may be the client's.
    let forged = head(&[("x-forwarded-client-cert", r#"Subject="CN=root",Hash=1;Subject="CN=alice""#)]);
    assert_eq!(name(&of_xfcc(), forged).await.as_deref(), Ok("alice"));
}

#[tokio::test]
async fn the_word_of_an_envoy_is_enough() {
    let text = r#"By=spiffe://mesh/server;Hash=AB12;Subject="CN=first";URI=spiffe://mesh/a, Hash=CD;Subject="CN=last""#;
    let headers = [("x-forwarded-client-cert", text)];
    let first = of_xfcc().element(XfccElement::First).authenticate(&head(&headers)).await.unwrap();
    assert_eq!(first.principal, "first");
    let expected = serde_json::json!({
        "subject_dn": "CN=first", "hash": "ab12", "uri": ["spiffe://mesh/a"], "by": "spiffe://mesh/server"
    });
    assert_eq!(serde_json::Value::from((*first.claims).clone()), expected);
    assert_eq!(name(&of_xfcc(), head(&headers)).await.as_deref(), Ok("last"));
    for text in ["", ",", "Hash=1", r#"Subject="O=x""#, r#"Subject="CN=alice"#] {
        assert_eq!(
            name(&of_xfcc(), head(&[("x-forwarded-client-cert", text)])).await,
            Err(Some(InvalidCredential)),
            "{text}"
        );
    }
    let alice = alice();
    let whole = format!("Hash=00;Cert=\"{}\"", alice.escaped_pem());
    let forged = head(&[("x-forwarded-client-cert", whole.as_str())]);
    assert_eq!(name(&of_xfcc(), forged).await, Err(Some(InvalidCredential)));
    let whole = format!("Cert=\"{}\"", alice.escaped_pem());
    let twice = format!("{whole};{whole}");
    let twice = head(&[("x-forwarded-client-cert", twice.as_str())]);
    assert_eq!(name(&of_xfcc(), twice).await, Err(Some(InvalidCredential)));
    assert_eq!(name(&of_xfcc(), head(&[("x-forwarded-client-cert", &whole)])).await.as_deref(), Ok("alice"));
}

#[tokio::test]
async fn terms_count() {
    let authority = Authority::new();
    let old = authority.sign("alice", |params| params.not_after = rcgen::date_time_ymd(2020, 1, 1)).der();
    let early = authority.sign("alice", |params| params.not_before = rcgen::date_time_ymd(4000, 1, 1)).der();
    for der in [old, early] {
        assert_eq!(name(&Mtls::of_connection(), of_connection(der.clone())).await, Err(Some(ExpiredCredential)));
        assert_eq!(name(&Mtls::of_connection().check_term(false), of_connection(der)).await.as_deref(), Ok("alice"));
    }
}

#[tokio::test]
async fn callers_are_known_by_name_fingerprint_or_as_you_say() {
    let alice = alice();
    let head = || of_connection(alice.der());
    let fingerprint = ClientCertificate::from_der(alice.der()).unwrap().fingerprint.unwrap();

    assert_eq!(name(&Mtls::of_connection().allow_names(["alice"]), head()).await.as_deref(), Ok("alice"));
    assert_eq!(name(&Mtls::of_connection().allow_names(["bob"]), head()).await, Err(Some(InsufficientScope)));

    let upper = fingerprint.to_ascii_uppercase();
    let pairs = upper.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    let with_colons = pairs.collect::<Vec<_>>().join(":");
    let known = AuthContext::authenticated("pinned", "the first");
    for text in [fingerprint.as_str(), &with_colons] {
        let mtls = Mtls::of_connection().by_fingerprint([(text, known.clone())]);
        assert_eq!(mtls.authenticate(&head()).await.unwrap(), known);
    }
    let others = Mtls::of_connection().by_fingerprint([("00", known)]);
    assert_eq!(name(&others, head()).await, Err(Some(InvalidCredential)));

    let spiffe = Mtls::of_connection().identify_by(|certificate| {
        let id = certificate.uris.iter().find(|uri| uri.starts_with("spiffe://"));
        let id = id.ok_or_else(|| AuthError::refused(InvalidCredential, "no SPIFFE id"))?;
        Ok(AuthContext::authenticated("spiffe", id.as_str()))
    });
    assert_eq!(name(&spiffe, head()).await, Err(Some(InvalidCredential)));
    let workload = Authority::new().sign("w", |params| {
        params.subject_alt_names.push(SanType::URI("spiffe://mesh/w".try_into().unwrap()));
    });
    assert_eq!(name(&spiffe, of_connection(workload.der())).await.as_deref(), Ok("spiffe://mesh/w"));
}

#[tokio::test]
async fn whoever_has_no_certificate_may_have_something_else() {
    let either = chain(of_header(), |_: &Parts| std::future::ready(Ok(AuthContext::anonymous())));
    assert!(either.authenticate(&head(&[])).await.is_ok());
}

#[cfg(all(feature = "serve", feature = "tls"))]
mod over_tls {
    use std::convert::Infallible;
    use std::sync::Arc;

    use http::Response;
    use http_body_util::{BodyExt as _, Empty};
    use hyper::body::Incoming;
    use hyper_util::client::legacy::Client;
    use hyper_util::rt::TokioExecutor;
    use rustls::pki_types::PrivateKeyDer;
    use rustls::pki_types::pem::PemObject as _;
    use rustls::{ClientConfig, RootCertStore};
    use tower::{ServiceBuilder, service_fn};
    use tower_vgi::Body;

    use super::*;
    use crate::auth::AuthLayer;
    use crate::serve::{ClientCertificates, Tls};

    /// Starts a server that says whom it sees.
    async fn start(authority: &Authority, clients: ClientCertificates) -> SocketAddr {
        let own = authority.sign("server", |_| {});
        let (certificate, key) = (own.certificate.pem(), own.key.serialize_pem());
        let tls = Tls::mutual_from_pem(certificate.as_bytes(), key.as_bytes(), authority.pem.as_bytes(), clients);
        let service = ServiceBuilder::new().layer(AuthLayer::new(Mtls::of_connection())).service(service_fn(
            async |request: Request<Incoming>| {
                let caller = request.extensions().get::<AuthContext>().map(|caller| caller.principal.clone());
                Ok::<_, Infallible>(Response::new(Body::from(caller.unwrap_or_default())))
            },
        ));
        let server = crate::serve(service).port(0).tls(tls.unwrap()).signals(false).print_port(false);
        let server = server.bind().await.unwrap();
        let address = server.local_addr().unwrap();
        tokio::spawn(server.run());
        address
    }

    /// What a client with this certificate gets; an error where there is no connection.
    async fn get(authority: &Authority, address: SocketAddr, client: Option<&Signed>) -> Result<(u16, String), String> {
        let mut roots = RootCertStore::empty();
        roots.add(rustls::pki_types::CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots);
        let config = match client {
            Some(client) => {
                let key = PrivateKeyDer::try_from(client.key.serialize_der()).unwrap();
                config.with_client_auth_cert(vec![client.certificate.der().clone()], key).unwrap()
            }
            None => config.with_no_client_auth(),
        };
        let connector =
            hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(config).https_only().enable_http1().build();
        let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
        let url = format!("https://localhost:{}/x", address.port()).parse().unwrap();
        let response = client.get(url).await.map_err(|error| format!("{error:?}"))?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }

    #[tokio::test]
    async fn the_server_itself_knows_whose_certificate_it_has_checked() {
        let authority = Authority::new();
        let alice = authority.sign("alice", |_| {});
        let foreign = Authority::new().sign("alice", |_| {});
        for clients in [ClientCertificates::Required, ClientCertificates::Optional] {
            let address = start(&authority, clients).await;
            assert_eq!(get(&authority, address, Some(&alice)).await, Ok((200, "alice".to_owned())));
            assert!(get(&authority, address, Some(&foreign)).await.is_err());
            let nobody = get(&authority, address, None).await;
            match clients {
                ClientCertificates::Required => assert!(nobody.is_err()),
                ClientCertificates::Optional => {
                    let (status, body) = nobody.unwrap();
                    assert!(status == 401 && body.contains("missing_credential"), "{body}");
                }
            }
        }
    }

    #[test]
    fn authorities_that_do_not_serve_are_named() {
        let authority = Authority::new();
        let own = authority.sign("server", |_| {});
        let (certificate, key) = (own.certificate.pem(), own.key.serialize_pem());
        for (authorities, says) in [("", "do not serve"), (key.as_str(), "do not serve")] {
            let (certificate, key) = (certificate.as_bytes(), key.as_bytes());
            let clients = ClientCertificates::Required;
            let error =
                Tls::mutual_from_pem(certificate, key, authorities.as_bytes(), clients).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
