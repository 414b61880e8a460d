//! TLS in front of HTTP.

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{WantsServerCert, WebPkiClientVerifier};
use rustls::{ConfigBuilder, RootCertStore, ServerConfig, WantsVerifier};
use tower_vgi::BoxError;

/// How a server proves who it is, and what it demands of its callers: a [`rustls::ServerConfig`].
///
/// ```no_run
/// # async fn run<S>(service: S) -> Result<(), tower_vgi::BoxError> {
/// use tower_vgi_layers::serve::Tls;
///
/// let tls = Tls::from_pem_files("server.crt", "server.key")?;
/// # let _ = tls;
/// # Ok(())
/// # }
/// ```
///
/// A configuration made by hand, with client certificates or with certificates that change while the server runs, is
/// taken as it is. HTTP/2 and HTTP/1.1 are offered where it says nothing of ALPN.
#[derive(Clone)]
pub struct Tls {
    pub(super) config: Arc<ServerConfig>,
}

impl Tls {
    /// A certificate chain, the server's own first, and its private key, both in PEM. TLS 1.2 and 1.3.
    ///
    /// # Errors
    ///
    /// When one of them cannot be read, or the key is not that of the certificate.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        Self::new(certificates, key, |builder| Ok(builder.with_no_client_auth()))
    }

    /// Like [`from_pem`](Self::from_pem), and asks clients for a certificate that one of these authorities, in PEM, has
    /// signed. Services find it as [`PeerCertificates`](tower_vgi::PeerCertificates) in the extensions of requests.
    ///
    /// # Errors
    ///
    /// When the authorities cannot be read or are none, and those of [`from_pem`](Self::from_pem).
    pub fn mutual_from_pem(
        certificates: &[u8],
        key: &[u8],
        authorities: &[u8],
        clients: ClientCertificates,
    ) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for authority in CertificateDer::pem_slice_iter(authorities) {
            let added = authority.map_err(BoxError::from).and_then(|authority| Ok(roots.add(authority)?));
            added.map_err(|error| TlsError::new("the authorities of clients cannot be read", error))?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
        let verifier = match clients {
            ClientCertificates::Required => verifier,
            ClientCertificates::Optional => verifier.allow_unauthenticated(),
        };
        let verifier = verifier.build();
        let verifier = verifier.map_err(|error| TlsError::new("the authorities of clients do not serve", error))?;
        Self::new(certificates, key, |builder| Ok(builder.with_client_cert_verifier(verifier)))
    }

    fn new(
        certificates: &[u8],
        key: &[u8],
        clients: impl FnOnce(ConfigBuilder<ServerConfig, WantsVerifier>) -> Result<WithClients, rustls::Error>,
    ) -> Result<Self, TlsError> {
        let chain = CertificateDer::pem_slice_iter(certificates).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| TlsError::new("the certificates are no PEM", error))?;
        let key = PrivateKeyDer::from_pem_slice(key);
        let key = key.map_err(|error| TlsError::new("there is no private key in PEM", error))?;
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .and_then(clients)
            .and_then(|builder| builder.with_single_cert(chain, key))
            .map_err(|error| TlsError::new("certificate and key do not serve", error))?;
        Ok(config.into())
    }

    /// Like [`from_pem`](Self::from_pem), out of files. Reads them at once.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, and those of [`from_pem`](Self::from_pem).
    pub fn from_pem_files(certificates: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Self, TlsError> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|error| TlsError::new(format!("cannot read {}", path.display()), error))
        };
        Self::from_pem(&read(certificates.as_ref())?, &read(key.as_ref())?)
    }
}

type WithClients = ConfigBuilder<ServerConfig, WantsServerCert>;

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Whether clients have to show a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientCertificates {
    /// A client without one gets no connection.
    Required,
    /// A client without one gets a connection; who may call what is for a layer to decide. A certificate of another
    /// authority ends the connection all the same.
    Optional,
}

impl From<Arc<ServerConfig>> for Tls {
    fn from(mut config: Arc<ServerConfig>) -> Self {
        if config.alpn_protocols.is_empty() {
            Arc::make_mut(&mut config).alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        }
        Self { config }
    }
}

impl From<ServerConfig> for Tls {
    fn from(config: ServerConfig) -> Self {
        Arc::new(config).into()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// Why a server cannot prove who it is.
#[derive(Debug)]
pub struct TlsError {
    what: String,
    source: Box<dyn Error + Send + Sync>,
}

impl TlsError {
    fn new(what: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { what: what.into(), source: source.into() }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.what, self.source)
    }
}

impl Error for TlsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_serve_is_named() {
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (certificate, key) = (own.cert.pem(), own.signing_key.serialize_pem());
        assert!(Tls::from_pem(certificate.as_bytes(), key.as_bytes()).is_ok());

        let says = |certificate: &str, key: &str| Tls::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap_err();
        let foreign = other.signing_key.serialize_pem();
        assert!(says(&certificate, &foreign).to_string().starts_with("certificate and key do not serve"));
        assert!(says(&certificate, &certificate).to_string().starts_with("there is no private key"));
        assert!(says("", &key).to_string().starts_with("certificate and key do not serve"));
        let error = Tls::from_pem_files("/nowhere.crt", "/nowhere.key").unwrap_err();
        assert!(error.to_string().starts_with("cannot read /nowhere.crt: "), "{error}");
    }
}
