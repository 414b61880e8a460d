//! An identity provider: keys that are made, published over HTTP, rotated, and taken down.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, AlgorithmFamily, EncodingKey, Header, encode, get_current_timestamp};
use rsa::pkcs1::{EncodeRsaPrivateKey as _, EncodeRsaPublicKey as _};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tower::service_fn;
use tower_vgi::Body;

pub(super) const AUDIENCE: &str = "https://api.example";

/// Making one takes long, so that all tests share it.
static RSA: LazyLock<rsa::PrivateKey> = LazyLock::new(|| rsa::PrivateKey::new(&mut rand::rng(), 2048).unwrap());

/// A pair of keys and its name.
#[derive(Clone)]
pub(super) struct SigningKey {
    pub(super) id: &'static str,
    pub(super) algorithm: Algorithm,
    key: EncodingKey,
}

impl SigningKey {
    pub(super) fn new(id: &'static str, algorithm: Algorithm) -> Self {
        let pair = |algorithm| rcgen::KeyPair::generate_for(algorithm).unwrap().serialize_der();
        let key = match algorithm.family() {
            AlgorithmFamily::Rsa => EncodingKey::from_rsa_der(RSA.to_pkcs1_der().unwrap().as_bytes()),
            AlgorithmFamily::Ed => EncodingKey::from_ed_der(&ed25519()),
            _ if algorithm == Algorithm::ES384 => EncodingKey::from_ec_der(&pair(&rcgen::PKCS_ECDSA_P384_SHA384)),
            _ => EncodingKey::from_ec_der(&pair(&rcgen::PKCS_ECDSA_P256_SHA256)),
        };
        Self { id, algorithm, key }
    }

    pub(super) fn jwk(&self) -> Value {
        let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&self.key, self.algorithm).unwrap()).unwrap();
        jwk["kid"] = self.id.into();
        jwk["use"] = "sig".into();
        jwk
    }

    /// A token with claims that are good, but for those that are given; `null` leaves one out.
    pub(super) fn token(&self, issuer: &str, claims: &Value) -> String {
        let header = Header { kid: Some(self.id.to_owned()), ..Header::new(self.algorithm) };
        self.token_with(&header, issuer, claims)
    }

    pub(super) fn token_with(&self, header: &Header, issuer: &str, claims: &Value) -> String {
        encode(header, &good_claims(issuer, claims), &self.key).unwrap()
    }
}

/// A new key in the plain form of PKCS #8; rcgen writes the one with the public key, which jsonwebtoken does not read.
fn ed25519() -> Vec<u8> {
    [&hex::decode("302e020100300506032b657004220420").unwrap()[..], &rand::random::<[u8; 32]>()].concat()
}

pub(super) fn good_claims(issuer: &str, changes: &Value) -> Value {
    let now = get_current_timestamp();
    let mut claims = json!({"iss": issuer, "aud": AUDIENCE, "sub": "alice", "exp": now + 3600, "iat": now});
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => claims.as_object_mut().unwrap().remove(name),
            value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    claims
}

/// The public half of the RSA key, as whoever takes it for a secret of HMAC would have it.
pub(super) fn public_rsa_key() -> Vec<Vec<u8>> {
    let public = RSA.as_public_key();
    let der = public.to_pkcs1_der().unwrap();
    let pem = public.to_pkcs1_pem(rsa::pkcs1::LineEnding::LF).unwrap();
    vec![der.as_bytes().to_vec(), pem.into_bytes()]
}

/// Serves the discovery document and the keys.
pub(super) struct Issuer {
    pub(super) url: String,
    pub(super) keys: Arc<Mutex<Vec<Value>>>,
    /// How often the keys were asked for.
    asked: Arc<AtomicUsize>,
    stop: Option<oneshot::Sender<()>>,
    stopped: Option<tokio::task::JoinHandle<()>>,
}

impl Issuer {
    pub(super) async fn start(keys: &[&SigningKey]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let keys = Arc::new(Mutex::new(keys.iter().map(|key| key.jwk()).collect::<Vec<_>>()));
        let asked = Arc::new(AtomicUsize::new(0));
        let documents = {
            let (url, keys, asked) = (url.clone(), keys.clone(), asked.clone());
            service_fn(move |request: Request<Incoming>| {
                let document = match request.uri().path() {
                    "/.well-known/openid-configuration" => {
                        Some(json!({"issuer": url, "jwks_uri": format!("{url}/keys")}))
                    }
                    "/keys" => {
                        asked.fetch_add(1, Ordering::SeqCst);
                        Some(json!({"keys": *keys.lock().unwrap()}))
                    }
                    _ => None,
                };
                let mut response = Response::new(Body::empty());
                match document {
                    Some(document) => *response.body_mut() = Body::from(document.to_string()),
                    None => *response.status_mut() = StatusCode::NOT_FOUND,
                }
                async { Ok::<_, Infallible>(response) }
            })
        };
        let (stop, stopping) = oneshot::channel::<()>();
        let server = crate::serve(documents).listener(listener).signals(false).print_port(false);
        let server = server.drain_timeout(std::time::Duration::ZERO);
        let server = server.shutdown_on(async {
            let _ = stopping.await;
        });
        let server = server.bind().await.unwrap();
        let stopped = tokio::spawn(async move { server.run().await.unwrap() });
        Self { url, keys, asked, stop: Some(stop), stopped: Some(stopped) }
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub(super) fn rotate(&self, keys: &[&SigningKey]) {
        *self.keys.lock().unwrap() = keys.iter().map(|key| key.jwk()).collect();
    }

    pub(super) async fn take_down(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        self.stopped.take().unwrap().await.unwrap();
    }
}
