//! The version gate of a protocol: major and minor have to agree (wire specification §4.5).

use std::fmt;
use std::str::FromStr;

use http::StatusCode;

use crate::{ErrorCode, ErrorDetail, RpcError};

/// The kind of the error that a version mismatch gives.
pub const PROTOCOL_VERSION_MISMATCH: &str = "protocol_version_mismatch";

/// `MAJOR.MINOR.PATCH`, without leading zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProtocolVersion {
    major: u64,
    minor: u64,
    patch: u64,
}

impl FromStr for ProtocolVersion {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let number = |part: &str| {
            let plain = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            let padded = part.len() > 1 && part.starts_with('0');
            if plain && !padded { part.parse::<u64>().map_err(|_| ()) } else { Err(()) }
        };
        let mut parts = text.split('.');
        let mut next = || parts.next().ok_or(()).and_then(number);
        let version = Self { major: next()?, minor: next()?, patch: next()? };
        if parts.next().is_some() { Err(()) } else { Ok(version) }
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Lets a caller of a compatible version pass.
pub(crate) fn check(protocol: &str, server: ProtocolVersion, client: Option<&[u8]>) -> Result<(), RpcError> {
    let parsed = client.map(|bytes| {
        std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<ProtocolVersion>().ok()).ok_or(bytes)
    });
    let (shown, direction) = match parsed {
        Some(Ok(version)) if (version.major, version.minor) == (server.major, server.minor) => return Ok(()),
        Some(Ok(version)) if version < server => (version.to_string(), "the client is older than the server"),
        Some(Ok(version)) => (version.to_string(), "the server is older than the client"),
        Some(Err(bytes)) => {
            let text: String = String::from_utf8_lossy(bytes).chars().take(64).collect();
            (format!("{text:?}"), "unknown: the client's version is not MAJOR.MINOR.PATCH")
        }
        None => ("none sent".to_owned(), "unknown: the client sent no version"),
    };
    let message = format!(
        "VGI client/worker protocol_version mismatch for protocol '{protocol}'.\n  Client: {shown}\n  Server: {server}\n  \
         Direction: {direction}. Major and minor have to be equal; upgrade the older side."
    );
    Err(RpcError::new("ProtocolVersionError", message)
        .with_kind(PROTOCOL_VERSION_MISMATCH)
        .with_code(ErrorCode::FailedPrecondition)
        .with_detail(ErrorDetail::precondition_failure(
            "protocol_version",
            protocol,
            format!("client {shown}, server {server}"),
        ))
        .with_status(StatusCode::BAD_REQUEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> ProtocolVersion {
        text.parse().unwrap()
    }

    #[test]
    fn only_plain_triples_are_versions() {
        for bad in ["", "1", "1.0", "1.0.0.0", "01.0.0", "1.0.0-rc1", "a.b.c", "1..0", "+1.0.0"] {
            assert!(bad.parse::<ProtocolVersion>().is_err(), "{bad}");
        }
        assert_eq!(version("10.20.30").to_string(), "10.20.30");
    }

    #[test]
    fn patch_is_free_and_the_rest_is_not() {
        assert!(check("P", version("1.2.3"), Some(b"1.2.9")).is_ok());
        for bad in [Some(&b"1.3.3"[..]), Some(b"2.2.3"), Some(b"rubbish"), Some(b"\xff"), None] {
            let error = check("P", version("1.2.3"), bad).unwrap_err();
            assert_eq!(error.kind(), Some(PROTOCOL_VERSION_MISMATCH));
            assert_eq!(error.status(), StatusCode::BAD_REQUEST);
        }
    }

    #[test]
    fn the_direction_names_the_older_side() {
        let error = check("P", version("1.2.3"), Some(b"1.1.0")).unwrap_err();
        assert!(error.message().contains("the client is older"), "{}", error.message());
    }
}
