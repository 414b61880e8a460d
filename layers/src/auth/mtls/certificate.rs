//! [`ClientCertificate`]: what is known of a client's certificate.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tower_vgi::AuthReason;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

use super::distinguished_name;
use crate::auth::AuthError;

/// What is known of a client's certificate: all of it, or what a proxy says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientCertificate {
    /// The SHA-256 of the certificate, in hexadecimal digits.
    pub fingerprint: Option<String>,
    /// The whole name of the holder, in the form of RFC 4514: `CN=alice,O=Example`.
    pub subject: Option<String>,
    /// The common name of the holder; `None` also where there are several, as nobody can tell which one counts.
    pub common_name: Option<String>,
    /// The holder's other names: URIs, such as SPIFFE ids.
    pub uris: Vec<String>,
    /// The holder's other names: DNS names.
    pub dns_names: Vec<String>,
    /// The number that the issuer gave the certificate, in hexadecimal digits.
    pub serial: Option<String>,
    /// Until when the certificate is valid, in the form of RFC 3339.
    pub not_after: Option<String>,
    /// What the proxy calls itself.
    pub by: Option<String>,
    /// The certificate itself.
    pub der: Option<Bytes>,
    /// In Unix seconds: from when, and until when.
    pub(super) term: Option<(i64, i64)>,
}

impl ClientCertificate {
    /// Reads a certificate.
    ///
    /// # Errors
    ///
    /// A refusal where it is none.
    pub fn from_der(der: impl Into<Bytes>) -> Result<Self, AuthError> {
        let der = der.into();
        let refused = || AuthError::refused(AuthReason::InvalidCredential, "the client certificate cannot be read");
        let (rest, certificate) = X509Certificate::from_der(&der).map_err(|_| refused())?;
        if !rest.is_empty() {
            return Err(refused());
        }
        let (mut uris, mut dns_names) = (Vec::new(), Vec::new());
        if let Ok(Some(names)) = certificate.subject_alternative_name() {
            for name in &names.value.general_names {
                match name {
                    GeneralName::URI(uri) => uris.push((*uri).to_owned()),
                    GeneralName::DNSName(name) => dns_names.push((*name).to_owned()),
                    _ => {}
                }
            }
        }
        let mut common_names = certificate.subject().iter_common_name();
        let common_name = match (common_names.next(), common_names.next()) {
            (Some(only), None) => only.as_str().ok(),
            _ => None,
        };
        let validity = certificate.validity();
        let not_after = validity.not_after.to_datetime();
        Ok(Self {
            fingerprint: Some(hex::encode(Sha256::digest(&der))),
            subject: Some(distinguished_name::write(certificate.subject())),
            common_name: common_name.map(str::to_owned),
            uris,
            dns_names,
            serial: Some(format!("{:x}", certificate.serial)),
            not_after: Some(format!(
                "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
                not_after.year(),
                u8::from(not_after.month()),
                not_after.day(),
                not_after.hour(),
                not_after.minute(),
                not_after.second()
            )),
            by: None,
            term: Some((validity.not_before.timestamp(), validity.not_after.timestamp())),
            der: Some(der.clone()),
        })
    }

    /// Refuses a certificate that is not valid at that time, in Unix seconds. What is not known is not looked at.
    pub(super) fn check_term(&self, now: i64) -> Result<(), AuthError> {
        match self.term {
            Some((from, _)) if now < from => Err(expired("the client certificate is not valid yet")),
            Some((_, until)) if now > until => Err(expired("the client certificate has expired")),
            _ => Ok(()),
        }
    }
}

fn expired(detail: &'static str) -> AuthError {
    AuthError::refused(AuthReason::ExpiredCredential, detail)
}
