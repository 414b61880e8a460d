//! Whom we trust over TLS, as a client.

use std::sync::Arc;

use hyper_rustls::ConfigBuilderExt as _;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct, Error, OtherError, RootCertStore,
    SignatureScheme, WantsVerifier,
};

use crate::{Result, RpcError};

/// What a builder says about TLS.
#[derive(Clone)]
pub(crate) enum Tls {
    /// Everything.
    Config(Box<ClientConfig>),
    /// Which authorities are trusted, as PEM.
    Authorities(Vec<u8>),
}

impl Tls {
    /// What a connector needs: the configuration without protocols, which are set by the connector.
    pub(crate) fn config(tls: Option<&Self>) -> Result<ClientConfig, RpcError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        match tls {
            Some(Self::Config(config)) => {
                let mut config = ClientConfig::clone(config);
                config.alpn_protocols.clear();
                Ok(config)
            }
            Some(Self::Authorities(pem)) => trusting(pem, provider),
            None => Ok(begin(provider)?
                .with_native_roots()
                .map_err(|error| RpcError::value_error(format!("the system's root certificates: {error}")))?
                .with_no_client_auth()),
        }
    }
}

#[cfg(feature = "external")]
impl Tls {
    /// Trusts nobody: in place of a configuration that could not be made.
    pub(crate) fn nobody() -> Result<ClientConfig, RpcError> {
        let builder = begin(Arc::new(rustls::crypto::ring::default_provider()))?;
        Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
    }
}

fn begin(provider: Arc<CryptoProvider>) -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, RpcError> {
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| RpcError::value_error(format!("TLS cannot be set up: {error}")))
}

fn trusting(pem: &[u8], provider: Arc<CryptoProvider>) -> Result<ClientConfig, RpcError> {
    let trust = Trust::new(pem, provider.clone())?;
    Ok(begin(provider)?.dangerous().with_custom_certificate_verifier(Arc::new(trust)).with_no_client_auth())
}

/// Trusts authorities, and a server that shows the very certificate of one: self-signed certificates are commonly those
/// of an authority, which otherwise may not be a server's own. Its name and its term count as ever.
#[derive(Debug)]
struct Trust {
    inner: Arc<WebPkiServerVerifier>,
    authorities: Vec<CertificateDer<'static>>,
}

impl Trust {
    fn new(pem: &[u8], provider: Arc<CryptoProvider>) -> Result<Self, RpcError> {
        let bad = |error: &dyn std::fmt::Display| {
            RpcError::value_error(format!("the certificates of authorities cannot be read: {error}"))
        };
        let authorities: Vec<_> =
            CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|error| bad(&error))?;
        let mut roots = RootCertStore::empty();
        for authority in &authorities {
            roots.add(authority.clone()).map_err(|error| bad(&error))?;
        }
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        Ok(Self { inner: builder.build().map_err(|error| bad(&error))?, authorities })
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            // Found after the term has been checked.
            Err(error) if is_authority(&error) && self.authorities.contains(end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

fn is_authority(error: &Error) -> bool {
    match error {
        Error::InvalidCertificate(CertificateError::Other(OtherError(error))) => {
            matches!(error.downcast_ref::<webpki::Error>(), Some(webpki::Error::CaUsedAsEndEntity))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

    use super::*;

    fn certificate(is_ca: IsCa) -> rcgen::Certificate {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.is_ca = is_ca;
        (params.not_before, params.not_after) = (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(2030, 1, 1));
        params.self_signed(&KeyPair::generate().unwrap()).unwrap()
    }

    fn verify(trusted: &rcgen::Certificate, shown: &rcgen::Certificate, name: &str, year: u64) -> Result<(), Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let trust = Trust::new(trusted.pem().as_bytes(), provider).unwrap();
        let now = UnixTime::since_unix_epoch(Duration::from_secs((year - 1970) * 31_557_600 + 86_400));
        let name = ServerName::try_from(name.to_owned()).unwrap();
        trust.verify_server_cert(shown.der(), &[], &name, &[], now).map(drop)
    }

    #[test]
    fn a_self_signed_certificate_may_be_its_own_authority() {
        for is_ca in [IsCa::Ca(BasicConstraints::Unconstrained), IsCa::NoCa] {
            let (own, other) = (certificate(is_ca), certificate(is_ca));
            verify(&own, &own, "localhost", 2025).unwrap();
            for (trusted, name, year) in [
                (&other, "localhost", 2025),
                (&own, "elsewhere", 2025),
                (&own, "localhost", 2031),
                (&own, "localhost", 2019),
            ] {
                verify(trusted, &own, name, year).unwrap_err();
            }
        }
    }

    #[test]
    fn what_is_no_certificate_is_an_error() {
        let broken: &[u8] = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for pem in [&b""[..], b"none", broken] {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            assert_eq!(Trust::new(pem, provider).unwrap_err().type_name(), "ValueError");
        }
    }
}
