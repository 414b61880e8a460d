//! A certificate in a header.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use tower_vgi::AuthReason;

use super::certificate::ClientCertificate;
use crate::auth::AuthError;

/// Reads PEM, percent-encoded as nginx writes it or with spaces for its line ends, or DER in base64, between colons or
/// not, as HAProxy and RFC 9440 write it.
pub(super) fn read(text: &str) -> Result<ClientCertificate, AuthError> {
    let refused = || AuthError::refused(AuthReason::InvalidCredential, "the forwarded client certificate is none");
    // A plus is one of base64, and no space.
    let text = percent_decode_str(text.trim()).decode_utf8().map_err(|_| refused())?;
    let encoded = match text.split_once("-----BEGIN CERTIFICATE-----") {
        Some(("", rest)) => rest.split_once("-----END CERTIFICATE-----").ok_or_else(refused)?.0,
        Some(_) => return Err(refused()),
        None => text.strip_prefix(':').and_then(|text| text.strip_suffix(':')).unwrap_or(&text),
    };
    let encoded: String = encoded.chars().filter(|character| !character.is_ascii_whitespace()).collect();
    ClientCertificate::from_der(STANDARD.decode(encoded).map_err(|_| refused())?)
}
